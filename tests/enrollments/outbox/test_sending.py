"""The outbox: sending, and sending again as an operator does."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enrollments.tasks import sweep_outbox
from tests.enrollments.outbox.letters import SMTP, MailServer, State, free_port, only_message, states, waiting

# --- Sending --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_batch_goes_over_one_connection(mail_server: MailServer) -> None:
    waiting(7)
    assert outbox.deliver() is False
    assert mail_server.connections == 1
    assert sorted(mail_server.recipients) == [f"reader{number}@learners.example" for number in range(1, 8)]
    assert states() == [State.SENT] * 7
    assert not OutboxMessage.objects.filter(sent_at=None).exists()


@pytest.mark.django_db
def test_a_mail_costs_one_statement_beside_those_of_its_batch(django_assert_num_queries: Any) -> None:
    waiting(40)
    with django_assert_num_queries(2 + 2 + 40 + 1):  # savepoint, claim and lease, one per mail, the last one sent
        assert outbox.deliver_batch() == 40
    assert states() == [State.SENT] * 40


@pytest.mark.django_db
def test_a_refused_recipient_is_given_up_at_once_and_the_others_are_served(mail_server: MailServer) -> None:
    mail_server.on_recipient = lambda address: "550 No such user" if address.startswith("reader2@") else "250 OK"
    waiting(3)
    outbox.deliver()
    assert states() == [State.SENT, State.DEAD, State.SENT]
    assert "550" in OutboxMessage.objects.get(key="letter:2").last_error
    assert mail_server.connections == 1


@pytest.mark.django_db
def test_a_recipient_refused_for_now_is_tried_again_later(mail_server: MailServer) -> None:
    mail_server.on_recipient = lambda address: "451 Try again later"
    waiting(1)
    outbox.deliver()
    message = only_message()
    assert (message.state, message.attempts) == (State.FAILED, 1)
    assert message.next_attempt_at > timezone.now() + timedelta(seconds=40)
    mail_server.on_recipient = lambda address: "250 OK"
    outbox.deliver()
    assert only_message().state == State.FAILED, "not before it is due"
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    outbox.deliver()
    assert (only_message().state, only_message().attempts) == (State.SENT, 2)
    assert only_message().last_error == ""


@pytest.mark.django_db
def test_a_text_that_the_server_refuses_is_given_up(mail_server: MailServer) -> None:
    mail_server.on_data = lambda server: "554 This looks like spam"
    waiting(2)
    outbox.deliver()
    assert states() == [State.DEAD, State.DEAD]
    assert mail_server.connections == 1


@pytest.mark.django_db
def test_a_server_that_closes_the_connection_gets_the_next_mail_over_a_new_one(mail_server: MailServer) -> None:
    answers = iter(["421 Too many mails over this connection", "250 OK", "250 OK"])
    mail_server.on_recipient = lambda address: next(answers)
    waiting(3)
    outbox.deliver()
    assert states() == [State.FAILED, State.SENT, State.SENT]
    assert mail_server.connections == 2


@pytest.mark.django_db
def test_a_connection_that_breaks_over_the_text_leaves_the_mail_in_doubt_and_it_is_not_repeated(
    mail_server: MailServer,
) -> None:
    def breaks_once(server: Any) -> str:
        mail_server.on_data = lambda server: "250 OK"
        server.transport.abort()
        return "451 nobody reads this"

    mail_server.on_data = breaks_once
    waiting(3)
    outbox.deliver()
    assert states() == [State.UNKNOWN, State.SENT, State.SENT]
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    sweep_outbox()
    assert states() == [State.UNKNOWN, State.SENT, State.SENT]
    assert len(mail_server.mails) == 2


@pytest.mark.django_db
def test_a_server_that_answers_too_slowly_to_the_text_leaves_the_mail_in_doubt(
    mail_server: MailServer, settings: Any
) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    released = threading.Event()

    def slow(server: Any) -> str:
        released.wait(3)
        return "250 OK"

    mail_server.on_data = slow
    waiting(1)
    outbox.deliver()
    released.set()
    assert states() == [State.UNKNOWN]


@pytest.mark.django_db
def test_an_unreachable_server_costs_a_batch_one_try_and_ends_the_delivery(settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", free_port()
    waiting(outbox.BATCH_SIZE + 5)
    assert outbox.deliver() is False
    assert states().count(State.FAILED) == outbox.BATCH_SIZE
    assert states().count(State.QUEUED) == 5
    assert set(OutboxMessage.objects.filter(state=State.FAILED).values_list("attempts", flat=True)) == {1}
    assert "ConnectionRefusedError" in OutboxMessage.objects.filter(state=State.FAILED)[0].last_error


@pytest.mark.django_db
def test_pauses_between_tries_double_and_differ_a_little(settings: Any) -> None:
    def pause(attempts: int) -> float:
        OutboxMessage.objects.all().delete()
        [message] = waiting(1, attempts=attempts)
        outbox._failed([message], "no")
        return (only_message().next_attempt_at - timezone.now()).total_seconds() / 60

    settings.OUTBOX_MAX_ATTEMPTS = 50
    for tries_before, minutes in [(0, 1), (1, 2), (2, 4), (6, 64), (12, 360), (40, 360)]:
        assert 0.74 * minutes < pause(tries_before) < 1.26 * minutes
    assert len({pause(5) for _ in range(5)}) > 1


@pytest.mark.django_db
def test_a_message_is_given_up_after_the_configured_number_of_tries(mail_server: MailServer, settings: Any) -> None:
    settings.OUTBOX_MAX_ATTEMPTS = 3
    mail_server.on_recipient = lambda address: "451 Try again later"
    waiting(1)
    seen = []
    for _ in range(5):
        OutboxMessage.objects.update(next_attempt_at=timezone.now())
        outbox.deliver()
        seen.append(only_message().state)
    assert seen == [State.FAILED, State.FAILED, State.DEAD, State.DEAD, State.DEAD]
    assert only_message().attempts == 3


@pytest.mark.django_db
def test_delivery_keeps_to_the_configured_rate(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOX_RATE = 10
    slept: list[float] = []
    clock = [1000.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(outbox, "_pace", outbox._Pace())
    monkeypatch.setattr(outbox.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(outbox.time, "sleep", sleep)
    waiting(5)
    outbox.deliver()
    assert slept == pytest.approx([0.1] * 4)
    assert states() == [State.SENT] * 5


@pytest.mark.django_db
def test_a_delivery_that_runs_out_of_time_gives_its_messages_back(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOX_RATE = 1
    clock = [1000.0]
    monkeypatch.setattr(outbox, "_pace", outbox._Pace())
    monkeypatch.setattr(outbox.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(outbox.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    waiting(5)
    assert outbox.deliver(seconds=2) is True
    assert states() == [State.SENT] * 3 + [State.QUEUED] * 2
    assert OutboxMessage.objects.filter(state=State.QUEUED, next_attempt_at__lte=timezone.now()).count() == 2


@pytest.mark.django_db
def test_a_process_that_is_about_to_end_begins_with_no_further_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    ended = threading.Thread()  # never started, so not alive: like the main thread of a process that ends
    monkeypatch.setattr(outbox, "_exit", outbox._Exit())
    monkeypatch.setattr(outbox.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(outbox.threading, "main_thread", lambda: ended)
    monkeypatch.setattr(outbox._pace, "reserve", lambda rate: clock.__setitem__(0, clock[0] + 5) or 0.0)
    waiting(6)
    assert outbox.deliver() is False
    assert states() == [State.SENT] * 3 + [State.QUEUED] * 3
    assert OutboxMessage.objects.filter(state=State.QUEUED, next_attempt_at__lte=timezone.now()).count() == 3


# --- The operator ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.UNKNOWN, State.DEAD, State.FAILED])
def test_an_operator_can_send_a_message_again(state: str, django_capture_on_commit_callbacks: Any) -> None:
    later = timezone.now() + timedelta(days=1)
    waiting(1, state=state, attempts=8, last_error="no", next_attempt_at=later, sending_since=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        assert outbox.resend(OutboxMessage.objects.all()) == 1
    assert (only_message().state, only_message().attempts, only_message().last_error) == (State.SENT, 1, "")
    assert len(mail.outbox) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.SENT, State.SENDING, State.QUEUED])
def test_sending_again_leaves_other_messages_alone(state: str, django_capture_on_commit_callbacks: Any) -> None:
    later = timezone.now() + timedelta(days=1)
    waiting(1, state=state, next_attempt_at=later, sending_since=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        assert outbox.resend(OutboxMessage.objects.all()) == 0
    assert (only_message().state, mail.outbox) == (state, [])


@pytest.mark.django_db
def test_a_mail_sent_again_carries_the_same_message_id(mail_server: MailServer) -> None:
    waiting(1)
    outbox.deliver()
    OutboxMessage.objects.update(state=State.UNKNOWN)
    outbox.resend([only_message()])
    outbox.deliver()
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert f"outbox-{only_message().pk}-" in first["Message-ID"]
