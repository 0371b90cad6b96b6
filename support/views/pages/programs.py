"""The pages of students in programs: linked with accounts, and looked at (contract: support, section 3)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from config.api.filters import plus_signs
from support.queries.inspector import Search, inspect, search_of
from support.queries.sso_records import organizations_with_saml
from support.services.linking import link_lines
from support.views.pages.frame import INSPECTOR, LINK_PROGRAMS, ReadOnlyPage, SupportPage


class LinkPage(SupportPage):
    """Link students of a program with accounts; the input stays in the form."""

    entry = LINK_PROGRAMS
    template_name = "support/link_program_enrollments.html"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.page(
            linked=link_lines(*(request.POST.get(name, "").replace("\0", "") for name in ("program_uuid", "text")))
        )


class InspectorPage(ReadOnlyPage):
    """A student found by account, or by institution and key, with all enrollments in programs."""

    entry = INSPECTOR
    template_name = "support/program_enrollments_inspector.html"

    def content(self, **kwargs: Any) -> dict[str, Any]:
        search = asked_search(self.request)
        return {
            "search": search,
            "organizations": sorted(set(organizations_with_saml())),
            "both": bool(search.edx_user and search.external_user_key),
            "found": inspect(search) if any(search) else None,
        }


def asked_search(request: HttpRequest) -> Search:
    """The search of the query; a `+` of an e-mail that came unencoded stands in it again."""
    search = search_of(request.GET)
    return search._replace(edx_user=plus_signs(search.edx_user)) if "@" in search.edx_user else search
