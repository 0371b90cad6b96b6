"""Tasks in a thread of the process, and through a broker that is down."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from celery import shared_task
from django.db import connections, transaction

from config.celery import app
from config.embedded import BackgroundThread, Beat, Embedded, MatriculaTask, background

calls: list[Any] = []


@shared_task(bind=True, name="tests.note")
def note(self: Any, *args: Any, **kwargs: Any) -> None:
    calls.append(
        {
            "args": args,
            "kwargs": kwargs,
            "thread": threading.current_thread().name,
            "id": self.request.id,
            "context": structlog.contextvars.get_contextvars(),
            "at": time.monotonic(),
        }
    )


@shared_task(name="tests.two_words")
def two_words(first: str, second: str) -> None:
    calls.append((first, second))


@shared_task(name="tests.fail")
def fail() -> None:
    calls.append("failing")
    raise RuntimeError("a task's own bug")


@shared_task(bind=True, name="tests.third_time", max_retries=5)
def third_time(self: Any, pause: float) -> None:
    calls.append((self.request.retries, time.monotonic()))
    if self.request.retries < 2:
        raise self.retry(countdown=pause)


@shared_task(name="tests.automatic", autoretry_for=(OSError,), retry_kwargs={"max_retries": 2, "countdown": 0.01})
def automatic() -> None:
    calls.append("again")
    raise OSError("not yet")


@shared_task(bind=True, name="tests.ask")
def ask(self: Any) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")
    calls.append(threading.current_thread().name)


@shared_task(name="tests.chain")
def chain(left: int) -> None:
    calls.append(left)
    if left:
        chain.delay(left - 1)


@pytest.fixture(autouse=True)
def own_thread(service_settings: Any) -> Iterator[Any]:
    """No broker, no eager tasks, and a background thread of the test's own."""
    service_settings.CELERY_BROKER_URL = None
    app.conf.task_always_eager = False
    calls.clear()
    shared, background.background = background.background, BackgroundThread()
    yield service_settings
    background.background.stop(5)
    background.background = shared


def wait(timeout: float = 10) -> None:
    assert background.background.drain(timeout)


def test_every_task_of_the_service_is_of_our_class() -> None:
    assert isinstance(note._get_current_object(), MatriculaTask)


def test_delay_runs_in_the_background_thread() -> None:
    result = note.delay(1, "a", word="b")
    wait()
    (call,) = calls
    assert (call["args"], call["kwargs"]) == ((1, "a"), {"word": "b"})
    assert call["thread"] == "matricula-tasks"
    assert call["id"] == result.id


def test_arguments_travel_as_json() -> None:
    key = uuid.uuid4()
    given = [1]
    note.delay(given, key, pair=(1, 2))
    given.append(2)
    wait()
    assert calls[0]["args"] == ([1], key)
    assert calls[0]["kwargs"] == {"pair": [1, 2]}
    with pytest.raises(TypeError):
        note.delay(object())


def test_wrong_arguments_fail_where_they_are_given() -> None:
    with pytest.raises(TypeError):
        two_words.delay("one")
    two_words.delay("one", second="two")
    wait()
    assert calls == [("one", "two")]


def test_tasks_run_in_the_order_they_came() -> None:
    for number in range(20):
        note.delay(number)
    wait()
    assert [call["args"][0] for call in calls] == list(range(20))


def test_a_countdown_is_honoured_and_holds_nobody_up() -> None:
    begun = time.monotonic()
    note.apply_async(["later"], countdown=0.3)
    note.delay("now")
    wait()
    assert [call["args"][0] for call in calls] == ["now", "later"]
    assert calls[1]["at"] - begun >= 0.3


def test_an_eta_is_honoured() -> None:
    from datetime import UTC, datetime, timedelta

    begun = time.monotonic()
    note.apply_async(["later"], eta=datetime.now(UTC) + timedelta(seconds=0.3))
    wait()
    assert calls[0]["at"] - begun >= 0.25


def test_a_failing_task_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    fail.delay()
    note.delay("after")
    wait()
    assert calls[0] == "failing"
    assert calls[1]["args"] == ("after",)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "tests.fail" in record.getMessage()
    assert "a task's own bug" in caplog.text


def test_a_retry_waits_its_time() -> None:
    third_time.delay(0.2)
    wait()
    assert [retries for retries, _ in calls] == [0, 1, 2]
    moments = [moment for _, moment in calls]
    assert moments[1] - moments[0] >= 0.2
    assert moments[2] - moments[1] >= 0.2


def test_automatic_retries_end_after_their_number() -> None:
    automatic.delay()
    wait()
    assert calls == ["again"] * 3


def test_a_task_may_queue_itself_again() -> None:
    chain.delay(3)
    wait()
    assert calls == [3, 2, 1, 0]


def test_the_requests_id_travels_with_the_task() -> None:
    with structlog.contextvars.bound_contextvars(request_id="abc-9"):
        note.delay()
    with structlog.contextvars.bound_contextvars(request_id="abc-10"):
        note.delay()
    note.delay()
    wait()
    assert [call["context"].get("request_id") for call in calls] == ["abc-9", "abc-10", None]
    assert [call["context"]["task_id"] for call in calls] == [call["id"] for call in calls]


@pytest.mark.django_db(transaction=True)
def test_connections_of_the_thread_are_closed_after_each_task(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    close_all = connections.close_all

    def spy() -> None:
        closed.append(threading.current_thread().name)
        close_all()

    monkeypatch.setattr(connections, "close_all", spy)
    ask.delay()
    ask.delay()
    wait()
    assert calls == ["matricula-tasks"] * 2
    assert closed == ["matricula-tasks"] * 2


@pytest.mark.django_db
def test_a_task_queued_on_commit_waits_for_the_commit(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            transaction.on_commit(lambda: note.delay("committed"))
        assert calls == []
    wait()
    assert calls[0]["args"] == ("committed",)


def test_eager_tasks_run_at_once() -> None:
    app.conf.task_always_eager = True
    note.apply_async(["now"], countdown=60)
    assert calls[0]["args"] == ("now",)
    assert calls[0]["thread"] == threading.current_thread().name


def test_stopping_runs_what_waits_without_its_delay() -> None:
    thread = BackgroundThread()
    done: list[str] = []
    thread.submit(lambda: done.append("later"), 60)
    thread.submit(lambda: done.append("now"))
    begun = time.monotonic()
    thread.stop(10)
    assert done == ["now", "later"]
    assert time.monotonic() - begun < 5
    BackgroundThread().stop(10)


def test_stopping_does_not_wait_for_ever() -> None:
    thread = BackgroundThread()
    release = threading.Event()
    thread.submit(lambda: release.wait(30) and None)
    begun = time.monotonic()
    thread.stop(0.2)
    assert time.monotonic() - begun < 5
    release.set()


def test_a_forked_child_begins_with_threads_of_its_own() -> None:
    parent = Embedded()
    parent.submit(lambda: None)
    before = parent.background
    parent.begin_anew()
    assert parent.background is not before
    done: list[int] = []
    parent.submit(lambda: done.append(1))
    assert parent.background.drain(5)
    assert done == [1]
    assert not parent.beat.running


# --- Beat ------------------------------------------------------------------------------------------------------------


def beat_for(seconds: float) -> None:
    clock = Beat()
    clock.start()
    time.sleep(seconds)
    clock.stop()
    wait()


def test_periodic_tasks_run_at_the_start_and_then_in_their_interval(own_thread: Any) -> None:
    own_thread.CELERY_BEAT_SCHEDULE = {
        "often": {"task": "tests.note", "schedule": 0.4, "args": ["often"], "kwargs": {"a": 1}},
        "rarely": {"task": "tests.note", "schedule": 3600.0, "args": ["rarely"]},
    }
    beat_for(1.1)
    often = [call for call in calls if call["args"] == ("often",)]
    assert 2 <= len(often) <= 4
    assert often[0]["kwargs"] == {"a": 1}
    assert len([call for call in calls if call["args"] == ("rarely",)]) == 1


def test_an_unknown_periodic_task_leaves_the_others_alone(own_thread: Any, caplog: pytest.LogCaptureFixture) -> None:
    own_thread.CELERY_BEAT_SCHEDULE = {
        "unknown": {"task": "tests.nothing", "schedule": 3600.0},
        "known": {"task": "tests.note", "schedule": 3600.0},
    }
    beat_for(0.5)
    assert len(calls) == 1
    assert "the periodic task unknown could not be queued" in caplog.text


def test_beat_does_not_start_where_a_broker_is(own_thread: Any) -> None:
    own_thread.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    embedded = Embedded()
    embedded.start_beat()
    assert not embedded.beat.running


def test_the_periodic_tasks_of_the_settings_have_known_forms(own_thread: Any) -> None:
    for entry in own_thread.CELERY_BEAT_SCHEDULE.values():
        assert set(entry) <= {"task", "schedule", "args", "kwargs", "options"}


# --- A broker that is down -------------------------------------------------------------------------------------------


@pytest.fixture
def dead_broker(own_thread: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own_thread.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setenv("CELERY_BROKER_URL", own_thread.CELERY_BROKER_URL)  # Celery asks the environment first
    monkeypatch.setattr(app.conf, "broker_url", own_thread.CELERY_BROKER_URL)
    app._pool = None
    app.amqp._producer_pool = None
    yield
    app._pool = None
    app.amqp._producer_pool = None


def test_a_broker_that_is_down_fails_no_request(dead_broker: None, caplog: pytest.LogCaptureFixture) -> None:
    begun = time.monotonic()
    result = note.delay("lost")
    assert result.id
    assert calls == []
    assert "the broker does not answer: task tests.note was not queued" in caplog.text
    assert time.monotonic() - begun < 10


def test_inside_a_task_the_error_counts(dead_broker: None) -> None:
    from celery._state import _task_stack
    from kombu.exceptions import OperationalError

    _task_stack.push(note._get_current_object())
    try:
        with pytest.raises(OperationalError):
            note.delay("lost")
    finally:
        _task_stack.pop()


# --- Queues ---------------------------------------------------------------------------------------


def test_mail_has_a_queue_of_its_own_so_that_jobs_do_not_wait_behind_it() -> None:
    def queue_of(task: str) -> Any:
        return app.amqp.router.route({}, task)["queue"]

    for task in ("enrollments.tasks.deliver_outbox", "enrollments.tasks.sweep_outbox"):
        assert (queue_of(task).name, queue_of(task).routing_key) == ("mail", "mail")
    assert (queue_of("enterprise.tasks.run_bulk_job").name, queue_of("tests.note").routing_key) == ("celery", "celery")
    assert set(app.amqp.queues.consume_from) == {"celery", "mail"}
