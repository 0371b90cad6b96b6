"""The outbox: what is asked for is written down and rendered, and one bad mail does not hold up the others."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.core.cache import caches
from django.core.mail import EmailMessage
from django.db import transaction

from config.hooks import quiet
from enrollments.emails import registry
from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enrollments.tasks import deliver_outbox
from tests.enrollments.outbox.letters import State, letter, letter_of, only_message, states, waiting

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
