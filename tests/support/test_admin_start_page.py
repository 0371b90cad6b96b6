"""The admin's start page: what an operator looks for first, for those who may see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from enrollments.models import OutboxMessage, SignIn, User
from enrollments.tasks import clear_expired_sign_ins
from enterprise.models import BulkJob
from tests.factories import (
    PASSWORD,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    SignInFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
State = OutboxMessage.State


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def console() -> Client:
    client = signed_in(UserFactory(username="console", staff=True, superuser=True))
    SignIn.objects.all().delete()
    return client


def sign_in(client: Any, password: str) -> None:
    sent = urlencode({"email_or_username": "maria", "password": password})
    client.post("/api/user/v2/account/login_session/", sent, content_type="application/x-www-form-urlencoded")


def clerk(*codenames: str) -> Client:
    user = UserFactory(staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return signed_in(User.objects.get(pk=user.pk))


def mail(state: str, number: int = 0) -> OutboxMessage:
    return OutboxMessage.objects.create(
        key=f"{state}{number}", message_type="test", recipient=f"{state}{number}@learners.example", state=state,
        last_error="550 no such <user>",
    )  # fmt: skip


def scene(number: int) -> None:
    for index in range(number):
        link = LearnerFactory(enterprise_customer=EnterpriseCustomerFactory())
        EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link)
        for state in ("running", "finished"):
            BulkJob.objects.create(
                enterprise_customer=link.enterprise_customer, actor_id=link.user_id, state=state, total=10, done=5
            )
        for state in (State.DEAD, State.UNKNOWN, State.FAILED):
            mail(state, index)
        SignInFactory(day=timezone.now().date() - timedelta(days=index))


def test_every_box_of_an_empty_service_says_that_there_is_nothing(console: Client) -> None:
    page = console.get("/admin/").content.decode()
    for text in (
        "No job is at work.", "No mail has failed, none is in doubt.", "Nobody has signed in during the last 14 days.",
        "No customer has learners yet.", "Nothing has changed yet.",
    ):  # fmt: skip
        assert text in page


def test_the_page_costs_the_same_whatever_there_is_to_show(console: Client) -> None:
    console.get("/admin/")
    with CaptureQueriesContext(connection) as empty:
        console.get("/admin/")
    scene(3)
    with CaptureQueriesContext(connection) as few:
        assert console.get("/admin/").status_code == 200
    scene_of_thirty = [LearnerFactory(enterprise_customer=EnterpriseCustomerFactory()) for _ in range(30)]
    assert scene_of_thirty
    with CaptureQueriesContext(connection) as many:
        console.get("/admin/")
    # Session and account; jobs 3, mails 2, customers 4, sign-ins 1; the rest are one for each history.
    histories = sum("historical" in query["sql"] for query in many)
    assert len(many) == len(few) == 12 + histories
    assert len(empty) <= len(many)


def test_running_jobs_show_how_far_they_are_and_silent_ones_are_marked(console: Client) -> None:
    customer = EnterpriseCustomerFactory(name="Brightwater & Sons")
    now = timezone.now()
    job = BulkJob.objects.create(
        enterprise_customer=customer, state="running", total=200, done=50, failed=7, started_at=now, heartbeat_at=now
    )
    page = console.get("/admin/").content.decode()
    assert "Brightwater &amp; Sons" in page
    assert 'max="100" value="25"' in page
    assert "50 of 200 rows, 7 failed" in page
    assert reverse("admin:enterprise_bulkjob_progress", args=[job.pk]) in page
    assert reverse("admin:enterprise_bulkjob_history", args=[job.pk]) in page
    assert ">silent<" not in page
    silent = now - timedelta(seconds=django_settings.BULK_JOB_STALE_SECONDS + 5)
    BulkJob.objects.filter(pk=job.pk).update(heartbeat_at=silent)
    assert ">silent<" in console.get("/admin/").content.decode()


def test_more_jobs_than_have_room_are_counted(console: Client) -> None:
    for _ in range(9):
        BulkJob.objects.create(state="queued")
    page = console.get("/admin/").content.decode()
    assert "And 3 more at work" in page
    assert "<strong>9</strong> jobs at work" in page


def test_mails_in_trouble_are_counted_by_state_and_sent_ones_are_not_shown(console: Client) -> None:
    for state in State:
        mail(state)
    mail(State.DEAD, 1)
    page = console.get("/admin/").content.decode()
    assert "<strong>2</strong> given up" in page
    assert "<strong>1</strong> in doubt" in page
    assert "<strong>3</strong> mails wait for you" in page
    assert "dead1@learners.example" in page
    assert "sent0@learners.example" not in page
    assert "550 no such &lt;user&gt;" in page
    link = f"{reverse('admin:enrollments_outboxmessage_changelist')}?state__exact=dead"
    assert link in page
    assert "dead1@learners.example" in console.get(link).content.decode()


def test_customers_are_ordered_by_their_linked_learners(console: Client) -> None:
    small, large = EnterpriseCustomerFactory(name="Small"), EnterpriseCustomerFactory(name="Large", active=False)
    LearnerFactory(enterprise_customer=small)
    LearnerFactory(enterprise_customer=small, linked=False, active=False)
    for _ in range(2):
        EnterpriseCourseEnrollmentFactory(enterprise_customer_user=LearnerFactory(enterprise_customer=large))
    lines = console.get("/admin/").context["customers"]["lines"]
    assert [(line.size.customer.name, line.size.learners, line.size.enrollments) for line in lines] == [
        ("Large", 2, 2),
        ("Small", 1, 0),
    ]


def test_a_sign_in_counts_once_for_its_day(console: Client, client: Any) -> None:
    UserFactory(username="maria")
    for _ in range(2):
        sign_in(client, PASSWORD)
    SignInFactory(day=timezone.now().date() - timedelta(days=13))
    SignInFactory(day=timezone.now().date() - timedelta(days=14))
    answer = console.get("/admin/")
    numbers = [column.number for column in answer.context["sign_ins"]["columns"]]
    assert numbers == [1, *[0] * 12, 1]
    assert "<strong>1</strong> account signed in today" in answer.content.decode()


def test_a_refused_sign_in_does_not_count(client: Any) -> None:
    UserFactory(username="maria")
    sign_in(client, "wrong")
    assert not SignIn.objects.exists()


def test_sign_ins_of_long_ago_are_forgotten() -> None:
    SignInFactory(day=timezone.now().date() - timedelta(days=91))
    kept = SignInFactory(day=timezone.now().date() - timedelta(days=89))
    clear_expired_sign_ins.delay()
    assert list(SignIn.objects.all()) == [kept]


def test_the_latest_changes_say_who_changed_what_and_lead_to_its_history(console: Client) -> None:
    customer = EnterpriseCustomerFactory(name="Before")
    url = reverse("admin:enterprise_enterprisecustomer_change", args=[customer.pk])
    assert customer.history.count() == 1
    customer.name = "After"
    customer._history_user = User.objects.get(username="console")
    customer.save()
    page = console.get("/admin/").content.decode()
    assert "enterprise customer changed by console" in page
    assert url.replace("/change/", "/history/") in page


def test_a_box_is_shown_to_those_only_who_may_look_at_its_rows() -> None:
    scene(2)
    boxes = ("jobs", "mails", "customers", "sign_ins", "changes")

    def shown(*codenames: str) -> list[str]:
        context = clerk(*codenames).get("/admin/").context
        return [box for box in boxes if context[box]]

    assert shown() == []
    assert shown("view_bulkjob") == ["jobs"]
    assert shown("view_outboxmessage") == ["mails"]
    assert shown("view_enterprisecustomer") == ["changes"]  # of customers; their sizes tell of learners
    assert shown("view_enterprisecustomer", "view_enterprisecustomeruser") == ["customers", "changes"]
    assert shown("view_signin") == ["sign_ins"]
    assert "Your account may not look at anything here." in clerk().get("/admin/").content.decode()


def test_changes_of_objects_that_the_viewer_may_not_see_are_left_out() -> None:
    EnterpriseCustomerFactory(name="Secret customer")
    assert "Secret customer" not in clerk("view_courseenrollment").get("/admin/").content.decode()


def test_the_page_runs_no_script_of_its_own_and_loads_nothing_from_elsewhere(console: Client) -> None:
    scene(1)
    page = console.get("/admin/").content.decode()
    start = page[page.index('<div class="start">') :]
    start = start[: start.index("</section>\n    \n  </div>") if "</section>\n    \n  </div>" in start else None]
    assert "http://" not in start
    assert "https://" not in start
    assert " style=" not in start.split("</section>")[0]
    assert "<svg" in start


def test_the_sidebar_names_every_page_once_and_only_those_that_may_be_seen(console: Client, settings: Any) -> None:
    from django.contrib import admin

    from support.admin.navigation import GROUPS, arranged

    placed = [model for _, models in arranged() for model in models]
    assert sorted(model._meta.label for model in placed) == sorted(m._meta.label for m in admin.site._registry)
    assert {label for group in GROUPS for label in group.pages} <= {model._meta.label for model in placed}
    page = clerk("view_bulkjob").get("/admin/").content.decode()
    assert reverse("admin:enterprise_bulkjob_changelist") in page
    assert reverse("admin:enrollments_user_changelist") not in page


def test_the_name_of_the_platform_stands_over_the_admin(console: Client) -> None:
    assert f"Start page | {django_settings.PLATFORM_NAME}" in " ".join(console.get("/admin/").content.decode().split())


# --- The search -----------------------------------------------------------------------------------


def test_the_search_finds_pages_and_objects(console: Client) -> None:
    EnterpriseCustomerFactory(name="Brightwater")
    found = console.get("/admin/search/", {"s": "bright", "extended": "1"}).content.decode()
    assert "Brightwater" in found
    assert "bulk job" in console.get("/admin/search/", {"s": "bulk"}).content.decode().lower()


def test_the_search_shows_only_what_the_viewer_may_see() -> None:
    EnterpriseCustomerFactory(name="Brightwater")
    found = clerk("view_bulkjob").get("/admin/search/", {"s": "bright", "extended": "1"})
    assert found.status_code == 200
    assert "Brightwater" not in found.content.decode()


@pytest.mark.parametrize("page", ["x", "-1", "0", "9", "9" * 40, "²"])
def test_a_page_of_the_search_that_is_not_there_is_not_found(console: Client, page: str) -> None:
    assert console.get("/admin/search/", {"s": "bulk", "page": page}).status_code == 404


@pytest.mark.parametrize("text", ["%_'\"", "x" * 10_000, "9" * 40])
def test_the_search_takes_any_text(console: Client, text: str) -> None:
    assert console.get("/admin/search/", {"s": text, "extended": "1"}).status_code == 200


def test_the_search_is_for_staff(client: Any) -> None:
    assert client.get("/admin/search/", {"s": "bulk"}).status_code == 302
