"""A headless Chromium for tests. Playwright lives in a thread of its own: beside its loop Django allows no database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 20_000  # milliseconds; machines that run all tests at once are slow


@dataclass
class Browsing:
    """What a page did while it was driven: requests to other origins or without success, and errors in its console."""

    origin: str
    foreign_requests: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.foreign_requests.append(request.url)

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.failed_requests.append(f"{response.status} {response.url}")

    def assert_clean(self) -> None:
        """Nothing in the console, nothing asked of others, nothing refused."""
        assert (self.errors, self.foreign_requests, self.failed_requests) == ([], [], [])


class Chromium:
    """A running browser; every piece of work gets a profile of its own."""

    def __init__(self, executable: str) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="playwright")
        self.thread.submit(self._start, executable).result()

    def _start(self, executable: str) -> None:
        from playwright.sync_api import sync_playwright

        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])

    def drive(self, work: Callable[[Any], T], watcher: Browsing, **options: Any) -> T:
        """Run `work(page)` in the browser's thread and give back what it returns. It must not touch the database."""

        def in_thread() -> T:
            context = self.browser.new_context(base_url=watcher.origin, **options)
            context.set_default_timeout(PATIENCE)
            try:
                page = context.new_page()
                watcher.watch(page)
                return work(page)
            finally:
                context.close()

        return self.thread.submit(in_thread).result()

    def close(self) -> None:
        self.thread.submit(lambda: (self.browser.close(), self.playwright.stop())).result()
        self.thread.shutdown()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    running = Chromium(executable)
    yield running
    running.close()


@pytest.fixture
def browsing(live_server: Any) -> Browsing:
    return Browsing(live_server.url)


@pytest.fixture
def drive(chromium: Chromium, browsing: Browsing) -> Callable[..., Any]:
    """`drive(work)` runs `work(page)` against the live server, whose address is the page's base."""

    def run(work: Callable[[Any], Any], **options: Any) -> Any:
        return chromium.drive(work, browsing, **options)

    return run
