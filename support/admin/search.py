"""The search of the admin: pages by name, and objects by what the lists of their pages are searched for."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse

MOST_PAGES = 1_000


def search(request: HttpRequest) -> HttpResponse:
    """The theme's own search, which expects that pages are numbers of pages that there are.

    Raises:
        Http404: there is no such page of results.
    """
    page = request.GET.get("page", "1")
    if not (page.isascii() and page.isdecimal() and 0 < int(page[:5]) <= MOST_PAGES):
        raise Http404
    try:
        return admin.site.admin_view(admin.site.search)(request)  # type: ignore[attr-defined]
    except InvalidPage as problem:
        raise Http404 from problem
