"""How a learner stands in the runs of a program (contract: program-enrollments, users/.../courses).

Everything is read in a fixed number of statements, whatever the number of runs, from stored facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import IntegerField, Q, QuerySet, UUIDField
from django.utils import timezone

from config.db.reads import Given, GivenSet, KeptInstances, KeptStatement, KeyedStatement
from enrollments.models import (
    BlockCompletion,
    BlockDueDate,
    CourseEmailOptout,
    CourseEnrollment,
    CourseOverview,
    GeneratedCertificate,
    Program,
)
from program_enrollments.models import ProgramEnrollment
from program_enrollments.queries.programs import contents_of, runs_of

MODES = ("verified", "masters", "executive-education", "paid-executive-education", "paid-bootcamp")
IN_PROGRESS, UPCOMING, COMPLETED = STATUSES = ("in_progress", "upcoming", "completed")
SELF_PACED_COMPLETION = timedelta(days=30)
MICROMASTERS = "micromasters"
UNKNOWN_BLOCK = "UNKNOWN"


class DueDate(NamedTuple):
    """When a block is due; `url` is stored for blocks without a key."""

    name: str
    block: str
    url: str
    date: datetime


class Certificate(NamedTuple):
    """A learner's certificate of a run, of whatever status."""

    status: str
    created: datetime
    download_url: str | None
    verify_uuid: str

    def passed_by(self, moment: datetime) -> bool:
        """Whether it stood then, and says that the learner passed: the status alone tells."""
        return self.status in GeneratedCertificate.PASSING_STATUSES and self.created <= moment


@dataclass(frozen=True, slots=True)
class RunOverview:
    """A run of a program and how the learner stands in it; what answers leave out is None."""

    run_id: str
    display_name: str
    start: datetime | None
    end: datetime | None
    status: str
    due_dates: Sequence[DueDate]
    emails_enabled: bool | None
    certificate: Certificate | None
    micromasters_title: str | None
    last_block: str | None


def course_run_status(
    *, start: datetime | None, end: datetime | None, self_paced: bool, certificate: Certificate | None, now: datetime
) -> str:
    """How far a learner is in a run: COMPLETED, IN_PROGRESS or UPCOMING.

    A run without a start has not started, one without an end does not end. A passing certificate completes a run at
    the learner's own pace after 30 days, and no other run.
    """
    if end is not None and end < now:
        return COMPLETED
    if self_paced and certificate is not None and certificate.passed_by(now - SELF_PACED_COMPLETION):
        return COMPLETED
    return IN_PROGRESS if start is not None and start < now else UPCOMING


def is_enrolled(account: Any, program_id: UUID) -> bool:
    """Whether the account is enrolled in the program, in whatever curriculum; who is pending is not."""
    return bool(_enrolled(user=account.pk, program=program_id))


def enrollments_of(account: Any, program_id: UUID) -> QuerySet[CourseEnrollment, Any]:
    """The learner's active enrollments in runs of the program and a mode that counts, as named tuples for a paginator.

    One statement for each level of child programs, and the queryset itself.
    """
    runs = runs_of(contents_of(program_id)).values("pk")
    found = CourseEnrollment.objects.filter(user=account.pk, is_active=True, mode__in=MODES, course_id__in=runs)
    return found.order_by("id").values_list("id", "course_id", named=True)


def overviews(account: Any, program: Program, run_ids: Sequence[str]) -> list[RunOverview]:
    """The learner's runs, in the order given. At most five statements; none for no runs."""
    now = timezone.now()
    runs: dict[str, CourseOverview] = {run.pk: run for run in _runs(run_ids=run_ids)} if run_ids else {}
    certificates = _certificates_of(account.pk, run_ids)
    blocks: dict[str, str] = dict(_last_blocks(run_ids, user=account.pk))
    stati = {
        run.pk: course_run_status(
            start=run.start,
            end=run.end,
            self_paced=run.self_paced,
            certificate=certificates.get(run.pk),
            now=now,
        )
        for run in runs.values()
    }
    due_dates = _due_dates_of(account.pk, [run_id for run_id, status in stati.items() if status == IN_PROGRESS])
    opted_out = _opted_out(account.pk, [run.pk for run in runs.values() if _sends_mail(run)])
    title = program.title if program.type.lower() == MICROMASTERS else None
    return [
        RunOverview(
            run_id=run.pk,
            display_name=run.name,
            start=run.start,
            end=run.end,
            status=stati[run.pk],
            due_dates=due_dates.get(run.pk, ()),
            emails_enabled=run.pk not in opted_out if _sends_mail(run) else None,
            certificate=certificates.get(run.pk),
            micromasters_title=title,
            last_block=blocks.get(run.pk) or None,
        )
        for run in (runs[run_id] for run_id in run_ids if run_id in runs)
    ]


def _sends_mail(run: CourseOverview) -> bool:
    """Whether the team of a run can send mails to its learners."""
    authorized = run.bulk_email_authorized or not settings.REQUIRE_COURSE_EMAIL_AUTH
    return settings.ENABLE_COURSE_EMAIL and authorized and run.bulk_email_enabled


_user = Given("user", IntegerField())

_enrolled = KeptStatement(
    lambda: ProgramEnrollment.objects.filter(
        user=_user, program_uuid=Given("program", UUIDField()), status="enrolled"
    ).values_list("pk")[:1]
)
_runs = KeptInstances(lambda: CourseOverview.objects.filter(pk__in_set=GivenSet("run_ids")).order_by())
_certificates = KeyedStatement(
    lambda run_ids: (
        GeneratedCertificate.objects.filter(user=_user, course_id__in_set=run_ids)
        .order_by()
        .values_list("course_id", "status", "created", "download_url", "verify_uuid")
    )
)
_last_blocks = KeyedStatement(
    lambda run_ids: (
        BlockCompletion.objects.filter(user=_user, course_id__in_set=run_ids)
        .order_by()
        .values_list("course_id", "block_key")
    )
)
_due_dates = KeyedStatement(
    lambda run_ids: (
        BlockDueDate.objects.filter(Q(user__isnull=True) | Q(user=_user), course_id__in_set=run_ids)
        .order_by("date", "id")
        .values_list("course_id", "user_id", "name", "block", "url", "date")
    )
)
_optouts = KeyedStatement(
    lambda run_ids: (
        CourseEmailOptout.objects.filter(user=_user, course_id__in_set=run_ids).order_by().values_list("course_id")
    )
)


def _certificates_of(user_id: int, run_ids: Collection[str]) -> dict[str, Certificate]:
    return {run_id: Certificate(*facts) for run_id, *facts in _certificates(run_ids, user=user_id)}


def _opted_out(user_id: int, run_ids: Collection[str]) -> set[str]:
    return {run_id for (run_id,) in _optouts(run_ids, user=user_id)}


def _due_dates_of(user_id: int, run_ids: Collection[str]) -> dict[str, list[DueDate]]:
    """Due dates by run, the earliest first; a date of the learner's own stands for that of everybody."""
    rows = _due_dates(run_ids, user=user_id)
    own = {(run_id, *_block_of(rest)) for run_id, owner, *rest in rows if owner is not None}
    dates: defaultdict[str, list[DueDate]] = defaultdict(list)
    for run_id, owner, name, block, url, date in rows:
        if owner is not None or (run_id, *_block_of((name, block, url))) not in own:
            dates[run_id].append(DueDate(name or UNKNOWN_BLOCK, block, url, date))
    return dates


def _block_of(row: Iterable[Any]) -> tuple[str, str]:
    """What tells the blocks of a run apart: the key, else the address with the name."""
    name, block, url, *_ = row
    return (block, "") if block else (url, name)
