"""How tasks run: through the broker, or on a machine without one in a background thread of the process.

`delay` and `apply_async` look the same either way: arguments travel as JSON, `countdown` and `eta` are honoured,
retries wait their time, the request's id stays in the log lines. In the process a second thread plays beat's part.
"""

from __future__ import annotations

import atexit
import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from celery import current_app, schedules
from celery._state import get_current_task
from celery.app.trace import build_tracer
from celery.contrib.django.task import DjangoTask
from celery.utils import uuid
from celery.utils.functional import maybe_list
from celery.utils.time import maybe_make_aware
from django.conf import settings
from django.db import connections
from django.utils.module_loading import autodiscover_modules
from kombu.exceptions import OperationalError
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

STOP_SECONDS = 20  # what tasks under way, and those that wait, get when the process ends
LONGEST_REST = 300.0  # seconds that beat sleeps at most


class MatriculaTask(DjangoTask):
    """Every task of the service.

    A broker that does not answer must not fail the request that queues a task: that is logged, and the periodic sweeps
    find the work later. Inside a worker the error counts: there Celery itself knows what to do with it.
    """

    abstract = True

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> Any:
        task_id = task_id or uuid()
        if not (settings.CELERY_BROKER_URL or self.app.conf.task_always_eager):
            return self.run_here(args, kwargs, task_id, link, link_error, **options)
        try:
            return super().apply_async(args, kwargs, task_id, producer, link, link_error, shadow, **options)
        except (OperationalError, OSError):
            if get_current_task() is not None:
                raise
            logger.exception("the broker does not answer: task %s was not queued", self.name)
            return self.AsyncResult(task_id)

    def run_here(self, args: Any, kwargs: Any, task_id: str, link: Any, link_error: Any, **options: Any) -> Any:
        """Give a call to the background thread of this process."""
        if self.typing:
            self.__header__(*(args or ()), **(kwargs or {}))
        sent_args, sent_kwargs = loads(dumps([list(args or ()), dict(kwargs or {})]))
        request = {
            "id": task_id,
            "task": self.name,
            "root_id": options.get("root_id") or task_id,
            "parent_id": options.get("parent_id"),
            "retries": options.get("retries") or 0,
            "delivery_info": {},
            "callbacks": maybe_list(link),
            "errbacks": maybe_list(link_error),
        }
        log_context = {**structlog.contextvars.get_contextvars(), "task_id": task_id}

        def work() -> None:
            structlog.contextvars.bind_contextvars(**log_context)
            build_tracer(self.name, self, app=self.app)(task_id, sent_args, sent_kwargs, request)

        background.submit(work, self._delay(options.get("countdown"), options.get("eta")))
        return self.AsyncResult(task_id)

    def _delay(self, countdown: float | None, eta: Any) -> float:
        if eta is not None:
            return float((maybe_make_aware(eta) - self.app.now()).total_seconds())
        return float(countdown or 0)


@dataclass(order=True)
class Waiting:
    """A piece of work and when it may begin; equals run in the order they came."""

    due: float  # seconds of the monotonic clock
    number: int
    work: Callable[[], None] = field(compare=False)


class BackgroundThread:
    """Runs pieces of work one after the other in a daemon thread that begins with the first of them.

    Database connections are closed after each; an error is logged and ends that piece alone.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Waiting] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._stopping = False

    def submit(self, work: Callable[[], None], delay: float = 0) -> None:
        """Run `work` after `delay` seconds."""
        with self._changed:
            heapq.heappush(self._waiting, Waiting(time.monotonic() + max(0.0, delay), next(self._numbers), work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="matricula-tasks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until nothing waits or runs; False when that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def stop(self, timeout: float) -> None:
        """Run what waits (delayed work too) and end; what is not done after `timeout` seconds is left to the sweeps."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            structlog.contextvars.clear_contextvars()
            try:
                work()
            except Exception:
                logger.exception("a background task failed")
            finally:
                connections.close_all()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while True:
                rest = self._waiting[0].due - time.monotonic() if self._waiting else None
                if rest is not None and (rest <= 0 or self._stopping):
                    self._busy = True
                    return heapq.heappop(self._waiting).work
                if rest is None and self._stopping:
                    return None
                self._changed.wait(rest)


class Beat:
    """Queues the tasks of `CELERY_BEAT_SCHEDULE` when they are due, in a daemon thread; intervals begin at start."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="matricula-beat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        # Tasks are known once their modules are imported; where there is no worker nobody else does that.
        autodiscover_modules("tasks")
        entries = settings.CELERY_BEAT_SCHEDULE
        plans = {name: schedules.maybe_schedule(entry["schedule"], app=current_app) for name, entry in entries.items()}
        last_runs = {name: current_app.now() for name in plans}
        for name, plan in plans.items():
            if not isinstance(plan, schedules.crontab):
                self._queue(name)
        while not self._stopped.is_set():
            rest = LONGEST_REST
            for name, plan in plans.items():
                due, seconds = plan.is_due(last_runs[name])
                if due:
                    last_runs[name] = current_app.now()
                    self._queue(name)
                rest = min(rest, seconds)
            self._stopped.wait(max(rest, 0.1))

    def _queue(self, name: str) -> None:
        entry: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE[name]
        try:
            task = current_app.tasks[entry["task"]]
            task.apply_async(entry.get("args"), entry.get("kwargs"), **entry.get("options", {}))
        except Exception:
            logger.exception("the periodic task %s could not be queued", name)


class Embedded:
    """The threads of this process; a forked child begins with new ones, for threads do not survive a fork."""

    def __init__(self) -> None:
        self.background = BackgroundThread()
        self.beat = Beat()

    def submit(self, work: Callable[[], None], delay: float = 0) -> None:
        """Run `work` in the background after `delay` seconds."""
        self.background.submit(work, delay)

    def start_beat(self) -> None:
        """Begin with the periodic tasks; with a broker `celery beat` queues them, once for all processes."""
        if not settings.CELERY_BROKER_URL:
            self.beat.start()

    def stop(self) -> None:
        self.beat.stop()
        self.background.stop(STOP_SECONDS)

    def begin_anew(self) -> None:
        was_running = self.beat.running
        self.background, self.beat = BackgroundThread(), Beat()
        if was_running:
            self.beat.start()


background = Embedded()
atexit.register(background.stop)
os.register_at_fork(after_in_child=background.begin_anew)
