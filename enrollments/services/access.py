"""May a learner enroll in a run now, and is there a seat (contract: enrollment-api, Roles and permissions)."""

from __future__ import annotations

from django.conf import settings
from django.db.models import CharField, Exists, OuterRef

from config.db.reads import Given, KeptStatement
from enrollments.models import CourseAccessRole, CourseEnrollment, CourseEnrollmentAllowed, CourseOverview, User
from enrollments.queries.course_roles import TEAM_ROLES, has_staff_access


def may_enroll(learner: User, run: CourseOverview) -> bool:
    """The `enroll` rule: an allowance of exactly this e-mail decides, then staff access, the invitation, the window."""
    allowances = _allowances(email=learner.email, course_id=run.pk)
    if allowances:
        heeds_window = settings.DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED
        if heeds_window and not run.enrollment_is_open and not _is_staff(learner, run):
            return False
        (consumer,) = allowances[0]
        return consumer in (None, learner.pk)
    # Said the other way round than the contract, staff last: for an open run the roles need not be read.
    by_invitation = run.invitation_only or settings.COURSES_INVITE_ONLY
    return (run.enrollment_is_open and not by_invitation) or _is_staff(learner, run)


_allowances = KeptStatement(
    lambda: CourseEnrollmentAllowed.objects.filter(
        email=Given("email", CharField()), course_id=Given("course_id", CharField())
    ).values_list("user_id")
)


def is_full(run: CourseOverview) -> bool:
    """Whether the last seat is taken. The run's row stays locked until the transaction ends, so no seat is sold twice.

    A run without a maximum costs no statement. The team of the run needs no seats.
    """
    if run.max_student_enrollments_allowed is None:
        return False
    locked = CourseOverview.objects.select_for_update(no_key=True).filter(pk=run.pk)
    maximum = locked.values_list("max_student_enrollments_allowed", flat=True).first()
    return maximum is not None and seats_taken(run.pk) >= maximum


def seats_taken(run_id: str) -> int:
    """Active enrollments in a run, without those of its team."""
    team = CourseAccessRole.objects.filter(user=OuterRef("user"), course_id=run_id, role__in=TEAM_ROLES)
    return CourseEnrollment.objects.filter(~Exists(team), course_id=run_id, is_active=True).count()


def _is_staff(learner: User, run: CourseOverview) -> bool:
    return has_staff_access(learner, run.pk, run.org)
