"""How far a learner is in a run (contract: program-enrollments, course_run_status)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from program_enrollments.queries.overviews import Certificate, course_run_status

NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)
PAST, FUTURE = NOW - timedelta(days=5), NOW + timedelta(days=5)


def status(*, start=None, end=None, self_paced=False, certificate=None, age=timedelta(days=31)):
    earned = Certificate(certificate, NOW - age, None, "") if certificate else None
    return course_run_status(start=start, end=end, self_paced=self_paced, certificate=earned, now=NOW)


@pytest.mark.parametrize("self_paced", [False, True])
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (PAST, None, "in_progress"),
        (PAST, FUTURE, "in_progress"),
        (PAST, PAST, "completed"),
        (FUTURE, FUTURE, "upcoming"),
        (FUTURE, None, "upcoming"),
        (None, None, "upcoming"),
        (None, FUTURE, "upcoming"),
        (None, PAST, "completed"),
        (FUTURE, PAST, "completed"),
        (NOW, NOW, "upcoming"),
    ],
)
def test_dates_decide_without_a_certificate_and_a_run_without_a_start_has_not_started(self_paced, start, end, expected):
    assert status(start=start, end=end, self_paced=self_paced) == expected


@pytest.mark.parametrize("earned", ["downloadable", "generating"])
def test_a_certificate_of_thirty_days_completes_a_run_at_the_learners_own_pace(earned):
    assert status(start=PAST, self_paced=True, certificate=earned, age=timedelta(days=30)) == "completed"
    assert status(start=FUTURE, self_paced=True, certificate=earned) == "completed"
    young = timedelta(days=30) - timedelta(seconds=1)
    assert status(start=PAST, self_paced=True, certificate=earned, age=young) == "in_progress"


@pytest.mark.parametrize("earned", ["audit_passing", "audit_notpassing", "notpassing", "unavailable", "error"])
def test_other_certificates_complete_nothing(earned):
    assert status(start=PAST, self_paced=True, certificate=earned) == "in_progress"


def test_no_certificate_completes_a_run_at_the_instructors_pace():
    assert status(start=PAST, end=FUTURE, certificate="downloadable") == "in_progress"
