"""Plain enrollments of many learners at once, in sets: the way other apps enroll and unenroll in bulk.

Only this app writes its tables; the callers bring a queryset that holds one row per wanted enrollment. The number of
statements does not depend on how many there are. (Contract: enterprise-learners, Plain enrollment layer.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from config.api.exceptions import Refusal
from config.db.sets import InPairs, insert_from, record_history, update_from
from config.hooks import hooks, is_quiet
from enrollments.course_keys import is_run_key
from enrollments.emails import activated as activation
from enrollments.models import (
    CourseAccessRole,
    CourseEnrollment,
    CourseEnrollmentAllowed,
    CourseMode,
    CourseOverview,
    User,
)
from enrollments.queries.course_modes import DEFAULT_MODE
from enrollments.queries.course_roles import STAFF_ROLES, TEAM_ROLES
from enrollments.services import outbox, tracking
from enrollments.services.tracking import Line
from enrollments.signals import EnrollmentChange, enrollments_changed

# Why an enrollment is refused.
INVALID_KEY = "invalid-course-key"
UNKNOWN_RUN = "unknown-course-run"
MODE_UNAVAILABLE = "mode-unavailable"
CLOSED = "enrollment-closed"
FULL = "course-full"

VETOED = "enrollment-vetoed"


@dataclass(frozen=True, slots=True)
class Account:
    """What bulk work needs to know of an account."""

    id: int
    email: str
    username: str
    is_staff: bool


class Outcome(NamedTuple):
    """What becomes of one wanted enrollment: refused for `reason` (empty: not refused), and whether it `changed`."""

    reason: str
    changed: bool


class _Run(NamedTuple):
    """A course run as it stands at this moment."""

    org: str
    is_open: bool
    invitation_only: bool
    is_capped: bool


class _Seat:
    """One learner in one run: as it is stored, with what has been decided on top."""

    __slots__ = ("id", "is_active", "mode", "stored_active", "stored_mode")

    def __init__(self, enrollment_id: int | None, is_active: bool, mode: str) -> None:
        self.id = enrollment_id
        self.is_active = self.stored_active = is_active
        self.mode = self.stored_mode = mode


def lock_accounts(ids: Iterable[int]) -> dict[int, Account]:
    """Locks the accounts that exist among `ids`, always in the same order: the account's row is the learner's mutex."""
    rows = User.objects.filter(pk__in_set=list(ids)).order_by("pk").select_for_update(no_key=True)
    return {row[0]: Account(*row) for row in rows.values_list("id", "email", "username", "is_staff")}


def capped(run_keys: Collection[str]) -> bool:
    """Whether any of these runs has a limited number of seats."""
    return CourseOverview.objects.filter(pk__in_set=run_keys, max_student_enrollments_allowed__isnull=False).exists()


class Ensure:
    """Brings learners into a mode of a run, active, as "Ensure enrollment" of the contract says.

    Already active in that mode: untouched. Enrolled otherwise: activity and mode are set, and the mode must be on offer
    now. Not enrolled: the mode must be on offer, enrollment open (or forced) for that learner, and a seat free.

    Call, inside one transaction: `lock_runs`, `read`, `decide` for each wanted enrollment in order, `write`.
    Locks are taken in the order of the whole service: accounts, capped runs, enrollments.
    """

    def __init__(self, accounts: Mapping[int, Account], moment: datetime | None = None) -> None:
        """
        Args:
            accounts: the learners, locked (`lock_accounts`).
            moment: what counts as now.
        """
        self.accounts = accounts
        self.moment = moment or timezone.now()
        self._runs: dict[str, _Run] = {}
        self._offers: dict[str, set[str]] = {}
        self._seats_left: dict[str, int] = {}
        self._seats: dict[tuple[int, str], _Seat] = {}
        self._allowances: dict[tuple[str, str], tuple[int, int | None]] = {}
        self._run_roles: set[tuple[int, str, str]] = set()
        self._org_roles: set[tuple[int, str, str]] = set()
        self._checks: list[Callable[..., Any]] = []
        self._learners: dict[int, User] = {}
        self._created: list[Any] = []
        self._consumed: list[tuple[int, int]] = []

    def lock_runs(self, run_keys: Collection[str]) -> None:
        """Reads the runs and what they offer; runs with limited seats stay locked until the transaction ends."""
        maximum: dict[str, int] = {}
        for key, org, start, end, invitation_only, limit in CourseOverview.objects.filter(
            pk__in_set=run_keys
        ).values_list(
            "id", "org", "enrollment_start", "enrollment_end", "invitation_only", "max_student_enrollments_allowed"
        ):
            is_open = (start is None or start < self.moment) and (end is None or self.moment < end)
            invited = invitation_only or settings.COURSES_INVITE_ONLY
            self._runs[key] = _Run(org, is_open, invited, limit is not None)
            if limit is not None:
                maximum[key] = limit
        unexpired = Q(expiration_datetime__isnull=True) | Q(expiration_datetime__gte=self.moment)
        offered = CourseMode.objects.filter(unexpired, course_id__in_set=run_keys).order_by()
        for key, slug in offered.values_list("course_id", "mode_slug"):
            self._offers.setdefault(key, set()).add(slug)
        if maximum:
            self._count_seats(maximum)

    def _count_seats(self, maximum: dict[str, int]) -> None:
        capped_runs = (
            CourseOverview.objects.filter(pk__in_set=list(maximum)).order_by("pk").select_for_update(no_key=True)
        )
        locked = dict(capped_runs.values_list("id", "max_student_enrollments_allowed"))
        seatless = CourseAccessRole.objects.filter(
            user=OuterRef("user"), course_id=OuterRef("course_id"), role__in=TEAM_ROLES
        )
        taken = (
            CourseEnrollment.objects.filter(~Exists(seatless), course_id__in_set=list(locked), is_active=True)
            .order_by()
            .values_list("course_id")
            .annotate(taken=Count("id"))
        )
        self._seats_left = {key: limit for key, limit in locked.items() if limit is not None}
        for key, count in taken:
            self._seats_left[key] -= count

    def read(self, wanted: Iterable[tuple[int, str, bool]]) -> None:
        """Locks the learners' enrollments and reads what else decides.

        Args:
            wanted: (account id, run key, force) of every enrollment that may be asked for.
        """
        wanted = list(wanted)
        pairs = {(account_id, key) for account_id, key, _ in wanted}
        if not pairs:
            return
        rows = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", pairs))
        locked = rows.order_by("user_id", "course_id").select_for_update(no_key=True, of=("self",))
        for enrollment_id, account_id, key, is_active, mode in locked.values_list(
            "id", "user_id", "course_id", "is_active", "mode"
        ):
            self._seats[account_id, key] = _Seat(enrollment_id, is_active, mode)
        new = [(account_id, key, force) for account_id, key, force in wanted if (account_id, key) not in self._seats]
        self._read_access([item for item in new if item[1] in self._runs])

    def _read_access(self, new: list[tuple[int, str, bool]]) -> None:
        """Allowances of those who would be new; their course roles only where a closed or capped run asks for them."""
        if not new:
            return
        self._checks = hooks("PRE_ENROLL_CHECKS")
        if self._checks:
            self._learners = User.objects.in_bulk({account_id for account_id, _, _ in new})
        allowed = CourseEnrollmentAllowed.objects.filter(
            email__in_set={self.accounts[account_id].email for account_id, _, _ in new},
            course_id__in_set={key for _, key, _ in new},
        )
        for allowance_id, email, key, user_id in allowed.values_list("id", "email", "course_id", "user_id"):
            self._allowances[email, key] = (allowance_id, user_id)
        asking = [(account_id, key) for account_id, key, force in new if self._asks_for_roles(key, force)]
        if asking:
            roles = CourseAccessRole.objects.filter(user_id__in_set={account_id for account_id, _ in asking}).filter(
                Q(course_id__in_set={key for _, key in asking}) | Q(course_id="")
            )
            for user_id, org, course_id, role in roles.values_list("user_id", "org", "course_id", "role"):
                if course_id:
                    self._run_roles.add((user_id, course_id, role))
                elif org:
                    self._org_roles.add((user_id, org, role))

    def _asks_for_roles(self, key: str, force: bool) -> bool:
        run = self._runs[key]
        return run.is_capped or (not force and (run.invitation_only or not run.is_open))

    def active_mode(self, account_id: int, run_key: str) -> str | None:
        """The mode in which a learner is active, with all that has been decided; None when they are not."""
        seat = self._seats.get((account_id, run_key))
        return seat.mode if seat is not None and seat.is_active else None

    def decide(self, wanted_id: Any, account_id: int, run_key: str, mode: str, force: bool) -> Outcome:
        """What becomes of one wanted enrollment, seen after all that were decided before it.

        Args:
            wanted_id: its row's key in the queryset that `write` gets.
            account_id, run_key: whom and where; both were among `read`'s.
            mode: the mode to be in.
            force: whether a closed run or one by invitation may be entered. Lifts neither seats nor modes.
        """
        seat = self._seats.get((account_id, run_key))
        if seat is not None and seat.is_active and seat.mode == mode:
            return Outcome("", False)
        reason = self._refusal(account_id, run_key, mode, is_new=seat is None, force=force)
        if reason:
            return Outcome(reason, False)
        if seat is None:
            self._seats[account_id, run_key] = _Seat(None, True, mode)
            self._created.append(wanted_id)
            self._consume(account_id, run_key)
            self._take_seat(account_id, run_key)
        else:
            if not seat.is_active:
                self._take_seat(account_id, run_key)
            seat.is_active, seat.mode = True, mode
        return Outcome("", True)

    def _refusal(self, account_id: int, run_key: str, mode: str, *, is_new: bool, force: bool) -> str:
        if run_key not in self._runs:
            return UNKNOWN_RUN if is_run_key(run_key) else INVALID_KEY
        if mode not in self._offers.get(run_key, (DEFAULT_MODE.slug,)):
            return MODE_UNAVAILABLE
        if not is_new:
            return ""
        if self._checks and self._vetoed(account_id, run_key, mode):
            return VETOED
        if not force and not self._may_enter(account_id, run_key):
            return CLOSED
        if run_key in self._seats_left and self._seats_left[run_key] <= 0:
            return FULL
        return ""

    def _vetoed(self, account_id: int, run_key: str, mode: str) -> bool:
        try:
            for check in self._checks:
                check(self._learners[account_id], run_key, mode)
        except Refusal:
            return True
        return False

    def _may_enter(self, account_id: int, run_key: str) -> bool:
        """The `enroll` rule of the enrollment API, for the learner."""
        run, account = self._runs[run_key], self.accounts[account_id]
        allowance = self._allowances.get((account.email, run_key))
        if allowance is not None:
            heeds_window = settings.DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED
            if heeds_window and not run.is_open and not self._has_staff_access(account, run_key):
                return False
            return allowance[1] in (None, account_id)
        if run.is_open and not run.invitation_only:
            return True
        return self._has_staff_access(account, run_key)

    def _has_staff_access(self, account: Account, run_key: str) -> bool:
        org = self._runs[run_key].org
        return account.is_staff or any(
            (account.id, run_key, role) in self._run_roles or (account.id, org, role) in self._org_roles
            for role in STAFF_ROLES
        )

    def _take_seat(self, account_id: int, run_key: str) -> None:
        if run_key not in self._seats_left:
            return
        if not any((account_id, run_key, role) in self._run_roles for role in TEAM_ROLES):
            self._seats_left[run_key] -= 1

    def _consume(self, account_id: int, run_key: str) -> None:
        allowance = self._allowances.get((self.accounts[account_id].email, run_key))
        if allowance is not None and allowance[1] is None:
            self._consumed.append((allowance[0], account_id))

    def write(
        self, source: QuerySet[Any], *, origin: str, user_id: int | None = None, reason: str | None = None
    ) -> list[EnrollmentChange]:
        """Writes all that was decided, with history, and tells it in one signal.

        Args:
            source: rows with the columns `account_id`, `course_run_key` and `course_mode`, found by their primary key.
            origin: the app that asks, as the receivers of `enrollments_changed` know it.
            user_id, reason: who makes the change, and why, for the history.
        Raises:
            Overtaken: another writer was faster; nothing that was decided holds any more.
        """
        changes = self._insert(source) + self._update()
        if self._consumed:
            update_from(CourseEnrollmentAllowed, ("id", "user_id"), self._consumed)
        for kind, changed in (("+", [c for c in changes if c.created]), ("~", [c for c in changes if not c.created])):
            ids = [change.enrollment_id for change in changed]
            record_history(CourseEnrollment, ids, kind, user_id=user_id, reason=reason, moment=self.moment)
        tell(changes, origin, self.accounts)
        return changes

    def _insert(self, source: QuerySet[Any]) -> list[EnrollmentChange]:
        if not self._created:
            return []
        inserted = insert_from(
            CourseEnrollment,
            source.filter(pk__in_set=self._created).order_by("account_id", "course_run_key"),
            {
                "user_id": F("account_id"),
                "course_id": F("course_run_key"),
                "created": self.moment,
                "is_active": True,
                "mode": F("course_mode"),
            },
            returning=("id", "user_id", "course_id", "mode"),
            expect=len(self._created),
        )
        for enrollment_id, account_id, run_key, mode in inserted:
            seat = self._seats[account_id, run_key]
            seat.id, seat.stored_active, seat.stored_mode = enrollment_id, True, mode
        return [
            EnrollmentChange(enrollment_id, account_id, run_key, mode, is_active=True, created=True, activated=True)
            for enrollment_id, account_id, run_key, mode in inserted
        ]

    def _update(self) -> list[EnrollmentChange]:
        by_mode: dict[str, list[int]] = {}
        changes = []
        for (account_id, run_key), seat in self._seats.items():
            if seat.id is None or (seat.is_active, seat.mode) == (seat.stored_active, seat.stored_mode):
                continue
            by_mode.setdefault(seat.mode, []).append(seat.id)
            changes.append(
                EnrollmentChange(
                    seat.id,
                    account_id,
                    run_key,
                    seat.mode,
                    True,
                    activated=not seat.stored_active,
                    mode_changed=seat.mode != seat.stored_mode,
                )
            )
        for mode, ids in by_mode.items():
            CourseEnrollment.objects.filter(pk__in_set=ids).update(is_active=True, mode=mode)
        return changes


def deactivate(
    pairs: Collection[tuple[int, str]], *, origin: str = "", user_id: int | None = None, reason: str | None = None
) -> list[EnrollmentChange]:
    """Makes enrollments inactive, inside the caller's transaction; those that are not active are left alone.

    Args:
        pairs: account id and run key.
        origin, user_id, reason: as in `Ensure.write`.
    """
    accounts, active = _locked(pairs, Q(is_active=True))
    changes = [
        EnrollmentChange(enrollment_id, account_id, key, mode, is_active=False, deactivated=True)
        for enrollment_id, account_id, key, mode in active.values_list("id", "user_id", "course_id", "mode")
    ]
    _change(changes, {"is_active": False}, user_id=user_id, reason=reason)
    tell(changes, origin, accounts)
    return changes


def set_mode(
    pairs: Collection[tuple[int, str]],
    mode: str,
    *,
    origin: str = "",
    user_id: int | None = None,
    reason: str | None = None,
) -> list[EnrollmentChange]:
    """Moves enrollments to a mode, inside the caller's transaction; activity stays, and so do those in it already.

    Whether the runs offer the mode is for the caller to know.

    Args:
        pairs: account id and run key; where there is no enrollment, nothing happens.
        origin, user_id, reason: as in `Ensure.write`.
    """
    accounts, others = _locked(pairs, ~Q(mode=mode))
    changes = [
        EnrollmentChange(enrollment_id, account_id, key, mode, is_active=is_active, mode_changed=True)
        for enrollment_id, account_id, key, is_active in others.values_list("id", "user_id", "course_id", "is_active")
    ]
    _change(changes, {"mode": mode}, user_id=user_id, reason=reason)
    tell(changes, origin, accounts)
    return changes


def _locked(pairs: Collection[tuple[int, str]], which: Q) -> tuple[Mapping[int, Account], QuerySet[CourseEnrollment]]:
    """Locks the accounts of the pairs and, once it is read, those of their enrollments that are to change."""
    wanted = set(pairs)
    accounts = lock_accounts({account_id for account_id, _ in wanted})
    rows = CourseEnrollment.objects.filter(which, InPairs("user_id", "course_id", wanted))
    return accounts, rows.order_by("user_id", "course_id").select_for_update(no_key=True, of=("self",))


def _change(
    changes: list[EnrollmentChange], values: dict[str, Any], *, user_id: int | None, reason: str | None
) -> None:
    if changes:
        ids = [change.enrollment_id for change in changes]
        CourseEnrollment.objects.filter(pk__in_set=ids).update(**values)
        record_history(CourseEnrollment, ids, "~", user_id=user_id, reason=reason)


def tell(
    changes: list[EnrollmentChange], origin: str, accounts: Mapping[int, Account], *, by_mail: bool = True
) -> None:
    """What every change of plain enrollments brings: the signal at once; tracking lines and mail after the commit.

    Args:
        origin: as in `Ensure.write`.
        accounts: at least those of the changes.
        by_mail: whether learners may be mailed about it.
    """
    if not changes:
        return
    enrollments_changed.send(CourseEnrollment, changes=changes, origin=origin, by_mail=by_mail)
    tracking.emit(line for change in changes for line in _lines(change))
    activated = [change for change in changes if change.activated and accounts[change.user_id].email]
    if by_mail and settings.SEND_ENROLLMENT_EMAIL and not is_quiet():
        outbox.queue(
            outbox.NewMessage(
                key=f"enrollment-activated:{change.enrollment_id}:{uuid4().hex}",
                message_type=activation.MESSAGE_TYPE,
                recipient=accounts[change.user_id].email,
                context={"enrollment_id": change.enrollment_id},
            )
            for change in activated
        )


def _lines(change: EnrollmentChange) -> Iterator[Line]:
    """The events of a change (contract: enrollment-api, Background work)."""
    about = {"user_id": change.user_id, "course_id": change.course_id, "mode": change.mode}
    yield Line("course enrollment changed", {**about, "is_active": change.is_active, "created": change.created})
    if change.activated:
        yield Line("edx.course.enrollment.activated", about)
    if change.deactivated:
        yield Line("unenroll done", about)
        yield Line("edx.course.enrollment.deactivated", about)
        yield Line("enrollment status change", {**about, "change": "unenroll"})
        yield Line("course unenrollment completed", about)
    if change.mode_changed:
        yield Line("edx.course.enrollment.mode_changed", about)
        yield Line("enrollment track updated", about)
    if change.created:
        yield Line("enrollment status change", {**about, "change": "enroll"})
        yield Line("course enrollment created", {**about, "is_active": change.is_active})
