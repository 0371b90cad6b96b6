"""Linking learners and watching a bulk job, as an operator does it in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse

from enrollments.models import CourseOverview
from enterprise.admin.jobs import BulkJobProgressView
from enterprise.models import BulkJob, EnterpriseCustomer, EnterpriseCustomerUser
from tests.browser.conftest import Browsing
from tests.factories import PASSWORD, CourseRunFactory, EnterpriseCustomerFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Drive = Callable[..., Any]


@pytest.fixture(autouse=True)
def console() -> Any:
    return UserFactory(username="console", staff=True, superuser=True)


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Brightwater")


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory()


def open_as_console(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_label("User name or e-mail").fill("console")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{address}")


def test_an_operator_links_learners_and_unlinks_one(drive: Drive, browsing: Browsing, customer: Any) -> None:
    UserFactory(email="maria@brightwater.example")
    address = reverse("admin:enterprise_enterprisecustomer_learners", args=[customer.pk])

    def work(page: Any) -> None:
        open_as_console(page, address)
        page.get_by_label("Addresses").fill("maria@brightwater.example\nnew@brightwater.example")
        page.get_by_role("button", name="Link", exact=True).click()
        page.get_by_text("1 linked, 0 were linked before").wait_for()
        page.get_by_text("waits for an account").wait_for()
        page.get_by_label("Choose maria@brightwater.example").check()
        page.get_by_text("Unlink the chosen learners").click()
        page.get_by_role("button", name="Unlink", exact=True).click()
        page.get_by_text("1 unlinked.").wait_for()

    drive(work)
    assert not EnterpriseCustomerUser.objects.exists()
    assert EnterpriseCustomerUser.all_objects.get().is_relinkable
    assert browsing.errors == []
    assert browsing.foreign_requests == []


def test_a_roster_is_enrolled_and_its_results_are_downloaded(
    drive: Drive, browsing: Browsing, customer: Any, run: Any, tmp_path: Path
) -> None:
    UserFactory(email="maria@brightwater.example")
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "email,course_run_key,license_uuid\n"
        f"maria@brightwater.example,{run.pk},e1000000-0000-4000-8000-000000000001\n"
        f"new@brightwater.example,{run.pk},e1000000-0000-4000-8000-000000000002\n"
    )
    address = reverse("admin:enterprise_enterprisecustomer_learners", args=[customer.pk])

    def work(page: Any) -> str:
        open_as_console(page, address)
        page.get_by_role("form", name="Enroll learners").locator("input[type=file]").set_input_files(roster)
        page.get_by_role("button", name="Enroll", exact=True).click()
        page.get_by_text("2 of 2 rows (100 %)").wait_for()
        with page.expect_download() as download:
            page.get_by_text("Download the results").click()
        return Path(download.value.path()).read_text()

    lines = drive(work).splitlines()
    assert "maria@brightwater.example" in lines[1]
    assert ",succeeded," in lines[1]
    assert ",pending," in lines[2]
    assert browsing.errors == []
    assert browsing.foreign_requests == []


def test_the_bar_of_a_running_job_moves_until_it_is_full(
    drive: Drive, browsing: Browsing, customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = BulkJob.objects.create(enterprise_customer=customer, state=BulkJob.State.RUNNING, total=4, done=1)
    shown = BulkJobProgressView.get_context_data

    def work_on(view: Any, **context: Any) -> Any:
        """Every look finds another row done."""
        BulkJob.objects.filter(pk=job.pk, done__lt=4).update(done=F("done") + 1)
        BulkJob.objects.filter(pk=job.pk, done=4).update(state=BulkJob.State.FINISHED)
        return shown(view, **context)

    monkeypatch.setattr(BulkJobProgressView, "get_context_data", work_on)

    def work(page: Any) -> list[str]:
        open_as_console(page, reverse("admin:enterprise_bulkjob_progress", args=[job.pk]))
        bar = page.get_by_role("progressbar", name="Rows done")
        seen = [bar.get_attribute("aria-valuenow")]
        page.get_by_text("Finished").wait_for()
        return [*seen, bar.get_attribute("aria-valuenow")]

    assert drive(work) == ["50", "100"]
    assert browsing.errors == []
    assert browsing.foreign_requests == []
