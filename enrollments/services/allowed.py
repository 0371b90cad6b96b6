"""E-mail addresses that may enroll whatever the window says (contract: enrollment-api, enrollment_allowed and User)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.conf import settings
from django.db import IntegrityError, transaction

from config.api.exceptions import Refusal
from config.db.history import acting_account_id
from config.db.sets import record_history, update_from
from config.hooks import is_quiet
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, CourseOverview, ManualEnrollmentAudit, User
from enrollments.queries.course_modes import default_modes
from enrollments.services import access
from enrollments.services.enroll import Movement, lock_accounts, store

Pair = tuple[str, str]


def allow(email: str, course_id: str, *, auto_enroll: bool) -> CourseEnrollmentAllowed:
    """Lets an address enroll in a run, which need not exist. An existing account is not enrolled by this.

    Raises:
        Refusal: 409, the pair is there already; it is left as it is.
    """
    try:
        with transaction.atomic():
            return CourseEnrollmentAllowed.objects.create(email=email, course_id=course_id, auto_enroll=auto_enroll)
    except IntegrityError as conflict:
        text = f"An enrollment allowed with email {email} and course {course_id} already exists."
        raise Refusal(text, status=409) from conflict


def disallow(email: str, course_id: str) -> None:
    """Takes an allowance back, a consumed one too; the enrollment it led to stays.

    Raises:
        Refusal: 404, there is none.
    """
    deleted, _ = CourseEnrollmentAllowed.objects.filter(email=email, course_id=course_id).delete()
    if not deleted:
        text = f"An enrollment allowed with email {email} and course {course_id} doesn't exists."
        raise Refusal(text, status=404)


def honour(accounts: Iterable[User]) -> None:
    """Enrolls accounts in the runs that their addresses were allowed for with `auto_enroll`; one statement without any.

    For accounts that were activated or whose e-mail changed; inactive ones among them are left out. Who is enrolled
    already is only linked to the allowance; a run that is closed for the account is skipped; seats are not counted.
    A manual enrollment audit of the address is carried on. The number of statements does not grow with the rows.
    """
    by_email = {account.email: account for account in accounts if account.is_active and account.email}
    if not by_email or is_quiet():
        return
    waiting = CourseEnrollmentAllowed.objects.filter(email__in_set=by_email, auto_enroll=True)
    if not waiting.exists():
        return
    with transaction.atomic():
        lock_accounts([account.pk for account in by_email.values()])
        allowed = {
            (row.email, row.course_id): row
            for row in waiting.order_by("id")
            if row.user_id in (None, by_email[row.email].pk)
        }
        _enroll_allowed(by_email, allowed)


def _enroll_allowed(by_email: dict[str, User], allowed: dict[Pair, CourseEnrollmentAllowed]) -> None:
    run_ids = {course_id for _, course_id in allowed}
    accounts = [account.pk for account in by_email.values()]
    runs = CourseOverview.objects.in_bulk(run_ids)
    enrollments = CourseEnrollment.objects.filter(user__in_set=accounts, course_id__in_set=run_ids)
    current = {(enrollment.user_id, enrollment.course_id): enrollment for enrollment in enrollments}
    modes = default_modes(run_ids)
    movements: dict[Pair, Movement] = {}
    linked = []
    for (email, course_id), row in allowed.items():
        account, run = by_email[email], runs.get(course_id)
        enrollment = current.get((account.pk, course_id))
        if enrollment is not None and enrollment.is_active:
            linked.append((row.pk, account.pk))
        elif run is not None and _is_open(account, run):
            movements[email, course_id] = Movement.of(account, course_id, enrollment)
            movements[email, course_id].enroll(modes[course_id])
    update_from(CourseEnrollmentAllowed, ["id", "user_id"], linked)
    store(movements.values())
    _carry_audits_on(movements)


def _is_open(account: User, run: CourseOverview) -> bool:
    """The enroll rule for an allowance that is the account's own: yes, unless the deployment has it heed the window."""
    return not settings.DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED or access.may_enroll(account, run)


def _carry_audits_on(movements: dict[Pair, Movement]) -> None:
    """Another audit for each address that has one: the allowance became an enrollment, by whom and why as last time."""
    newest = _newest_audits({email for email, _ in movements})
    audits = ManualEnrollmentAudit.objects.bulk_create(
        ManualEnrollmentAudit(
            enrollment=movement.enrollment,
            enrolled_by_id=newest[email].enrolled_by_id,
            enrolled_email=email,
            state_transition=ManualEnrollmentAudit.Transition.ALLOWED_TO_ENROLLED,
            reason=newest[email].reason,
        )
        for (email, _), movement in movements.items()
        if email in newest
    )
    record_history(ManualEnrollmentAudit, [audit.pk for audit in audits], "+", user_id=acting_account_id())


def _newest_audits(emails: Collection[str]) -> dict[str, ManualEnrollmentAudit]:
    audits: dict[str, list[ManualEnrollmentAudit]] = defaultdict(list)
    for audit in ManualEnrollmentAudit.objects.filter(enrolled_email__in_set=emails).order_by("time_stamp", "id"):
        audits[audit.enrolled_email].append(audit)
    return {email: rows[-1] for email, rows in audits.items()}
