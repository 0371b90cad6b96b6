"""The outbox: nothing is lost and nothing is sent twice when processes die or work side by side."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import InterfaceError, connection, connections
from django.db.models import QuerySet
from django.utils import timezone

from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enrollments.tasks import sweep_outbox
from tests.enrollments.outbox.letters import MailServer, State, states, waiting

# --- Processes that die ---------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Ends the process as a signal would."""


@pytest.mark.django_db
def test_a_process_that_stops_while_sending_leaves_one_message_sending_and_the_rest_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.core.mail.backends.locmem import EmailBackend

    send_messages = EmailBackend.send_messages

    def dies_on_the_third(self: Any, messages: Any) -> int:
        sent = send_messages(self, messages)
        if len(mail.outbox) == 3:
            raise Killed
        return int(sent)

    monkeypatch.setattr(EmailBackend, "send_messages", dies_on_the_third)
    waiting(5)
    with pytest.raises(Killed):
        outbox.deliver()
    assert states() == [State.SENT, State.SENT, State.SENDING, State.QUEUED, State.QUEUED]
    OutboxMessage.objects.filter(state=State.SENDING).update(sending_since=timezone.now() - timedelta(hours=1))
    sweep_outbox()
    assert states() == [State.SENT, State.SENT, State.UNKNOWN, State.SENT, State.SENT]
    assert len(mail.outbox) == 5


def breaking_after(monkeypatch: pytest.MonkeyPatch, mails: int, failures: int) -> None:
    """The database goes away once so many mails were sent, and fails so many statements about the outbox."""
    update, failed = QuerySet.update, []

    def update_or_fail(self: Any, **fields: Any) -> int:
        if self.model is OutboxMessage and len(mail.outbox) == mails and len(failed) < failures:
            failed.append(fields)
            raise InterfaceError("connection is closed")
        return update(self, **fields)

    monkeypatch.setattr(QuerySet, "update", update_or_fail)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_restarts_while_mail_goes_out_leaves_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(4)
    breaking_after(monkeypatch, mails=2, failures=2)
    with pytest.raises(InterfaceError):
        outbox.deliver()
    assert states() == [State.SENT, State.SENT, State.QUEUED, State.QUEUED]
    OutboxMessage.objects.update(next_attempt_at=timezone.now())  # the lease of the one that was next has passed
    outbox.deliver()
    assert states() == [State.SENT] * 4
    assert len(mail.outbox) == 4


@pytest.mark.django_db(transaction=True)
def test_a_database_that_stays_away_leaves_one_mail_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PATIENCE_SECONDS", 0)
    waiting(3)
    breaking_after(monkeypatch, mails=2, failures=2)
    with pytest.raises(InterfaceError):
        outbox.deliver()
    assert states() == [State.SENT, State.SENDING, State.QUEUED]


@pytest.mark.django_db
def test_a_message_that_is_being_sent_is_not_doubted_before_its_time() -> None:
    waiting(1, state=State.SENDING, sending_since=timezone.now() - timedelta(minutes=1))
    sweep_outbox()
    assert states() == [State.SENDING]
    assert mail.outbox == []


@pytest.mark.django_db
def test_the_truth_of_a_slow_process_replaces_the_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.mail.backends.locmem import EmailBackend

    send_messages = EmailBackend.send_messages

    def slow(self: Any, messages: Any) -> int:
        OutboxMessage.objects.filter(state=State.SENDING).update(sending_since=timezone.now() - timedelta(hours=1))
        outbox.doubt_abandoned()
        return int(send_messages(self, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", slow)
    waiting(2)
    outbox.deliver()
    assert states() == [State.SENT, State.SENT]
    assert len(mail.outbox) == 2


@pytest.mark.django_db
def test_a_deliverer_whose_lease_has_passed_leaves_the_message_to_the_other() -> None:
    waiting(2)
    mine = outbox._claim(10)
    OutboxMessage.objects.update(next_attempt_at=timezone.now())  # the lease has passed
    outbox.deliver()
    assert len(mail.outbox) == 2
    outbox._Batch(mine).deliver(float("inf"))
    assert len(mail.outbox) == 2
    assert states() == [State.SENT, State.SENT]


@pytest.mark.django_db
def test_a_message_taken_by_another_deliverer_does_not_hide_that_the_one_before_was_sent() -> None:
    first, second, third = waiting(3)
    mine = outbox._claim(10)
    OutboxMessage.objects.filter(pk=second.pk).update(state=State.SENT)
    outbox._Batch(mine).deliver(float("inf"))
    assert states() == [State.SENT] * 3
    assert [sent.to[0] for sent in mail.outbox] == [first.recipient, third.recipient]
    assert OutboxMessage.objects.get(pk=first.pk).sent_at is not None


@pytest.mark.django_db
def test_a_claimed_message_is_not_claimed_again_until_the_lease_has_passed() -> None:
    waiting(3)
    assert len(outbox._claim(2)) == 2
    assert [message.key for message in outbox._claim(10)] == ["letter:3"]
    assert outbox._claim(10) == []


# --- Several processes ----------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql(transactional_db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("two processes at once: PostgreSQL")


def test_two_deliverers_at_once_send_every_mail_once(
    postgresql: None, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(60)
    monkeypatch.setattr(outbox.deliver_batch, "__defaults__", (7, float("inf")))
    failures: list[Exception] = []

    def work() -> None:
        try:
            outbox.deliver()
        except Exception as error:  # noqa: BLE001 - shown by the test
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert states() == [State.SENT] * 60
    assert sorted(mail_server.recipients) == sorted(f"reader{number}@learners.example" for number in range(1, 61))


DELIVERER = """
import django
django.setup()
from django.core.mail import EmailMessage
from enrollments.emails import registry
from enrollments.services import outbox
registry.register("test.letter", lambda messages: {m.pk: EmailMessage("Hello", "Hello") for m in messages})
outbox.deliver()
"""


def test_a_killed_process_leaves_one_mail_in_doubt_and_no_mail_goes_out_twice(
    postgresql: None, mail_server: MailServer, settings: Any
) -> None:
    waiting(6)
    database = connection.settings_dict
    address = f"{database['HOST'] or '127.0.0.1'}:{database['PORT'] or 5432}"
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@{address}/{database['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
    }
    process = subprocess.Popen([sys.executable, "-c", DELIVERER], env=environment)

    def kill_after_the_fourth(server: Any) -> str:
        if len(mail_server.mails) == 3:
            process.kill()
            process.wait(10)
        return "250 OK"

    mail_server.on_data = kill_after_the_fourth
    process.wait(30)
    deadline = time.monotonic() + 5
    while len(mail_server.mails) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert states() == [State.SENT, State.SENT, State.SENT, State.SENDING, State.QUEUED, State.QUEUED]

    mail_server.on_data = lambda server: "250 OK"
    OutboxMessage.objects.update(next_attempt_at=timezone.now())  # the lease has passed
    OutboxMessage.objects.filter(state=State.SENDING).update(sending_since=timezone.now() - timedelta(hours=1))
    sweep_outbox()
    assert states() == [State.SENT, State.SENT, State.SENT, State.UNKNOWN, State.SENT, State.SENT]
    assert sorted(mail_server.recipients) == [f"reader{number}@learners.example" for number in range(1, 7)]
