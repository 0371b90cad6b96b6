"""Routes tried by how they begin lead where all routes tried in turn would (config.api.routing)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import Resolver404, URLResolver, get_resolver, path, re_path
from django.urls.resolvers import RegexPattern
from django.views import View

from config.api.routing import indexed, literal_beginning
from config.urls import routes
from tests.security.authorization import served

view = View.as_view()
in_turn = URLResolver(RegexPattern(r"^/"), routes)


def found(resolver: URLResolver, address: str) -> Any:
    try:
        match = resolver.resolve(address)
    except Resolver404:
        return None
    return match.func, match.args, match.kwargs, match.url_name, match.route, match.namespaces, match.app_names


def addresses() -> list[str]:
    """Of every route some that it could mean, and some beside it."""
    asked = []
    for _, route, _ in served():
        group = r"\((?:[^()]|\([^()]*\))*\)"
        bare = re.sub(rf"<[^>]*>|{group}", "a1", re.sub(r"\^|/?\??(\$|\\Z)|/$", "", route)).rstrip("/")
        asked += [bare, f"{bare}/", f"{bare}.json", f"{bare}.json/", f"{bare}/more/", f"{bare}//", f"/{bare}"]
        asked += [bare[: len(bare) // 2], f"{bare}{'/x' * 60}", bare.replace("a1", "b/c"), bare.replace("/", "//")]
    return asked


def test_every_address_leads_where_it_would_if_all_routes_were_tried_in_turn() -> None:
    asked = [f"/{address}" for address in addresses()]
    resolver = get_resolver("config.urls")
    results = {address: (found(resolver, address), found(in_turn, address)) for address in asked}
    assert [address for address, (one, other) in results.items() if one != other] == []
    assert len({one[4] for one, _ in results.values() if one}) > 200


def test_the_first_of_two_routes_that_fit_counts_whatever_they_begin_with() -> None:
    (resolver,) = indexed(
        [
            re_path(r"^(?P<any>a/b)/$", view, name="early"),
            path("a/b/", view, name="late"),
            path("a/c/", view, name="first"),
            path("a/<str:x>/", view, name="second"),
        ]
    )
    names = {address: resolver.resolve(address).url_name for address in ("a/b/", "a/c/", "a/d/")}
    assert names == {"a/b/": "early", "a/c/": "first", "a/d/": "second"}


@pytest.mark.parametrize(
    ("route", "beginning"),
    [
        (path("a/b/<str:x>/c/", view), "a/b/"),
        (path("a<int:x>", view), "a"),
        (re_path(r"^a/b-c/?$", view), "a/b-c"),
        (re_path(r"^a/b(?P<x>c|d)/e$", view), "a/b"),
        (re_path(r"^a/b{0,2}c$", view), "a/"),
        (re_path(r"^ab*c$", view), "a"),
        (re_path(r"^ab|cd$", view), ""),
        (re_path(r"^a[|(]b|c$", view), ""),
        (re_path(r"^a\.b$", view), "a"),
        (re_path(r"a/b", view), ""),
    ],
    ids=str,
)
def test_how_a_route_begins(route: Any, beginning: str) -> None:
    assert literal_beginning(route) == beginning
