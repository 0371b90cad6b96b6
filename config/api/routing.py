"""Routes found by how they begin: a request tries the few that can match, not hundreds in turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from django.urls import ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RegexPattern, RoutePattern

Route = URLPattern | URLResolver


class IndexedResolver(URLResolver):
    """Resolves as any resolver does, and tries only the routes whose literal beginning fits the path."""

    def resolve(self, path: str) -> ResolverMatch:
        folder = ""
        for part in path.split("/", self._depth)[:-1]:
            below = f"{folder}{part}/"
            if below not in self._folders:
                break
            folder = below
        return self._folders[folder].resolve(path)

    @cached_property
    def _folders(self) -> dict[str, URLResolver]:
        """For each beginning that ends with a slash, the routes for paths in it that are in no deeper one."""
        routes = [(literal_beginning(route), route) for route in self.url_patterns]
        folders = {"", *(text[: slash.end()] for text, _ in routes for slash in re.finditer("/", text))}
        return {
            folder: URLResolver(
                self.pattern,
                [
                    route
                    for text, route in routes
                    if folder.startswith(text) or (text.startswith(folder) and "/" not in text[len(folder) :])
                ],
            )
            for folder in folders
        }

    @cached_property
    def _depth(self) -> int:
        return 1 + max(folder.count("/") for folder in self._folders)


def indexed(routes: Iterable[Route]) -> list[Route]:
    """The same routes in the same order, tried by how they begin; tables that are included at the root are opened."""
    return [IndexedResolver(RoutePattern(""), list(_opened(routes)))]


def _opened(routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        if isinstance(route, URLResolver) and not str(route.pattern) and not route.namespace:
            yield from _opened(route.url_patterns)
        else:
            yield route


def literal_beginning(route: Route) -> str:
    """What every path of a route begins with, as far as it is plain text."""
    text = str(route.pattern)
    if not isinstance(route.pattern, RegexPattern):
        return text.partition("<")[0]
    if not text.startswith("^") or _has_branches(text):
        return ""
    plain = re.match(r"[\w/ ~:-]*", text[1:])
    found = plain[0] if plain else ""
    is_repeated = text[1 + len(found) : 2 + len(found)] in ("?", "*", "{")
    return found[:-1] if is_repeated else found


def _has_branches(regex: str) -> bool:
    """Whether a regular expression has alternatives outside of groups, so that its beginning is that of one of them."""
    depth = 0
    for sign in re.sub(r"\\.|\[[^]]*\]", "", regex):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            return True
    return False
