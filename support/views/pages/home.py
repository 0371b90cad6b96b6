"""Pages for people who come by with a browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View


class HomePage(View):
    """The service's own address: where to sign in, or where a signed-in person can go from here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "support/home.html", {"platform_name": settings.PLATFORM_NAME})
