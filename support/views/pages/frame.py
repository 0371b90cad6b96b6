"""What the pages of the support desk share: the menu, the search for a learner, questions before a change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ValidationError

from config.api.authentication import session_account
from config.api.exceptions import Refusal
from config.api.filters import plus_signs
from enrollments.models import User
from support.queries.people import find_person
from support.views.base import AgentPage

NON_FIELD = "non_field_errors"
LONGEST_VALUE = 255  # of what addresses name: people, runs, customers


@dataclass(frozen=True)
class Entry:
    """A page of the desk, as menus show it. `name` is that of its route."""

    name: str
    title: str
    description: str

    @property
    def address(self) -> str:
        return reverse(f"desk:{self.name}")


# In the contract's order; then the pages that it allows.
CERTIFICATES = Entry("certificates", "Certificates", "See, make and renew the certificates of a learner.")
ENROLLMENT = Entry("enrollment", "Enrollment", "See a learner's enrollments, enroll, and change modes.")
MANAGE_USER = Entry("manage_user", "Manage User", "See an account, disable or enable its password.")
ENTITLEMENTS = Entry("course_entitlement", "Entitlements", "See, create and re-issue a learner's entitlements.")
FEATURE_BASED = Entry(
    "feature_based_enrollments",
    "Feature Based Enrollments",
    "See whether a run limits what learners without payment can reach, and for how long.",
)
LINK_PROGRAMS = Entry(
    "link_program_enrollments",
    "Link Program Enrollments",
    "Link enrollments in a program to the learners' accounts.",
)
INSPECTOR = Entry(
    "program_enrollments_inspector",
    "Program Enrollments Inspector",
    "See a learner's program enrollments by account or by the key of the institution.",
)
SSO_RECORDS = Entry("sso", "SSO Records", "See the identities of a learner at institutions, and their past.")
ONBOARDING = Entry("onboarding", "Onboarding", "See how a learner stands with the onboarding of proctored exams.")
COURSE_RESET = Entry("resets", "Course Reset", "Let a learner begin a course anew.")
JOBS = Entry("jobs", "Bulk Jobs", "Watch bulk enrollments and see what became of every row.")
CONTACT = Entry("contact_us", "Contact Form", "The form on which learners ask for help.")
INDEX = Entry("index", "Support", "")

ENTRIES = (
    CERTIFICATES, ENROLLMENT, MANAGE_USER, ENTITLEMENTS, FEATURE_BASED, LINK_PROGRAMS, INSPECTOR,
    COURSE_RESET, SSO_RECORDS, ONBOARDING, JOBS, CONTACT,
)  # fmt: skip
LEARNER_PAGES = (ENROLLMENT, MANAGE_USER, CERTIFICATES, ENTITLEMENTS, COURSE_RESET, SSO_RECORDS, ONBOARDING)
MENU: tuple[dict[str, Any], ...] = (
    {"title": "Learners", "entries": LEARNER_PAGES},
    {"title": "Programs and courses", "entries": (INSPECTOR, LINK_PROGRAMS, FEATURE_BASED)},
    {"title": "Bulk work", "entries": (JOBS,)},
    {"title": "Tickets", "entries": (CONTACT,)},
)


@method_decorator(never_cache, name="dispatch")
class SupportPage(AgentPage):
    """A page for agents in the frame of the desk.

    Subclasses name their entry and template, and answer `content` with what the template shows.
    """

    entry: ClassVar[Entry]
    template_name: ClassVar[str]
    agent: User

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.agent = session_account(request)
        response = super().dispatch(request, *args, **kwargs)
        if self.agent is None and request.headers.get("HX-Request"):
            # A part of a page cannot hold the sign-in: the whole page goes there.
            response = HttpResponse(status=204, headers={"HX-Redirect": response["Location"]})
        return response

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.page(**self.content(**kwargs))

    def content(self, **kwargs: Any) -> dict[str, Any]:
        """What the template shows beside the frame."""
        return {}

    def page(self, status: int = 200, **context: Any) -> HttpResponse:
        """The page with the frame around it."""
        frame = {"title": self.entry.title, "current": self.entry.name, "agent": self.agent, "menu": MENU}
        return render(self.request, self.template_name, {**frame, **context}, status=status)


@method_decorator(csrf_exempt, name="dispatch")
class ReadOnlyPage(SupportPage):
    """A page that changes nothing: other methods get their 405 with and without a CSRF token."""

    http_method_names = ["get", "head", "options"]


class LearnerPage(ReadOnlyPage, ABC):
    """A page about the learner of the query `user`, searched for at once when it is given."""

    def content(self, **kwargs: Any) -> dict[str, Any]:
        asked = given_learner(self.request)
        person = self.find(asked) if asked else None
        shown = {"asked": asked, "person": person, "search_address": self.entry.address, "learner_pages": LEARNER_PAGES}
        return {**shown, **(self.about(person) if person else {})}

    def find(self, asked: str) -> User | None:
        """Whom the page takes for the person that is asked for."""
        return find_person(asked)

    @abstractmethod
    def about(self, person: User) -> dict[str, Any]:
        """What the page shows of a learner."""


class ActionPage(SupportPage, ABC):
    """A change that is asked for, explained and confirmed on a page of its own, which scripts show in a dialog.

    Subclasses have `question`, what the form shows, and `act`, which carries it out.
    """

    template_name = "support/action.html"
    form_template: ClassVar[str]

    def content(self, **kwargs: Any) -> dict[str, Any]:
        shown = {"form_template": self.form_template, "back": self.back(), "itself": self.request.get_full_path()}
        return {**shown, **self.question()}

    @abstractmethod
    def question(self) -> dict[str, Any]:
        """What the form needs beside what the query names: at least `action_title`.

        Raises:
            Refusal: there is nothing to ask.
        """

    @abstractmethod
    def act(self) -> str:
        """Carry it out; the sentence that reports it.

        Raises:
            Refusal: it cannot be done; its text is shown above the form.
        """

    def back(self) -> str:
        """Where the agent comes from and returns to."""
        return address(self.entry, user=given_learner(self.request))

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return self.page(**self.content())
        except Refusal as refusal:
            return self.refused(refusal, {"action_title": "This cannot be done", "back": self.back()})

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            report = self.act()
        except (Refusal, ValidationError) as problem:
            refusal = problem if isinstance(problem, Refusal) else Refusal(" ".join(sentences(problem.detail)))
            try:
                shown = self.content()
            except Refusal:
                shown = {"action_title": "This cannot be done", "back": self.back()}
            return self.refused(refusal, shown)
        messages.success(request, report, extra_tags="good")
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": self.back()})
        return HttpResponseRedirect(self.back(), status=303)

    def refused(self, refusal: Refusal, shown: dict[str, Any]) -> HttpResponse:
        text = refusal.text or "This cannot be done."
        # For scripts a form that is shown again is an answer as good as any: no error in the browser's console.
        status = 200 if self.request.headers.get("HX-Request") else 400
        return self.page(status=status, **{**shown, "refusal": text, "posted": self.request.POST})


def sentences(detail: Any) -> list[str]:
    """What a form's errors say, the fields in front."""
    if isinstance(detail, dict):
        return [
            text if name == NON_FIELD else f"{name}: {text}"
            for name, part in detail.items()
            for text in sentences(part)
        ]
    if isinstance(detail, list):
        return [text for part in detail for text in sentences(part)]
    return [str(detail)]


def given_text(request: HttpRequest, name: str) -> str:
    """A value of the form or the query, without blanks around it, and without NUL, which no database keeps."""
    values = request.POST if request.method == "POST" and name in request.POST else request.GET
    return str(values.get(name, "")).replace("\0", "").strip()


def given_learner(request: HttpRequest) -> str:
    """The user name or e-mail of the query; a `+` that came unencoded stands in the address again."""
    text = given_text(request, "user")
    return plus_signs(text) if "@" in text else text


def given_run(request: HttpRequest, name: str) -> str:
    """The key of a run in the form or the query; a `+` that came unencoded stands in it again."""
    return plus_signs(given_text(request, name))


def address(entry: Entry, **query: str) -> str:
    """Where a page is, with a query; what is longer than any name or key leads nowhere and is left out."""
    # An address that is too long for a redirect would be refused when the change has been made already.
    filled = {name: value for name, value in query.items() if 0 < len(value) <= LONGEST_VALUE}
    return f"{entry.address}?{urlencode(filled)}" if filled else entry.address
