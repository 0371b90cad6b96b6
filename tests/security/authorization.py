"""The table of who may do what: `authorization.txt`, a line per request with the status that each caller gets.

A line reads `status ... METHOD path [body]`, with a status for each of CALLERS in their order. `<names>` stand for what
the scene made for the customer Zephyr; `foreign` callers belong to Quasar. Under a heading that says so, people call
with a session in place of a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver, resolve

CALLERS = (
    "anonymous", "api key", "expired token", "restricted token", "learner", "foreign learner", "admin", "foreign admin",
    "operator", "provisioning admin", "service account", "support", "staff", "superuser",
)  # fmt: skip
TABLE = Path(__file__).with_suffix(".txt")
# The console of operators has tests of its own; a path with a format suffix leads to the same view as without.
ELSEWHERE = ("admin/", "drf_format_suffix")


@dataclass(frozen=True)
class Line:
    """A request and what each caller hears."""

    method: str
    path: str
    body: str
    statuses: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body}".strip()

    def expected(self) -> dict[str, int]:
        return dict(zip(CALLERS, self.statuses, strict=True))


def sections() -> dict[str, list[Line]]:
    """The lines of the table under their headings."""
    found: dict[str, list[Line]] = {}
    for text in filter(None, TABLE.read_text().splitlines()):
        if text.startswith("#"):
            found[text.strip("# ")] = under = []
        else:
            under.append(_read(text))
    return found


def _read(text: str) -> Line:
    statuses, request = text.split()[: len(CALLERS)], text.split(maxsplit=len(CALLERS))[-1]
    method, path, *body = request.split(maxsplit=2)
    return Line(method, path, "".join(body), tuple(map(int, statuses)))


def filled(text: str, places: dict[str, str]) -> str:
    """The text with what `<names>` in it stand for."""
    for name, value in places.items():
        text = text.replace(f"<{name}>", value)
    return text


def view_of(path: str) -> str:
    """The view that answers a path."""
    return _view(resolve(path.split("?")[0]).func)


def served() -> Iterator[tuple[str, str, str]]:
    """Every method, route and view of the service."""
    for route, pattern in _walk(get_resolver(), ""):
        if not any(part in route for part in ELSEWHERE):
            view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
            methods = [name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)] or ["get"]
            for method in methods:
                yield method.upper(), route, _view(pattern.callback)


def _view(callback: object) -> str:
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None) or callback
    return f"{view.__module__}.{view.__name__}"  # type: ignore[attr-defined]


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern
        else:
            yield from _walk(pattern, route)
