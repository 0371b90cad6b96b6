"""Disabling and enabling an account, as an agent does it in a browser (contract: support, /support/manage_user/)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from enrollments.models import User
from support.models import PasswordToggleHistory
from support.services.accounts import toggle_password
from tests.browser.conftest import Browsing
from tests.browser.desk import Drive, desk, look_at
from tests.factories import UserFactory
from tests.support.agents import agent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sue() -> User:
    return agent(username="sue")


@pytest.fixture(autouse=True)
def mira() -> User:
    account: User = UserFactory(username="mira", date_joined=datetime(2023, 11, 5, 12, tzinfo=UTC))
    return account


@pytest.fixture
def at_desk(drive: Drive, browsing: Browsing, sue: User) -> Drive:
    return desk(drive, browsing, sue)


def test_an_account_is_disabled_and_enabled_again_with_the_history_below(
    at_desk: Drive, browsing: Browsing, mira: User
) -> None:
    def work(page: Any) -> list[str]:
        page.goto("/support/manage_user")
        page.get_by_label("User name or e-mail of a learner").fill(mira.email)
        page.keyboard.press("Enter")
        page.get_by_text("2023-11-05", exact=True).wait_for()
        page.get_by_text("Usable", exact=True).wait_for()
        page.get_by_role("link", name="Disable account").click()
        dialog = page.get_by_role("dialog", name="Disable the account of mira")
        dialog.wait_for()
        look_at(page, "manage-user-disable")
        page.get_by_label("Comment").fill("chargeback")
        dialog.get_by_role("button", name="Disable account").click()
        page.get_by_text("User Disabled Successfully").wait_for()
        page.get_by_text("Unusable", exact=True).wait_for()
        look_at(page, "manage-user")
        page.get_by_role("link", name="Enable account").click()
        page.get_by_role("button", name="Enable account").click()
        page.get_by_text("User Enabled Successfully").wait_for()
        return page.locator("tbody tr").all_inner_texts()

    newest, oldest = at_desk(work)
    assert "enabled\tsue\tN/A" in newest
    assert "disabled\tsue\tchargeback" in oldest
    mira.refresh_from_db()
    assert mira.has_usable_password()
    browsing.assert_clean()


def test_two_agents_who_both_disable_do_not_enable(at_desk: Drive, browsing: Browsing, mira: User, sue: User) -> None:
    toggle_password(mira, sue)

    def changed_before(page: Any) -> str:
        page.goto("/support/manage_user?user=mira")
        page.get_by_role("link", name="Enable account").click()
        page.get_by_role("button", name="Enable account").wait_for()
        page.locator("input[name=wanted]").evaluate("node => { node.value = 'disable'; }")  # what an older page holds
        page.get_by_role("button", name="Enable account").click()
        alert = page.get_by_role("dialog").get_by_role("alert").first
        alert.wait_for()
        return str(alert.inner_text())

    assert "in the meantime" in at_desk(changed_before)
    assert PasswordToggleHistory.objects.count() == 1
    browsing.assert_clean()
