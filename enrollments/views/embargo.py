"""The page for learners whom an embargo keeps out of a run (contract: enrollment-api, Embargo)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def blocked_message(request: HttpRequest, message_key: str) -> HttpResponse:
    """Says why. All message keys share one text: operators tell them apart in their own links."""
    context = {"message_key": message_key, "platform_name": settings.PLATFORM_NAME}
    return render(request, "enrollments/embargo_blocked.html", context)
