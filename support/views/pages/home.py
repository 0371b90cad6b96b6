"""Pages for people who come by with a browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from config.api.authentication import session_account
from support.permissions import is_agent


class HomePage(View):
    """The service's own address: where to sign in, or where a signed-in person can go from here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        account = session_account(request)
        shown = {"platform_name": settings.PLATFORM_NAME, "is_agent": account is not None and is_agent(account)}
        return render(request, "support/home.html", shown)
