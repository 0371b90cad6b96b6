"""The index and the pages of bulk jobs in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from enterprise.models import BulkJob, BulkJobRow
from support.views.pages import jobs as job_pages
from tests.browser.conftest import Browsing
from tests.browser.desk import FAINT, Drive, desk, keep_picture, look_at, tab_to
from tests.factories import EnterpriseCustomerFactory, UserFactory
from tests.support.agents import agent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUN = "course-v1:Acme+C1+T1"


@pytest.fixture
def at_desk(drive: Drive, browsing: Browsing) -> Drive:
    return desk(drive, browsing, agent(username="sue"))


def job(state: str = BulkJob.State.FINISHED, **fields: Any) -> BulkJob:
    customer = fields.pop("customer", None) or EnterpriseCustomerFactory(name="Brightwater")
    return BulkJob.objects.create(enterprise_customer=customer, state=state, **fields)


def test_the_index_leads_to_a_page_by_keyboard_alone(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> str:
        page.goto("/support/")
        look_at(page, "index")
        tab_to(page, "Skip to the content", "link")
        page.keyboard.press("Enter")
        tab_to(page, "Bulk Jobs", "link")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Bulk Jobs", level=1).wait_for()
        page.get_by_text("There is no such job.").wait_for()
        look_at(page, "jobs-empty")
        return str(page.url)

    assert at_desk(work) == f"{browsing.origin}/support/jobs"
    browsing.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_they_stand_on(drive: Drive, browsing: Browsing, scheme: str) -> None:
    """At least 4.5 to 1 in both colour schemes, as WCAG 2 (AA) has it."""
    job(total=3, done=3, succeeded=2, failed=1)
    job("running", total=3, done=1)
    UserFactory(username="mira")

    def work(page: Any) -> list[str]:
        faint: list[str] = []
        for name, address in (
            ("index", "/support/"),
            ("jobs", "/support/jobs"),
            ("question", "/support/toggle_password?user=mira"),
        ):
            page.goto(address)
            keep_picture(page, f"{name}-{scheme}")
            faint += page.evaluate(FAINT)
        return faint

    assert desk(drive, browsing, agent(), color_scheme=scheme)(work) == []
    browsing.assert_clean()


def test_on_a_phone_the_menu_opens_over_the_page(at_desk: Drive, browsing: Browsing) -> None:
    def work(page: Any) -> None:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto("/support/")
        page.get_by_role("button", name="All pages").click()
        keep_picture(page, "menu-phone")
        page.get_by_role("navigation", name="Support pages").get_by_role("link", name="Bulk Jobs").click()
        page.get_by_role("heading", name="Bulk Jobs", level=1).wait_for()

    at_desk(work)
    browsing.assert_clean()


def test_jobs_are_found_by_customer_without_a_new_page(at_desk: Drive, browsing: Browsing) -> None:
    job(total=3, done=3, succeeded=2, failed=1, actor=UserFactory(username="ada"))
    job(customer=EnterpriseCustomerFactory(name="Saltmarsh"), total=9, done=4, state="cancelled")

    def work(page: Any) -> tuple[int, str]:
        page.goto("/support/jobs")
        page.evaluate("window.stays = true")
        page.get_by_role("cell", name="Saltmarsh").wait_for()
        look_at(page, "jobs")
        page.get_by_label("Customer").fill("bright")
        page.keyboard.press("Enter")
        page.get_by_role("cell", name="Saltmarsh").wait_for(state="detached")
        assert page.evaluate("window.stays")
        return page.locator("tbody tr").count(), page.url

    count, url = at_desk(work)
    assert count == 1
    assert url.endswith("/support/jobs?customer=bright&state=")
    browsing.assert_clean()


def test_the_bar_of_a_job_at_work_moves_until_it_is_full(
    at_desk: Drive, browsing: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = job("running", total=4, done=1)
    asked = job_pages.asked_job

    def work_on(uuid: Any) -> BulkJob:
        """Every look finds another row done."""
        BulkJob.objects.filter(pk=running.pk, done__lt=4).update(done=F("done") + 1, succeeded=F("succeeded") + 1)
        BulkJob.objects.filter(pk=running.pk, done=4).update(state="finished")
        return asked(uuid)

    monkeypatch.setattr(job_pages, "asked_job", work_on)

    def work(page: Any) -> list[float]:
        page.goto(f"/support/jobs/{running.pk}/")
        bar = page.get_by_role("progressbar", name="Rows done")
        seen = [bar.evaluate("node => node.position")]
        look_at(page, "job-running")
        page.get_by_text("Finished", exact=True).wait_for()
        return [*seen, bar.evaluate("node => node.position")]

    assert at_desk(work) == [0.5, 1]
    browsing.assert_clean()


def test_the_list_of_jobs_follows_a_job_at_work(at_desk: Drive, browsing: Browsing, monkeypatch: Any) -> None:
    running = job("running", total=4, done=1)
    listed = job_pages.every_job

    def work_on(*asked: Any) -> Any:
        BulkJob.objects.filter(pk=running.pk, done__lt=3).update(done=F("done") + 1)
        return listed(*asked)

    monkeypatch.setattr(job_pages, "every_job", work_on)

    def work(page: Any) -> None:
        page.goto("/support/jobs/")
        page.get_by_text("2 of 4").wait_for()
        page.get_by_text("3 of 4").wait_for()

    at_desk(work)
    browsing.assert_clean()


def test_rows_are_narrowed_to_a_state_and_downloaded(at_desk: Drive, browsing: Browsing) -> None:
    done = job(total=2, done=2, succeeded=1, failed=1)
    ana, bo = (
        {"given_email": each, "email": each, "course_run_key": RUN} for each in ("ana@b.example", "bo@b.example")
    )
    BulkJobRow.objects.create(job=done, position=0, state="succeeded", **ana)
    BulkJobRow.objects.create(
        job=done, position=1, state="failed", reason_code="full", reason_text="The run is full.", **bo
    )

    def work(page: Any) -> str:
        page.goto(f"/support/jobs/{done.pk}/")
        page.get_by_text("1 × The run is full.").wait_for()
        look_at(page, "job")
        page.get_by_role("navigation", name="Rows by state").get_by_role("link", name="Failed").click()
        page.get_by_role("rowheader", name="ana@b.example").wait_for(state="detached")
        page.get_by_role("rowheader", name="bo@b.example").wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download all rows (CSV)").click()
        return Path(download.value.path()).read_text()

    lines = at_desk(work).splitlines()
    assert len(lines) == 3
    assert "bo@b.example" in lines[2]
    assert "The run is full." in lines[2]
    browsing.assert_clean()
