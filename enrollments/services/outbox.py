"""The outbox: a change and the mail it asks for commit together; delivery follows (DESIGN, decision 5).

States: `queued` -> `sending` -> `sent`. A try that fails makes a message `failed` (it waits for its next try) or, when
trying again cannot help or has not helped often enough, `dead`. A message whose fate nobody knows, because a process
or a connection broke while it was handed over, becomes `unknown` and stays so until an operator decides: twice is
worse than late.

A deliverer claims a batch by moving its messages' next attempt past a lease, then takes them one at a time: a message
is marked `sending`, committed, handed over, and marked `sent` by the statement that marks the next one. So a killed
process leaves one message in doubt at most; the rest of its batch waits until the lease has passed.
"""

from __future__ import annotations

import logging
import math
import random
import smtplib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMessage, get_connection
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from config.db.passing import is_passing
from config.hooks import is_quiet
from enrollments.emails.registry import Rendered, listener_of, renderer_of
from enrollments.emails.smtp import DeliveryInDoubt
from enrollments.models import OutboxMessage

logger = logging.getLogger(__name__)

State = OutboxMessage.State
WAITING = (State.QUEUED, State.FAILED)
HANDED_OVER = (State.SENDING, State.UNKNOWN)  # a slow process may find its message doubted by a sweep

BATCH_SIZE = 100
SLICE_SECONDS = 20.0
PATIENCE_SECONDS = 10.0  # with a database that restarts
LAST_SECONDS = 12.0  # of a process; config.embedded grants its threads a little more
LEASE = timedelta(minutes=5)
DELIVERY_WAITS = "outbox:delivery-waits"  # in the cache
DELIVERY_WAITS_SECONDS = 15  # then it is taken for lost
IN_DOUBT_AFTER = timedelta(minutes=5)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_ERROR = 1000
LONGEST_ADDRESS = 254
CLOSING = 421  # SMTP: the server closes the connection

# Delivery asks for this subclass, which tells a refused mail from one whose fate is unknown.
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
OWN_SMTP_BACKEND = "enrollments.emails.smtp.EmailBackend"

_dice = random.SystemRandom()


# --- Asking for mail ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A mail that a change asks for.

    Args:
        key: unique among all mails ever asked for, at most 255 characters; asking again with it asks for nothing.
        message_type: the name under which its renderer is registered.
        recipient: one e-mail address.
        context: what the renderer needs, as JSON; ids rather than texts, so that the mail tells what holds when sent.
    """

    key: str
    message_type: str
    recipient: str
    context: dict[str, Any] = field(default_factory=dict)


def queue(messages: Iterable[NewMessage]) -> None:
    """Stores mails in the caller's transaction and has them delivered once it commits; rolled back means not sent.

    A recipient that no mail can reach (no address, or one longer than an address may be) is logged and left out. Inside
    `config.hooks.quiet()` nothing happens.
    """
    if is_quiet():
        return
    rows = [
        OutboxMessage(
            key=message.key, message_type=message.message_type, recipient=message.recipient, context=message.context
        )
        for message in messages
        if _is_reachable(message)
    ]
    if rows:
        OutboxMessage.objects.bulk_create(rows, ignore_conflicts=True)
        queue_delivery()


def queue_delivery() -> None:
    """Has waiting mails delivered once the current transaction commits; for writers that inserted the rows themselves.

    A queue that cannot be reached does not fail the caller: the next sweep delivers.
    """
    transaction.on_commit(_queue_once, robust=True)


def _queue_once() -> None:
    """Queues a delivery unless one waits already: a job of hundreds of chunks must not fill the queue with them."""
    from enrollments.tasks import deliver_outbox

    try:
        is_first = cache.add(DELIVERY_WAITS, True, DELIVERY_WAITS_SECONDS)
    except Exception:  # noqa: BLE001 - whatever the cache's client raises
        logger.warning("the cache does not answer: a delivery is queued all the same", exc_info=True)
        is_first = True
    if is_first:
        deliver_outbox.delay()


def _is_reachable(message: NewMessage) -> bool:
    reachable = 0 < len(message.recipient) <= LONGEST_ADDRESS and message.recipient.isprintable()
    if not reachable:
        logger.warning("mail %s is left out: it has no usable address", message.key)
    return reachable


# --- Delivering -----------------------------------------------------------------------------------------------------


def deliver(seconds: float = SLICE_SECONDS) -> bool:
    """Delivers what waits, batch after batch.

    Args:
        seconds: after how long to stop, so that other tasks get their turn.
    Returns:
        Whether messages may still wait.
    """
    # First of all: what commits from here on may be missed below, and must be able to queue the next delivery.
    try:
        cache.delete(DELIVERY_WAITS)
    except Exception:  # noqa: BLE001 - whatever the cache's client raises
        logger.warning("the cache does not answer: deliveries may be queued late", exc_info=True)
    end = time.monotonic() + seconds
    while not _exit.is_near() and deliver_batch(until=end):
        if time.monotonic() >= end:
            return True
    return False


def sweep() -> bool:
    """Puts abandoned messages in doubt and delivers what is due; answers as `deliver`."""
    doubt_abandoned()
    return deliver()


def deliver_batch(limit: int = BATCH_SIZE, until: float = math.inf) -> int:
    """Delivers one batch over one connection. Safe beside other deliverers.

    Args:
        limit: the largest batch, in messages.
        until: when to begin with no further message, in seconds of the monotonic clock; what is left waits for others.
    Returns:
        How many messages were dealt with, whatever became of them; 0 when none is due or the server cannot be reached.
    """
    batch = _claim(limit)
    return _Batch(batch).deliver(until) if batch else 0


def doubt_abandoned() -> int:
    """Marks messages as in doubt whose process died while it handed them over; answers how many."""
    abandoned = OutboxMessage.objects.filter(
        state=State.SENDING, sending_since__lt=timezone.now() - IN_DOUBT_AFTER
    ).update(state=State.UNKNOWN, last_error="The process died while it handed this mail over. It may have been sent.")
    if abandoned:
        logger.error("%d mails are in doubt: their process died while it sent them", abandoned)
    return abandoned


def resend(messages: Iterable[OutboxMessage]) -> int:
    """Queues messages again that are in doubt, failed or given up, with all their attempts before them.

    Args:
        messages: those an operator chose; messages in another state are left alone.
    Returns:
        How many were queued.
    """
    chosen = [message.pk for message in messages]
    queued = OutboxMessage.objects.filter(pk__in=chosen, state__in=[State.UNKNOWN, State.DEAD, State.FAILED]).update(
        state=State.QUEUED, attempts=0, next_attempt_at=timezone.now(), sending_since=None
    )
    if queued:
        queue_delivery()
    return queued


def _claim(limit: int) -> list[OutboxMessage]:
    """The messages that are due and nobody else has; their `next_attempt_at` is the end of the lease."""
    now = timezone.now()
    lease = now + LEASE
    due = OutboxMessage.objects.filter(state__in=WAITING, next_attempt_at__lte=now).order_by("next_attempt_at", "id")
    with transaction.atomic():
        batch = list(due.select_for_update(skip_locked=True)[:limit])
        OutboxMessage.objects.filter(pk__in=[message.pk for message in batch]).update(next_attempt_at=lease)
    for message in batch:
        message.next_attempt_at = lease
    return batch


class _Batch:
    """One claimed batch on its way to the mail server."""

    def __init__(self, messages: list[OutboxMessage]) -> None:
        self.messages = messages
        self.letters: deque[tuple[OutboxMessage, EmailMessage]] = deque()  # not touched yet
        self.handed_over: OutboxMessage | None = None  # accepted by the mail server, not recorded as sent yet
        self.connection: Any = None

    def deliver(self, until: float) -> int:
        self._write()
        try:
            while self.letters and time.monotonic() < until and not _exit.is_near():
                if not self._connect():
                    return 0
                self._send(*self.letters.popleft())
        finally:
            self._record_handed_over()
            self._release()
            self._disconnect()
        return len(self.messages)

    # What to send

    def _write(self) -> None:
        """Has the mails of the batch written; messages without one are settled here."""
        rendered = self._rendered()
        reasons: dict[str, list[int]] = defaultdict(list)
        for message in self.messages:
            match rendered.get(message.pk, ""):
                case EmailMessage() as email:
                    self.letters.append((message, _addressed(email, message)))
                case Exception() as error:
                    logger.error("mail %s could not be written", message.pk, exc_info=error)
                    _failed([message], f"It could not be written: {error!r}")
                case str() as reason:
                    reasons[reason].append(message.pk)
        for reason, ids in reasons.items():
            _dropped(ids, reason)

    def _rendered(self) -> dict[int, Rendered]:
        by_type: dict[str, list[OutboxMessage]] = defaultdict(list)
        for message in self.messages:
            by_type[message.message_type].append(message)
        rendered: dict[int, Rendered] = {}
        for message_type, messages in by_type.items():
            try:
                rendered.update(renderer_of(message_type)(messages))
            except Exception:  # noqa: BLE001 - any bug in it; found out message by message
                logger.warning("mails of type %s are written one by one", message_type, exc_info=True)
                rendered.update(_one_by_one(messages))
        return rendered

    # Sending

    def _send(self, message: OutboxMessage, email: EmailMessage) -> None:
        pause = _pace.reserve(settings.OUTBOX_RATE)
        if pause:
            self._record_handed_over()
            time.sleep(pause)
        if not self._take(message):
            return
        try:
            self.connection.send_messages([email])
        except Exception as error:  # noqa: BLE001 - mail services raise what they like
            logger.warning("mail %s could not be sent", message.pk, exc_info=True)
            verdict = _Verdict.of(error)
            if not verdict.connection_holds:
                self._disconnect()
            if verdict.in_doubt:
                _doubted(message, f"It may have been sent: {error!r}")
            else:
                _failed([message], repr(error), for_good=verdict.for_good)
                _tell([message], failed=True)
        else:
            self.handed_over = message
            if message.attempts:
                _tell([message], failed=False)

    def _take(self, message: OutboxMessage) -> bool:
        """Marks a message as being sent, and the one before it as sent, in one statement.

        Returns:
            Whether it is ours to send: the lease may have passed, and another deliverer may have taken it.
        """
        now, before = timezone.now(), self.handed_over
        ours = Q(pk=message.pk, state__in=WAITING, next_attempt_at=message.next_attempt_at)
        if before is None:
            taken = OutboxMessage.objects.filter(ours)
            return bool(taken.update(state=State.SENDING, sending_since=now, attempts=message.attempts + 1))
        both = OutboxMessage.objects.filter(ours | Q(pk=before.pk, state__in=HANDED_OVER))

        def either(column: str, this: Any, that: Any) -> Case:
            field: Any = OutboxMessage._meta.get_field(column)
            return Case(When(pk=message.pk, then=this), default=that, output_field=field)

        changed = both.update(
            state=either("state", Value(State.SENDING), Value(State.SENT)),
            attempts=either("attempts", Value(message.attempts + 1), F("attempts")),
            sent_at=either("sent_at", F("sent_at"), Value(now)),
            sending_since=now,
            last_error="",
        )
        self.handed_over = None
        return changed == 2 or _is_being_sent(message, now)

    def _record_handed_over(self) -> None:
        if self.handed_over is not None:
            sent = OutboxMessage.objects.filter(pk=self.handed_over.pk, state__in=HANDED_OVER)
            _patiently(partial(sent.update, state=State.SENT, sent_at=timezone.now(), last_error=""))
            self.handed_over = None

    def _release(self) -> None:
        """Gives back what was claimed and not touched: time is up, or the process is being stopped."""
        untouched = [message for message, _ in self.letters]
        if untouched:
            claimed = _still_claimed(untouched)
            claimed.update(next_attempt_at=timezone.now())

    # The connection

    def _connect(self) -> bool:
        """Opens the connection unless it is open. An unreachable server costs the rest of the batch one try."""
        if self.connection is not None:
            return True
        try:
            connection = _mail_connection()
            connection.open()
        except Exception as error:  # noqa: BLE001 - mail services raise what they like
            logger.warning("the mail server cannot be reached", exc_info=True)
            waiting = [message for message, _ in self.letters]
            _failed(waiting, f"The mail server cannot be reached: {error!r}")
            _tell(waiting, failed=True)
            self.letters.clear()
            return False
        self.connection = connection
        return True

    def _disconnect(self) -> None:
        if self.connection is not None:
            with suppress(OSError):  # broken already; smtplib's errors are of this kind too
                self.connection.close()
            self.connection = None


def _patiently(step: Callable[[], object]) -> None:
    """Does a step that must not get lost as soon as the database is back, if that is soon."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            step()
            return
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or not is_passing(error) or time.monotonic() >= end:
                raise
            logger.warning("the database is away, and a mail that was sent is not recorded yet: %s", error)
            connection.close()
            time.sleep(0.5)


def _one_by_one(messages: list[OutboxMessage]) -> Iterator[tuple[int, Rendered]]:
    for message in messages:
        try:
            yield from renderer_of(message.message_type)([message]).items()
        except Exception as error:  # noqa: BLE001 - recorded and logged with the message
            yield message.pk, error


def _addressed(email: EmailMessage, message: OutboxMessage) -> EmailMessage:
    """The mail to its one recipient; its Message-ID stays the same when it is sent again, and mail servers log it."""
    email.to, email.cc, email.bcc = [message.recipient], [], []
    domain = settings.SITE_DOMAIN.partition(":")[0]
    email.extra_headers.setdefault("Message-ID", f"<outbox-{message.pk}-{message.created:%Y%m%d%H%M%S}@{domain}>")
    email.extra_headers.setdefault("Auto-Submitted", "auto-generated")
    return email


def _mail_connection() -> Any:
    chosen = settings.EMAIL_BACKEND
    return get_connection(OWN_SMTP_BACKEND if chosen == SMTP_BACKEND else chosen)


class _Exit:
    """Without a broker mails are sent by a thread that ends with the process: not in the middle of a mail."""

    def __init__(self) -> None:
        self._began: float | None = None

    def is_near(self) -> bool:
        """Whether no further mail may be begun."""
        if threading.main_thread().is_alive():
            return False
        now = time.monotonic()
        self._began = self._began or now
        return now - self._began > LAST_SECONDS


_exit = _Exit()


class _Pace:
    """Spreads the mails of this process evenly over time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self, rate: float) -> float:
        """The seconds to wait before the next mail; 0 when there is no limit (rate 0)."""
        if not rate:
            return 0.0
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + 1 / rate
        return turn - now


_pace = _Pace()


# --- What became of a message ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an error of sending means.

    Args:
        for_good: trying again cannot help: the server refuses this recipient or text for good, or no such mail can be.
        in_doubt: the mail may have been accepted.
        connection_holds: the next mail can go over the same connection.
    """

    for_good: bool = False
    in_doubt: bool = False
    connection_holds: bool = False

    @classmethod
    def of(cls, error: Exception) -> _Verdict:
        match error:
            case DeliveryInDoubt():
                return cls(in_doubt=True)
            case smtplib.SMTPRecipientsRefused():
                code = max((code for code, _ in error.recipients.values()), default=0)
                return cls(for_good=_is_permanent(code), connection_holds=code != CLOSING)
            case smtplib.SMTPDataError():
                code = error.smtp_code
                return cls(for_good=_is_permanent(code), in_doubt=code < 400, connection_holds=400 <= code != CLOSING)
            case smtplib.SMTPNotSupportedError():
                return cls(for_good=True, connection_holds=True)
            case ValueError():  # a header or an address that no mail can have, found before anything was sent
                return cls(for_good=True, connection_holds=True)
        return cls()


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600


def _still_claimed(messages: list[OutboxMessage]) -> QuerySet[OutboxMessage]:
    lease = messages[0].next_attempt_at
    ids = [message.pk for message in messages]
    return OutboxMessage.objects.filter(pk__in=ids, state__in=WAITING, next_attempt_at=lease)


def _is_being_sent(message: OutboxMessage, since: datetime) -> bool:
    return OutboxMessage.objects.filter(pk=message.pk, state=State.SENDING, sending_since=since).exists()


def _dropped(ids: list[int], reason: str) -> None:
    """Settled without a mail: `sent`, with the reason and without a time of sending."""
    reason = _shortened(reason or "Nothing to send.")
    OutboxMessage.objects.filter(pk__in=ids).update(state=State.SENT, last_error=reason)


def _doubted(message: OutboxMessage, error: str) -> None:
    being_sent = OutboxMessage.objects.filter(pk=message.pk, state=State.SENDING)
    being_sent.update(state=State.UNKNOWN, last_error=_shortened(error))


def _failed(messages: list[OutboxMessage], error: str, *, for_good: bool = False) -> None:
    """Records one try that failed: one statement per number of tries made so far."""
    by_attempts: dict[int, list[int]] = defaultdict(list)
    for message in messages:
        by_attempts[message.attempts + 1].append(message.pk)
    for attempts, ids in by_attempts.items():
        dead = for_good or attempts >= settings.OUTBOX_MAX_ATTEMPTS
        OutboxMessage.objects.filter(pk__in=ids, state__in=[*WAITING, State.SENDING]).update(
            state=State.DEAD if dead else State.FAILED,
            attempts=attempts,
            last_error=_shortened(error),
            next_attempt_at=timezone.now() + _pause_after(attempts),
        )


def _tell(messages: list[OutboxMessage], *, failed: bool) -> None:
    """Tells who keeps account of such mails; whatever that raises does not keep other mails waiting."""
    by_type: dict[str, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        by_type[message.message_type].append(message)
    for message_type, own in by_type.items():
        listener = listener_of(message_type)
        if listener is not None:
            try:
                listener(own, failed)
            except Exception:
                logger.exception("what became of mails of type %s could not be noted", message_type)


def _pause_after(attempts: int) -> timedelta:
    """Doubles with every try, up to a limit, and differs a little each time so that retries do not come all at once."""
    pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return pause * _dice.uniform(0.75, 1.25)


def _shortened(error: str) -> str:
    return error.replace("\0", "")[:LONGEST_ERROR]
