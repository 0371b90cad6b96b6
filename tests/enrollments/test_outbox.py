"""The outbox: nothing is lost, nothing is sent twice, and one bad mail does not hold up the others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.core.cache import caches
from django.core.mail import EmailMessage
from django.db import InterfaceError, connection, connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.hooks import quiet
from enrollments.emails import registry
from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enrollments.services.outbox import NewMessage
from enrollments.tasks import deliver_outbox, sweep_outbox

State = OutboxMessage.State
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def letter_of(message: OutboxMessage) -> EmailMessage:
    return EmailMessage(message.context.get("subject", f"Mail {message.key}"), "Hello", "desk@matricula.example")


@pytest.fixture(autouse=True)
def test_letters() -> Iterator[None]:
    """Mails of the type `test.letter`; the registry is left as it was."""
    before = dict(registry._renderers)
    registry.register("test.letter", lambda messages: {message.pk: letter_of(message) for message in messages})
    yield
    registry._renderers.clear()
    registry._renderers.update(before)


def letter(number: int = 1, **fields: Any) -> NewMessage:
    return NewMessage(
        key=f"letter:{number}",
        message_type=fields.pop("message_type", "test.letter"),
        recipient=fields.pop("recipient", f"reader{number}@learners.example"),
        context=fields,
    )


def waiting(count: int, **fields: Any) -> list[OutboxMessage]:
    """So many messages that wait, without anybody being told to deliver them."""
    return OutboxMessage.objects.bulk_create(
        OutboxMessage(
            key=f"letter:{number}",
            message_type="test.letter",
            recipient=f"reader{number}@learners.example",
            **fields,
        )
        for number in range(1, count + 1)
    )


def states() -> list[str]:
    return list(OutboxMessage.objects.order_by("id").values_list("state", flat=True))


def only_message() -> OutboxMessage:
    return OutboxMessage.objects.get()


class MailServer:
    """A mail server on loopback whose answers a test chooses."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.connections = 0
        self.on_recipient: Callable[[str], str] = lambda address: "250 OK"
        self.on_data: Callable[[Any], str] = lambda server: "250 OK"

    @property
    def recipients(self) -> list[str]:
        return [envelope["To"] for envelope in self.mails]

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.on_recipient(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.on_data(server)
        if answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", controller.port, 2
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield server
    controller.stop()


# --- Asking for mail ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_queued_mail_is_delivered_when_the_change_commits(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        outbox.queue([letter(1), letter(2)])
        assert mail.outbox == []
    assert [sent.to for sent in mail.outbox] == [["reader1@learners.example"], ["reader2@learners.example"]]
    assert states() == [State.SENT, State.SENT]


@pytest.mark.django_db
def test_a_mail_whose_change_is_rolled_back_is_not_sent(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        outbox.queue([letter()])
        transaction.set_rollback(True)
    assert mail.outbox == []
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_asking_twice_with_one_key_sends_one_mail(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        outbox.queue([letter()])
    with django_capture_on_commit_callbacks(execute=True):
        outbox.queue([letter(), letter()])
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_many_mails_are_queued_in_a_fixed_number_of_statements(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(1):
        outbox.queue(letter(number) for number in range(50))
    assert OutboxMessage.objects.count() == 50


@pytest.mark.django_db
@pytest.mark.parametrize(
    "recipient", ["", "a" * 250 + "@b.example", "a@b.example\nBcc: all@b.example", "a\0@b.example"]
)
def test_an_address_that_no_mail_can_have_is_left_out(recipient: str) -> None:
    outbox.queue([letter(1, recipient=recipient), letter(2)])
    assert [message.recipient for message in OutboxMessage.objects.all()] == ["reader2@learners.example"]


@pytest.mark.django_db
def test_nothing_is_queued_while_reactions_are_held_back() -> None:
    with quiet():
        outbox.queue([letter()])
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_many_changes_queue_one_delivery_until_it_begins(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = []
    monkeypatch.setattr(deliver_outbox, "delay", lambda: queued.append(1))
    for number in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            outbox.queue([letter(number)])
    assert len(queued) == 1
    deliver_outbox()
    assert states() == [State.SENT] * 3
    with django_capture_on_commit_callbacks(execute=True):
        outbox.queue([letter(4)])
    assert len(queued) == 2


@pytest.mark.django_db
def test_a_cache_that_does_not_answer_does_not_keep_mail_back(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise ConnectionError

    backend = type(caches["default"])
    monkeypatch.setattr(backend, "add", fails)
    monkeypatch.setattr(backend, "delete", fails)
    with django_capture_on_commit_callbacks(execute=True):
        outbox.queue([letter()])
    assert len(mail.outbox) == 1


# --- Writing the mails ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_renderer_that_breaks_on_one_message_does_not_stop_the_others() -> None:
    def breaks_on_the_second(messages: list[OutboxMessage]) -> dict[int, Any]:
        if any(message.key == "letter:2" for message in messages):
            raise KeyError("course")
        return {message.pk: letter_of(message) for message in messages}

    registry.register("test.letter", breaks_on_the_second)
    waiting(3)
    outbox.deliver()
    assert states() == [State.SENT, State.FAILED, State.SENT]
    assert "KeyError" in OutboxMessage.objects.get(key="letter:2").last_error
    assert len(mail.outbox) == 2


@pytest.mark.django_db
def test_a_renderer_may_answer_with_what_went_wrong_with_one_message() -> None:
    calls = []

    def answers(messages: list[OutboxMessage]) -> dict[int, Any]:
        calls.append(len(messages))
        return {message.pk: ValueError("no text") for message in messages}

    registry.register("test.letter", answers)
    waiting(3)
    outbox.deliver()
    assert states() == [State.FAILED] * 3
    assert calls == [3]


@pytest.mark.django_db
def test_a_message_that_needs_no_mail_is_settled_with_the_reason() -> None:
    registry.register("test.letter", lambda messages: {messages[0].pk: "The course is gone."})
    waiting(2)
    outbox.deliver()
    first, second = OutboxMessage.objects.order_by("id")
    assert (first.state, first.last_error, first.sent_at) == (State.SENT, "The course is gone.", None)
    assert (second.state, second.sent_at) == (State.SENT, None)
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_message_of_an_unknown_type_waits_for_its_renderer() -> None:
    OutboxMessage.objects.create(key="other", message_type="nobody.knows", recipient="a@learners.example")
    waiting(1)
    outbox.deliver()
    assert states() == [State.FAILED, State.SENT]
    assert "nobody.knows" in OutboxMessage.objects.get(key="other").last_error


@pytest.mark.django_db
def test_a_subject_with_a_line_break_cannot_add_headers() -> None:
    waiting(1, context={"subject": "Hello\nBcc: everybody@learners.example"})
    outbox.deliver()
    assert only_message().state == State.DEAD
    assert "BadHeaderError" in only_message().last_error
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_mail_goes_to_its_recipient_alone() -> None:
    copied = EmailMessage("Hello", "Hello", to=["other@a.example"], cc=["b@a.example"], bcc=["c@a.example"])
    registry.register("test.letter", lambda messages: {messages[0].pk: copied})
    waiting(1)
    outbox.deliver()
    assert mail.outbox[0].recipients() == ["reader1@learners.example"]


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
