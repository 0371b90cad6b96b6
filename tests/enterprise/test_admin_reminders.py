"""`send_pending_admin_reminders` (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from enterprise.models import EnterpriseCustomer, PendingEnterpriseCustomerAdminUser
from enterprise.services import admin_reminders
from tests.factories import EnterpriseCustomerFactory, LearnerFactory, PendingAdminFactory, recorded_admin

pytestmark = pytest.mark.django_db

NOTHING = dict.fromkeys(admin_reminders.RESULTS, 0)


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme", sender_alias="Acme Academy")


@pytest.fixture
def remind(django_capture_on_commit_callbacks: Any) -> Any:
    """`remind()` runs the command and gives what it prints."""

    def run() -> dict[str, int]:
        printed = io.StringIO()
        with django_capture_on_commit_callbacks(execute=True):
            call_command("send_pending_admin_reminders", stdout=printed)
        return json.loads(printed.getvalue())

    return run


def invited(customer: EnterpriseCustomer, days: float, email: str = "kai@x.io") -> PendingEnterpriseCustomerAdminUser:
    return PendingAdminFactory(
        enterprise_customer=customer, user_email=email, created=timezone.now() - timedelta(days=days)
    )


def test_an_invitation_is_reminded_of_once_after_a_week(remind: Any, acme: EnterpriseCustomer) -> None:
    row = invited(acme, 7.01)
    invited(acme, 6.9, "young@x.io")
    assert remind() == {**NOTHING, "processed": 1, "sent": 1}
    (letter,) = mail.outbox
    assert letter.to == ["kai@x.io"]
    assert letter.subject.startswith("Reminder:")
    assert "Acme Academy" in letter.from_email
    assert f"{row.created:%B}" in letter.body
    assert "/acme/admin/register" in letter.body
    row.refresh_from_db()
    assert row.reminder_sent_at is not None
    assert row.history.filter(history_type="~").count() == 1
    assert remind() == NOTHING


def test_a_learner_of_the_customer_is_told_so(remind: Any, acme: EnterpriseCustomer) -> None:
    LearnerFactory(enterprise_customer=acme, user__email="Kai@x.io")
    invited(acme, 8)
    remind()
    assert "You learn there already" in mail.outbox[0].body


def test_an_active_admin_is_not_reminded_whatever_the_capitals(remind: Any, acme: EnterpriseCustomer) -> None:
    recorded_admin(acme, email="KAI@x.io")
    invited(acme, 8)
    assert remind() == {**NOTHING, "processed": 1, "skipped_active": 1}
    assert mail.outbox == []


def test_more_reminders_come_three_days_apart(remind: Any, acme: EnterpriseCustomer, settings: Any) -> None:
    settings.ADMIN_INVITE_MAX_REMINDERS = 2
    row = invited(acme, 10)
    assert remind()["sent"] == 1
    assert remind() == NOTHING
    moment = timezone.now() - timedelta(days=3, minutes=1)
    PendingEnterpriseCustomerAdminUser.objects.filter(pk=row.pk).update(reminder_sent_at=moment)
    row.history.filter(history_type="~").update(reminder_sent_at=moment)
    assert remind()["sent"] == 1
    assert len(mail.outbox) == 2
    assert remind() == NOTHING


def test_reminded_invitations_do_not_keep_newer_ones_waiting(
    remind: Any, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_reminders, "BATCH", 1)
    for days, email in ((20, "a@x.io"), (15, "b@x.io")):
        invited(acme, days, email)
    assert [remind()["sent"], remind()["sent"], remind()["sent"]] == [1, 1, 0]
    assert [letter.to for letter in mail.outbox] == [["a@x.io"], ["b@x.io"]]


def test_a_failure_is_counted_and_the_next_one_goes_on(
    remind: Any, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    invited(acme, 20, "a@x.io")
    invited(acme, 15, "b@x.io")
    queue = admin_reminders.outbox.queue

    def broken(messages: Any) -> None:
        messages = list(messages)
        if messages[0].recipient == "a@x.io":
            raise RuntimeError("no outbox")
        queue(messages)

    monkeypatch.setattr(admin_reminders.outbox, "queue", broken)
    assert remind() == {**NOTHING, "processed": 2, "sent": 1, "failures": 1}
    assert PendingEnterpriseCustomerAdminUser.objects.get(user_email="a@x.io").reminder_sent_at is None
