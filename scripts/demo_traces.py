"""What a world file cannot hold: traces of work in the demo, a job with its results and mails that did not arrive."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.utils import timezone

CUSTOMER, ACTOR, AGENT = "brightwater", "operator", "agent"
REFUSED = "550 5.1.1 <{}>: Recipient address rejected: User unknown"
BROKE = "The connection broke while the mail was handed over."


def leave_traces(folder: Path) -> None:
    """Enrolls the demo's roster as one job, puts two mails in trouble, and does what agents do; only the first time.

    Args:
        folder: that of the world file; without a `roster.csv` in it nothing is done.
    """
    from enterprise.models import BulkJob

    roster = folder / "roster.csv"
    if not roster.exists() or BulkJob.objects.exists():
        return
    _build_filters()
    with suppress(SystemExit):  # some rows are meant to fail
        call_command("enroll_learners", str(roster), customer=CUSTOMER, actor=ACTOR, stdout=StringIO())
    _trouble_mails()
    _desk_work()


def _build_filters() -> None:
    """What each catalog holds, so that the first who asks need not wait."""
    from enterprise.content import index
    from enterprise.models import EnterpriseCustomerCatalog
    from enterprise.queries.content import effective_filter

    catalogs = EnterpriseCustomerCatalog.objects.select_related("enterprise_catalog_query")
    index.ensure([effective_filter(catalog) for catalog in catalogs])


def _trouble_mails() -> None:
    from enrollments.emails import activated
    from enrollments.models import CourseEnrollment, OutboxMessage

    enrollments = CourseEnrollment.objects.filter(is_active=True).select_related("user").order_by("pk")[:2]
    states = [OutboxMessage.State.DEAD, OutboxMessage.State.UNKNOWN]
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                key=f"demo:{state}",
                message_type=activated.MESSAGE_TYPE,
                recipient=enrollment.user.email,
                context={"enrollment_id": enrollment.pk},
                state=state,
                attempts=1,
                last_error=REFUSED.format(enrollment.user.email) if state == OutboxMessage.State.DEAD else BROKE,
            )
            for enrollment, state in zip(enrollments, states, strict=False)
        ],
        ignore_conflicts=True,
    )


def _desk_work() -> None:
    """What agents did: its times tell its rows from each other in a world file, so they could not be relative there."""
    from enrollments.models import CourseEnrollment, ManualEnrollmentAudit, User
    from support.models import ContactTicket, CourseResetAudit, CourseResetCourseOptIn, PasswordToggleHistory

    agent, now = User.objects.get(username=AGENT), timezone.now()
    enrollments = CourseEnrollment.objects.select_related("user").order_by("pk")[:2]
    ManualEnrollmentAudit.objects.bulk_create(
        ManualEnrollmentAudit(
            enrollment=enrollment,
            enrolled_by=agent,
            enrolled_email=enrollment.user.email,
            time_stamp=now - timedelta(days=days),
            state_transition=ManualEnrollmentAudit.Transition.UNENROLLED_TO_ENROLLED,
            reason="Asked by phone to come back",
        )
        for days, enrollment in enumerate(enrollments, start=3)
    )
    learner = enrollments[1].user
    for days, disabled, comment in ((20, True, "Reported as stolen"), (18, False, "Called back, all is well")):
        at = now - timedelta(days=days)
        PasswordToggleHistory.objects.create(
            user=learner, created_by=agent, disabled=disabled, comment=comment, created=at, modified=at
        )
    for opt_in in CourseResetCourseOptIn.objects.all():
        enrollment = CourseEnrollment.objects.filter(course_id=opt_in.course_id).first()
        CourseResetAudit.objects.create(
            course=opt_in,
            course_enrollment=enrollment,
            reset_by=agent,
            status=CourseResetAudit.Status.COMPLETE,
            completed_at=now - timedelta(days=6),
            comment="Began anew after an illness",
        )
    ContactTicket.objects.create(
        requester=learner,
        requester_name=learner.full_name() or "",
        requester_email=learner.email,
        subject="My certificate has my old name",
        body="I have married since. What do you need from me?",
        created=now - timedelta(days=1),
    )
