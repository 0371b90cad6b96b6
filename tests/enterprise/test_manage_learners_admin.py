"""The admin's page of a customer's learners: search, link, unlink, enroll in bulk; and the page of a bulk job."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollments.models import CourseEnrollment, User
from enterprise.models import (
    BulkJob,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from tests.factories import (
    CourseRunFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    PendingLearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LICENSE = "e1000000-0000-4000-8000-00000000000{}"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Brightwater", slug="brightwater")


@pytest.fixture
def page(customer: EnterpriseCustomer) -> str:
    return reverse("admin:enterprise_enterprisecustomer_learners", args=[customer.pk])


@pytest.fixture
def console() -> Client:
    return console_of(UserFactory(username="console", staff=True, superuser=True))


def console_of(user: User, *permissions: str) -> Client:
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def upload(*lines: str, name: str = "learners.csv", encoding: str = "utf-8") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "\n".join(lines).encode(encoding), "text/csv")


def messages_of(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def link(console: Client, page: str, **data: Any) -> Any:
    return console.post(page, {"action": "link", **data}, follow=True)


# --- Looking ------------------------------------------------------------------------------------------------------


def test_learners_and_pending_learners_are_found_by_parts_of_their_addresses(console, customer, page):
    LearnerFactory(enterprise_customer=customer, user=UserFactory(username="maria", email="maria@brightwater.example"))
    LearnerFactory(enterprise_customer=customer, user=UserFactory(username="sam", email="sam@brightwater.example"))
    PendingLearnerFactory(enterprise_customer=customer, user_email="mariella@brightwater.example")
    shown = console.get(page, {"q": "MARI"}).content.decode()
    assert "maria@brightwater.example" in shown
    assert "mariella@brightwater.example" in shown
    assert "sam@brightwater.example" not in shown


def test_learners_of_other_customers_and_unlinked_ones_do_not_show(console, customer, page):
    LearnerFactory(user=UserFactory(email="stranger@elsewhere.example"))
    LearnerFactory(enterprise_customer=customer, user=UserFactory(email="gone@brightwater.example"), linked=False)
    shown = console.get(page).content.decode()
    assert "stranger@elsewhere.example" not in shown
    assert "gone@brightwater.example" not in shown
    assert "This customer has no learners yet." in shown


def test_the_page_costs_the_same_with_more_learners(console, customer, page):
    def cost() -> int:
        with CaptureQueriesContext(connection) as statements:
            assert console.get(page).status_code == 200
        return len(statements)

    LearnerFactory(enterprise_customer=customer)
    PendingLearnerFactory(enterprise_customer=customer)
    cost()
    few = cost()
    for _ in range(12):
        LearnerFactory(enterprise_customer=customer)
        PendingLearnerFactory(enterprise_customer=customer)
    assert cost() == few


def test_any_search_text_and_page_number_is_taken(console, page):
    for query in (
        {"q": "%_'\"\\"},
        {"q": "x" * 5000},
        {"page": "minus"},
        {"page": "99", "pending": "-1"},
    ):
        assert console.get(page, query).status_code == 200


def test_the_customers_own_page_leads_here(console, customer, page):
    assert (
        page in console.get(reverse("admin:enterprise_enterprisecustomer_change", args=[customer.pk])).content.decode()
    )


# --- Linking ------------------------------------------------------------------------------------------------------


def test_addresses_with_accounts_are_linked_and_others_wait(console, customer, page):
    maria = UserFactory(email="maria@brightwater.example")
    answer = link(console, page, addresses="MARIA@brightwater.example, new@sea.example\nnew@Sea.example")
    assert EnterpriseCustomerUser.objects.get(enterprise_customer=customer).user_id == maria.pk
    assert PendingEnterpriseCustomerUser.objects.get(enterprise_customer=customer).user_email == "new@sea.example"
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(user=maria, enterprise_customer=customer).exists()
    assert messages_of(answer) == ["1 linked, 0 were linked before; 1 wait for an account, 0 did so before."]


def test_linking_again_changes_nothing(console, customer, page):
    UserFactory(email="maria@brightwater.example")
    both = "maria@brightwater.example new@brightwater.example"
    link(console, page, addresses=both)
    before = EnterpriseCustomerUser.history.count(), PendingEnterpriseCustomerUser.history.count()
    answer = link(console, page, addresses=both)
    assert messages_of(answer) == ["0 linked, 1 were linked before; 0 wait for an account, 1 did so before."]
    assert (EnterpriseCustomerUser.history.count(), PendingEnterpriseCustomerUser.history.count()) == before


@pytest.mark.parametrize(
    "lines",
    [
        ("name;Email", "Maria;maria@brightwater.example", ";new@brightwater.example"),
        ("maria@brightwater.example", "new@brightwater.example"),
    ],
)
def test_a_csv_file_names_learners_in_its_column_email_or_in_its_first(console, customer, page, lines):
    UserFactory(email="maria@brightwater.example")
    link(console, page, file=upload(*lines, encoding="utf-16"))
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=customer).count() == 1
    assert PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=customer).count() == 1


def test_a_list_with_a_wrong_address_is_refused_as_a_whole(console, customer, page):
    UserFactory(email="maria@brightwater.example")
    answer = console.post(page, {"action": "link", "addresses": "maria@brightwater.example\nnot-an-address"})
    assert answer.status_code == 400
    assert "No e-mail address: not-an-address. Nothing was done." in answer.content.decode()
    assert not EnterpriseCustomerUser.objects.exists()


@pytest.mark.parametrize("data", [{}, {"addresses": "a@b.example", "file": "both"}])
def test_either_addresses_or_a_file_is_wanted(console, page, data):
    if "file" in data:
        data = {**data, "file": upload("a@b.example")}
    answer = console.post(page, {"action": "link", **data})
    assert answer.status_code == 400
    assert "Type addresses, or choose a file." in answer.content.decode()


def test_a_learner_removed_for_good_is_named_and_linked_again_only_on_request(console, customer, page):
    barred = UserFactory(email="barred@brightwater.example")
    row = LearnerFactory(enterprise_customer=customer, user=barred, linked=False, active=False, is_relinkable=False)
    answer = link(console, page, addresses=barred.email)
    assert "Removed for good before, and left so: barred@brightwater.example." in messages_of(answer)
    assert not EnterpriseCustomerUser.objects.exists()
    link(console, page, addresses=barred.email, relink_barred="on")
    assert EnterpriseCustomerUser.objects.get().pk == row.pk


def test_linking_many_costs_statements_by_the_chunk_not_by_the_learner(console, customer, page):
    def cost(count: int, prefix: str) -> int:
        addresses = [UserFactory(email=f"{prefix}{n}@brightwater.example").email for n in range(count)]
        addresses += [f"{prefix}w{n}@brightwater.example" for n in range(count)]
        with CaptureQueriesContext(connection) as statements:
            console.post(page, {"action": "link", "addresses": "\n".join(addresses)})
        return len(statements)

    cost(1, "z")
    assert cost(40, "b") == cost(2, "a")


# --- Unlinking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "relinkable"), [("unlink", True), ("bar", False)])
def test_chosen_learners_are_unlinked_or_removed_for_good(console, customer, page, action, relinkable):
    learner, other = LearnerFactory(enterprise_customer=customer), LearnerFactory(enterprise_customer=customer)
    pending = PendingLearnerFactory(enterprise_customer=customer)
    console.post(page, {"action": action, "user": [learner.user_id], "pending": [pending.pk]})
    row = EnterpriseCustomerUser.all_objects.get(pk=learner.pk)
    assert (row.linked, row.active, row.is_relinkable) == (False, False, relinkable)
    assert list(EnterpriseCustomerUser.objects.all()) == [other]
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_learners_of_another_customer_cannot_be_unlinked_here(console, page):
    stranger, waiting = LearnerFactory(), PendingLearnerFactory()
    answer = console.post(page, {"action": "unlink", "user": [stranger.user_id], "pending": [waiting.pk]}, follow=True)
    assert messages_of(answer) == ["Nobody was chosen."]
    assert EnterpriseCustomerUser.objects.filter(pk=stranger.pk).exists()
    assert PendingEnterpriseCustomerUser.objects.filter(pk=waiting.pk).exists()


# --- Enrolling ----------------------------------------------------------------------------------------------------


def roster(run: str) -> SimpleUploadedFile:
    return upload(
        "email,course_run_key,license_uuid",
        f"maria@brightwater.example,{run},{LICENSE.format(1)}",
        f"new@brightwater.example,{run},{LICENSE.format(2)}",
        f"maria@brightwater.example,course-v1:No+Such+Run,{LICENSE.format(3)}",
    )


def test_a_roster_becomes_a_job_whose_progress_and_results_show(
    console, customer, page, django_capture_on_commit_callbacks
):
    maria, run = UserFactory(email="maria@brightwater.example"), CourseRunFactory()
    with django_capture_on_commit_callbacks(execute=True):
        answer = console.post(page, {"action": "enroll", "roster": roster(run.pk), "discount": "100"})
    job = BulkJob.objects.get(enterprise_customer=customer)
    progress = reverse("admin:enterprise_bulkjob_progress", args=[job.pk])
    assert answer.url == progress
    assert CourseEnrollment.objects.filter(user=maria, course_id=run.pk, is_active=True).exists()
    shown = console.get(progress).content.decode()
    assert "3 of 3 rows (100 %)" in shown
    assert "1 succeeded, 1 wait for an account, 1 failed" in shown
    rows = console.get(reverse("admin:enterprise_bulkjob_csv", args=[job.pk]))
    table = list(csv.DictReader(io.StringIO(b"".join(rows.streaming_content).decode())))
    assert [row["state"] for row in table] == ["succeeded", "pending", "failed"]
    assert progress in console.get(page).content.decode()


def test_a_roster_that_cannot_be_used_says_where_and_nothing_is_done(console, page):
    bad = upload("email,course_run_key", "maria@brightwater.example,course-v1:A+B+C")
    answer = console.post(page, {"action": "enroll", "roster": bad, "discount": "100"})
    assert answer.status_code == 400
    assert "license_uuid or transaction_id: The column is missing." in answer.content.decode()
    assert not BulkJob.objects.exists()


def test_the_bar_asks_for_itself_until_the_job_has_ended(console, customer):
    job = BulkJob.objects.create(enterprise_customer=customer, state=BulkJob.State.RUNNING, total=4, done=1)
    bar = reverse("admin:enterprise_bulkjob_bar", args=[job.pk])
    assert f'hx-get="{bar}"' in console.get(bar).content.decode()
    BulkJob.objects.filter(pk=job.pk).update(state=BulkJob.State.FINISHED, done=4)
    assert "hx-get" not in console.get(bar).content.decode()


# --- Who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["link", "unlink", "bar", "enroll", "", "explode"])
def test_staff_who_may_only_look_change_nothing(customer, page, action):
    viewer = console_of(UserFactory(staff=True), "view_enterprisecustomeruser", "view_enterprisecustomer")
    shown = viewer.get(page).content.decode()
    assert 'value="link"' not in shown
    assert 'value="enroll"' not in shown
    assert viewer.post(page, {"action": action, "addresses": "a@b.example"}).status_code == 403
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_staff_without_the_permission_and_others_do_not_get_in(customer, page):
    assert console_of(UserFactory(staff=True)).get(page).status_code == 403
    assert console_of(UserFactory()).get(page).status_code == 302
    assert Client().get(page).status_code == 302


def test_results_of_a_job_need_the_permission_to_see_jobs(customer):
    job = BulkJob.objects.create(enterprise_customer=customer)
    for name in ("progress", "bar", "csv"):
        address = reverse(f"admin:enterprise_bulkjob_{name}", args=[job.pk])
        assert console_of(UserFactory(staff=True)).get(address).status_code == 403
        assert console_of(UserFactory(staff=True), "view_bulkjob").get(address).status_code == 200
