"""The support desk in a browser: who is signed in, what every page must hold, pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client

from enrollments.models import User
from tests.browser.conftest import Browsing

Drive = Callable[..., Any]

PICTURES = Path(__file__).resolve().parents[2] / "test-artifacts" / "pages"
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
DESKTOP = {"width": 1440, "height": 900}

# What assistive technology needs of a page, asked of the page itself: sentences about what is missing.
WANTS = """() => {
  const wrong = [];
  const shown = (node) => node.getClientRects().length > 0;
  if (!document.documentElement.lang) wrong.push("the page says no language");
  if (!document.title) wrong.push("the page has no title");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("the page has not one h1");
  if (!document.querySelector("main")) wrong.push("the page has no main part");
  for (const box of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const named = [...(box.labels ?? [])].some((label) => label.textContent.trim()) || box.getAttribute("aria-label");
    if (!named) wrong.push(`no label: ${box.outerHTML}`);
  }
  for (const node of document.querySelectorAll("a, button")) {
    if (!node.textContent.trim() && !node.getAttribute("aria-label")) wrong.push(`no name: ${node.outerHTML}`);
  }
  for (const image of document.querySelectorAll("img:not([alt])")) wrong.push(`no alt: ${image.outerHTML}`);
  for (const bar of document.querySelectorAll("progress:not([aria-label])")) wrong.push(`no name: ${bar.outerHTML}`);
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption) wrong.push("a table has no caption");
    if (table.querySelector("thead th:not([scope])")) wrong.push("a column has no scope");
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((each, at) => ids.indexOf(each) !== at))) wrong.push(`id twice: ${id}`);
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    if (!shown(node)) continue;
    for (const name of ["aria-labelledby", "aria-describedby"]) {
      for (const id of (node.getAttribute(name) ?? "").split(" ").filter(Boolean)) {
        if (!document.getElementById(id)) wrong.push(`${name} names nothing: ${id}`);
      }
    }
  }
  for (const node of document.querySelectorAll("[onclick], [onsubmit], [style]:not([style='']), script:not([src])")) {
    wrong.push(`inline script or style: ${node.outerHTML.slice(0, 200)}`);
  }
  const levels = [...document.querySelectorAll("main h1, main h2, main h3, main h4")].map((each) => +each.tagName[1]);
  if (levels.some((level, at) => at && level > levels[at - 1] + 1)) wrong.push("a level of headings is skipped");
  return wrong;
}"""

# What makes a page wider than its window.
TOO_WIDE = """(width) => document.documentElement.scrollWidth <= width ? [] : [...document.body.querySelectorAll("*")]
  .filter((node) => node.getBoundingClientRect().right > width + 1).map((node) => node.outerHTML.slice(0, 80))"""


# Texts whose contrast with their ground is below 4.5 to 1.
FAINT = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) =>
    0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
  const ground = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (colour.startsWith("rgb") && parts(colour)[3] !== 0) return parts(colour);
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.body.querySelectorAll("*")) {
    const has_text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!has_text || !node.getClientRects().length || node.tagName === "OPTION") continue;
    const pair = [light(parts(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)}: ${node.outerHTML.slice(0, 120)}`);
  }
  return faint;
}"""


def session_of(account: User, origin: str) -> dict[str, Any]:
    """Options of `drive` for a browser in which the account is signed in already."""
    client = Client()
    client.force_login(account)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": key}
    return {"storage_state": {"cookies": [{**cookie, **_cookie_place(origin)}], "origins": []}, "viewport": DESKTOP}


def _cookie_place(origin: str) -> dict[str, Any]:
    host = origin.split("//")[1].split(":")[0]
    return {"domain": host, "path": "/", "expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax"}


def look_at(page: Any, name: str) -> None:
    """Hold a page against what all pages owe, on a desk and on a phone, and keep pictures of both."""
    missing = page.evaluate(WANTS)
    assert missing == [], missing
    keep_picture(page, name)
    for size in (NARROW, PHONE):
        page.set_viewport_size(size)
        wide = page.evaluate(TOO_WIDE, size["width"])
        assert wide == [], wide
    keep_picture(page, f"{name}-phone")
    page.set_viewport_size(DESKTOP)


def keep_picture(page: Any, name: str) -> None:
    """Keep a picture of a page where CI looks for them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / f"{name}.png"), full_page=True)


def tab_to(page: Any, name: str, role: str = "button", most: int = 80) -> None:
    """Press Tab until the control of this name has the focus.

    Raises:
        AssertionError: the keyboard does not reach it.
    """
    wanted = page.get_by_role(role, name=name).first
    wanted.wait_for()
    for _ in range(most):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name!r}")


def desk(drive: Drive, browsing: Browsing, account: User, **options: Any) -> Drive:
    """`drive` as somebody who is signed in."""
    signed_in = session_of(account, browsing.origin)

    def run(work: Callable[[Any], Any]) -> Any:
        return drive(work, **{**signed_in, **options})

    return run
