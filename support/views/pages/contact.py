"""The contact form, for everybody (contract: support, /support/contact_us/)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from config.api.authentication import session_account
from config.api.throttles import TicketThrottle
from support.queries.contact import courses_to_choose, tags_of
from support.serializers.contact import LONGEST_BODY, TicketSerializer
from support.services.contact import open_ticket
from support.views.pages.frame import CONTACT, given_text

SUBJECTS = (
    "Signing in and my account", "Enrollment and payment", "Course content and deadlines", "Certificates",
    "Verification of my identity", "Something else",
)  # fmt: skip
NO_COURSE = "Not specific to a course"
COURSE_FIELD = "course_id"
INCOMPLETE = "Choose a subject and a course, and describe what it is about."
TOO_LONG = f"One of the fields is too long: the details may have {LONGEST_BODY} characters at most."
TOO_MANY = "You have sent many messages within an hour. Try again later."


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class ContactPage(View):
    """The form, where tickets are taken; elsewhere the way to the page that says how to reach people."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        elsewhere = way_elsewhere()
        return elsewhere or form_page(request, sent="sent" in request.GET)


@method_decorator(never_cache, name="dispatch")
class ContactAnswer(View):
    """Takes the form of browsers without scripts; the others send JSON to `/zendesk_proxy/v1`."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        account = session_account(request)
        if account is None:
            return HttpResponseRedirect(f"{settings.LOGIN_URL}?next={CONTACT.address}")
        elsewhere = way_elsewhere()
        if elsewhere is not None:
            return elsewhere
        subject, course = given_text(request, "subject"), given_text(request, "course")
        # Browsers count a line break as one character, and send it as two.
        details = given_text(request, "details").replace("\r\n", "\n")
        if not (subject and course and details):
            return form_page(request, 400, refusal=INCOMPLETE)
        ticket = {
            "subject": subject,
            "comment": {"body": details},
            "tags": tags_of(account),
            "custom_fields": [{"id": field_id(), "value": course}],
        }
        sent = TicketSerializer(data=ticket)
        if not sent.is_valid():
            return form_page(request, 400, refusal=TOO_LONG)
        if not TicketThrottle().allow_request(request, self):
            return form_page(request, 429, refusal=TOO_MANY)
        values = sent.validated_data
        open_ticket(
            account,
            subject=values["subject"],
            body=values["comment"]["body"],
            tags=values["tags"],
            custom_fields=values["custom_fields"],
        )
        return HttpResponseRedirect(f"{CONTACT.address}?sent", status=303)


def way_elsewhere() -> HttpResponse | None:
    """Where to go while no ticket system is set; None when there is one.

    Raises:
        Http404: the page is switched off.
    """
    if not settings.ZENDESK_URL:
        page = settings.CONTACT_PAGE_URL
        return HttpResponseRedirect(page if page and page != "#" else "/")
    if not settings.CONTACT_US_PAGE:
        raise Http404
    return None


def form_page(request: HttpRequest, status: int = 200, **context: Any) -> HttpResponse:
    """The page with the form, or with the way to sign in first."""
    account = session_account(request)
    shown = {
        "account": account,
        "contact_email": settings.CONTACT_EMAIL,
        "tags": tags_of(account),
        "field_id": field_id(),
        "custom_fields": settings.ZENDESK_CUSTOM_FIELDS,
        "courses": courses_to_choose(account) if account else [],
        "chosen": request.POST.get("course") or request.session.get("course_id"),
        "no_course": NO_COURSE,
        "subjects": SUBJECTS,
        "posted": request.POST,
    }
    return render(request, "support/contact_us.html", {**shown, **context}, status=status)


def field_id() -> str:
    """What the ticket system calls the field of the course."""
    return str(settings.ZENDESK_CUSTOM_FIELDS.get(COURSE_FIELD, COURSE_FIELD))
