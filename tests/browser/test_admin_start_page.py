"""The admin's start page in a real browser: nothing from elsewhere, no error, nothing sticks out on a telephone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from enrollments.models import OutboxMessage
from enterprise.models import BulkJob
from tests.browser.conftest import Browsing
from tests.factories import PASSWORD, EnterpriseCustomerFactory, LearnerFactory, SignInFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Drive = Callable[..., Any]
HEADINGS = ["Bulk jobs", "Mails in trouble", "Sign-ins", "Customers by size", "Latest changes"]


@pytest.fixture(autouse=True)
def scene() -> None:
    UserFactory(username="console", staff=True, superuser=True)
    customer = EnterpriseCustomerFactory(name="Brightwater " + "Logistics " * 8)
    link = LearnerFactory(enterprise_customer=customer)
    BulkJob.objects.create(enterprise_customer=customer, actor_id=link.user_id, state="running", total=200, done=50)
    OutboxMessage.objects.create(
        key="k", message_type="t", recipient=f"{'x' * 60}@learners.example", state="dead", last_error="5" * 300
    )
    SignInFactory()


def open_start_page(page: Any) -> None:
    page.goto("/admin/")
    page.get_by_label("User name or e-mail").fill("console")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")


@pytest.mark.parametrize("size", [(1400, 900), (390, 844)], ids=["desktop", "telephone"])
def test_the_start_page_fits_its_window_and_needs_nothing_from_elsewhere(
    drive: Drive, browsing: Browsing, size: tuple[int, int]
) -> None:
    def work(page: Any) -> tuple[list[str], int]:
        open_start_page(page)
        headings = page.locator(".start h2").all_inner_texts()
        return headings, page.evaluate("document.documentElement.scrollWidth")

    headings, width = drive(work, viewport={"width": size[0], "height": size[1]})
    assert headings == HEADINGS
    assert width <= size[0]
    assert browsing.foreign_requests == []
    assert browsing.errors == []


def test_a_customer_is_found_by_the_beginning_of_its_name(drive: Drive) -> None:
    def work(page: Any) -> None:
        open_start_page(page)
        page.keyboard.press("Control+k")
        page.locator("#search-input-command").press_sequentially("bright")
        page.locator("#command-results-list a").first.click()
        page.wait_for_url("**/admin/enterprise/enterprisecustomer/*/change/")

    drive(work)
