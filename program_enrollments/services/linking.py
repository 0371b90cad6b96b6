"""Students get their accounts: waiting ones, and those who were given a wrong one.

Contract: program-enrollments, Linking external keys to accounts. Everything is done in sets. Accounts are locked before
students of programs, as by all writers of these.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import record_history, update_from
from enrollments.models import CourseEnrollment, User
from enrollments.queries.course_modes import AUDIT, runs_with_audit
from enrollments.services.enroll import Movement, lock_accounts, store
from enterprise.queries.emails import lowered
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.queries.students import with_keys
from program_enrollments.services.course_staff import realise_pending_roles
from program_enrollments.services.masters import ORIGIN, Wanted, put_in_masters_track

NO_USER = "No user found with username {username}"
NO_ENROLLMENT = "No program enrollment found for program uuid={program_uuid} and external student key={key}"
LINKED_ALREADY = (
    "Program enrollment with external_student_key={key} is already linked to target account username={username}"
)
TAKEN = "{username} has another enrollment in this program and curriculum already."

CHUNK = 500

Pair = tuple[str, str]  # external key, user name

logger = logging.getLogger(__name__)


class Link(NamedTuple):
    """A student of a program, and the account that it is to belong to."""

    student: ProgramEnrollment
    account: User


# --- By hand --------------------------------------------------------------------------------------------------------


def link_by_username(program_uuid: UUID, usernames: Mapping[str, str]) -> dict[str, str]:
    """Links students of a program with accounts; who has another account is taken from it first.

    A pair that fails changes nothing, the others hold. Of several enrollments with a key in the program one is linked:
    the oldest that waits, else the oldest.

    Args:
        usernames: external key, compared ignoring case -> user name, compared exactly; worked through in this order.
    Returns:
        Key -> why not, for the pairs that failed, in their order.
    """
    failures: dict[str, str] = {}
    for pairs in _portions(usernames.items()):
        failures |= _link_or_halve(program_uuid, pairs)
    return {key: failures[key] for key in usernames if key in failures}


def _portions(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Pairs in portions that are locked and written at once. No key is twice in one, in whatever case: the later one
    comes after the earlier."""
    portion: dict[str, Pair] = {}
    for pair in pairs:
        key = lowered(pair[0])
        if key in portion or len(portion) == CHUNK:
            yield list(portion.values())
            portion = {}
        portion[key] = pair
    if portion:
        yield list(portion.values())


def _link_or_halve(program_uuid: UUID, pairs: Sequence[Pair]) -> dict[str, str]:
    """Links pairs together; where something breaks, in halves, until the pair that breaks stands by itself."""
    try:
        with transaction.atomic():
            return _link_together(program_uuid, pairs)
    except Exception as problem:  # noqa: BLE001 - a pair that breaks is told, and breaks no other
        if len(pairs) == 1:
            key, username = pairs[0]
            logger.warning("%s in %s was not linked with %s", key, program_uuid, username, exc_info=True)
            return {key: described(problem)}
    middle = len(pairs) // 2
    return _link_or_halve(program_uuid, pairs[:middle]) | _link_or_halve(program_uuid, pairs[middle:])


def _link_together(program_uuid: UUID, pairs: Sequence[Pair]) -> dict[str, str]:
    accounts = {
        account.username: account
        for account in User.objects.filter(username__in_set={username for _, username in pairs})
    }
    students = _locked_students(program_uuid, [key for key, _ in pairs], [each.pk for each in accounts.values()])
    holders = _holders(program_uuid, accounts.values())
    links: list[Link] = []
    failures: dict[str, str] = {}
    for key, username in pairs:
        account, student = accounts.get(username), students.get(lowered(key))
        if account is None:
            failures[key] = NO_USER.format(username=username)
        elif student is None:
            failures[key] = NO_ENROLLMENT.format(program_uuid=program_uuid, key=key)
        elif student.user_id == account.pk:
            failures[key] = LINKED_ALREADY.format(key=student.external_user_key, username=username)
        elif holders.get((account.pk, student.curriculum_uuid), student.pk) != student.pk:
            failures[key] = described(IntegrityError(TAKEN.format(username=username)))
        else:
            if student.user_id is not None:
                holders.pop((student.user_id, student.curriculum_uuid), None)
            holders[account.pk, student.curriculum_uuid] = student.pk
            links.append(Link(student, account))
    for key, text in failures.items():
        logger.warning("%s in %s was not linked: %s", key, program_uuid, text)
    unlink([link.student for link in links if link.student.user_id is not None])
    link_students(links)
    return failures


def _locked_students(
    program_uuid: UUID, keys: Collection[str], account_ids: Collection[int]
) -> dict[str, ProgramEnrollment]:
    """The students of a program with these keys, by key in lower case, they and all accounts concerned being locked."""
    named = with_keys(ProgramEnrollment.objects.filter(program_uuid=program_uuid), keys)
    found = dict(named.order_by().values_list("pk", "user_id"))
    concerned = {*account_ids, *(user_id for user_id in found.values() if user_id is not None)}
    lock_accounts(concerned)
    rows = named.filter(pk__in_set=found).order_by("pk").select_for_update(no_key=True, of=("self",))
    students: dict[str, ProgramEnrollment] = {}
    for student in sorted(rows, key=lambda row: (row.user_id is not None, row.pk)):
        students.setdefault(student.lowered, student)  # type: ignore[attr-defined]
    # Linked by somebody else in between: that account is concerned too.
    late = {student.user_id for student in students.values() if student.user_id is not None} - concerned
    if late:
        lock_accounts(late)
    return students


def _holders(program_uuid: UUID, accounts: Iterable[User]) -> dict[tuple[int | None, UUID], int]:
    """The enrollments that accounts have in a program, by account and curriculum: there is one at most."""
    rows = ProgramEnrollment.objects.filter(
        program_uuid=program_uuid, user__in_set={account.pk for account in accounts}
    )
    return {
        (user_id, curriculum): pk for pk, user_id, curriculum in rows.values_list("pk", "user_id", "curriculum_uuid")
    }


def described(problem: Exception) -> str:
    """An error as agents are told of it: its name, and its text if there is one."""
    text = str(problem)
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


# --- Shared ---------------------------------------------------------------------------------------------------------


def link_students(links: Sequence[Link]) -> None:
    """Gives students their accounts, and puts these in the masters track of the students' runs; pending roles of
    waiting students become real. A fixed number of statements.

    To be called in a transaction that has locked the accounts, then the students, who have no account.

    Raises:
        NonExistentCourseError, Refusal: a run is gone, or a hook of PRE_ENROLL_CHECKS says no. Nothing may stay then.
        IntegrityError: an account has an enrollment in the program and curriculum already.
    """
    if not links:
        return
    now, actor = timezone.now(), acting_account_id()
    accounts = {link.student.pk: link.account.pk for link in links}
    update_from(ProgramEnrollment, ("id", "user_id"), list(accounts.items()), same={"modified": now})
    record_history(ProgramEnrollment, list(accounts), "~", user_id=actor)
    in_runs = _locked_in_runs(accounts)
    wanted = [Wanted(accounts[row.program_enrollment_id], row.course_key, row.status) for row in in_runs]
    placed = put_in_masters_track(wanted)
    for problem in placed.failures.values():
        raise problem
    tied = [
        (row.pk, placed.enrollments[each.user_id, each.run_id].pk) for row, each in zip(in_runs, wanted, strict=True)
    ]
    update_from(ProgramCourseEnrollment, ("id", "course_enrollment_id"), tied, same={"modified": now})
    record_history(ProgramCourseEnrollment, [pk for pk, _ in tied], "~", user_id=actor)
    realise_pending_roles([pk for pk, _ in tied])
    for link in links:
        link.student.user_id = link.account.pk
        logger.info("Program enrollment %s was linked with account %s", link.student.pk, link.account.pk)


def unlink(students: Sequence[ProgramEnrollment]) -> None:
    """Takes students from their accounts, whose enrollments in the students' runs end, and go back to audit where the
    run offers it; course roles stay. A fixed number of statements.

    To be called in a transaction that has locked the accounts, then the students.
    """
    if not students:
        return
    now, actor = timezone.now(), acting_account_id()
    in_runs = [row for row in _locked_in_runs([student.pk for student in students]) if row.course_enrollment_id]
    _end({row.course_enrollment_id for row in in_runs})
    ids = [row.pk for row in in_runs]
    if ids:
        rows = ProgramCourseEnrollment.objects.filter(pk__in_set=ids)
        rows.update(course_enrollment=None, modified=now)
        record_history(ProgramCourseEnrollment, ids, "~", user_id=actor)
    ids = [student.pk for student in students]
    ProgramEnrollment.objects.filter(pk__in_set=ids).update(user=None, modified=now)
    record_history(ProgramEnrollment, ids, "~", user_id=actor)
    for student in students:
        logger.info("Program enrollment %s was taken from account %s", student.pk, student.user_id)
        student.user_id = None


def _end(enrollment_ids: Collection[int | None]) -> None:
    """Makes plain enrollments inactive, and audit where that is on offer."""
    rows = CourseEnrollment.objects.filter(pk__in_set=enrollment_ids).select_related("user")
    enrollments = list(rows.order_by("user_id", "course_id"))
    audited = runs_with_audit({enrollment.course_id for enrollment in enrollments})
    movements = [Movement(enrollment.user, enrollment) for enrollment in enrollments]
    for movement in movements:
        offers_audit = movement.enrollment.course_id in audited
        movement.update(mode=AUDIT if offers_audit else None, is_active=False)
    store(movements, origin=ORIGIN)


def _locked_in_runs(student_ids: Collection[int]) -> list[ProgramCourseEnrollment]:
    rows = ProgramCourseEnrollment.objects.filter(program_enrollment__in_set=student_ids).order_by("pk")
    return list(rows.select_for_update(no_key=True))
