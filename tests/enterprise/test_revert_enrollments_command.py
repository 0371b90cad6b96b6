"""`revert_enrollments`: plain enrollments set back to a backup (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollments.models import CourseEnrollment, OutboxMessage
from tests.enterprise.subsidies import CLEARED, FLAGGED, NEVER, RUN, enrolled, flags, history, is_revoked, plain
from tests.factories import (
    CourseEnrollmentFactory,
    CourseRunFactory,
    EnterpriseCustomerFactory,
    LicenseFactory,
    OnboardingFactory,
    UserFactory,
    VerificationFactory,
)

pytestmark = pytest.mark.django_db

Write = Callable[..., Path]
HEADER = "user_id,username,course_run_key,mode,is_active"


@pytest.fixture
def backup(tmp_path: Path) -> Write:
    """Writes a file of these lines below the usual header."""

    def write(*lines: str, header: str = HEADER) -> Path:
        file = tmp_path / "backup.csv"
        file.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
        return file

    return write


def revert(file: Path, *arguments: str) -> list[str]:
    out = StringIO()
    call_command("revert_enrollments", str(file), *arguments, stdout=out)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def told(changed: int, same: int, unknown: int, would: str = "") -> list[str]:
    return [
        f"{changed} enrollments {would}set back",
        f"{same} are as the file says already",
        f"{unknown} do not exist",
    ]


def of(enrollment: Any) -> Any:
    return enrollment.enterprise_customer_user.user_fk


def row(enrollment: Any) -> CourseEnrollment:
    return CourseEnrollment.objects.get(user=of(enrollment), course_id=enrollment.course_id)


def test_mode_and_activity_are_set_back_and_enterprise_enrollments_follow(backup: Write, settings: Any) -> None:
    settings.SEND_ENROLLMENT_EMAIL = True
    customer = EnterpriseCustomerFactory()
    left = enrolled(customer, mode="audit", is_active=False, unenrolled=True, saved_for_later=True)
    joined = enrolled(customer, mode="verified")
    licensed = LicenseFactory(enterprise_course_enrollment=joined)
    moved = enrolled(customer, mode="audit")
    same = enrolled(customer, mode="verified")
    OnboardingFactory(course_id=CourseRunFactory(id=RUN).pk)
    VerificationFactory(user=of(left), expired=True)
    file = backup(
        f"{of(left).pk},,{RUN},verified,true",
        f",{of(joined).username},{RUN},verified,FALSE",
        f"{of(moved).pk},ignored,{RUN},professional,1",
        f"{of(same).pk},,{RUN},verified,yes",
        f"{of(same).pk},,course-v1:Acme+Never+T1,verified,yes",
        f",nobody,{RUN},verified,yes",
        f"{'9' * 18},,{RUN},verified,yes",
    )

    assert revert(file, "--dry-run") == told(3, 1, 3, "would be ")
    assert plain(left) == ("audit", False)
    assert flags(joined) == NEVER
    assert revert(file) == told(3, 1, 3)

    assert plain(left) == ("verified", True)
    assert flags(left) == CLEARED
    assert plain(joined) == ("verified", False)
    assert flags(joined) == FLAGGED
    assert is_revoked(licensed)
    assert plain(moved) == ("professional", True)
    assert flags(moved) == NEVER
    assert [history(row(each)) for each in (left, joined, moved, same)] == ["+~", "+~", "+~", "+"]
    assert row(left).history.first().history_change_reason == "reverted to a backup"
    assert not OutboxMessage.objects.exists()


def test_a_repeat_changes_nothing(backup: Write, settings: Any) -> None:
    settings.BULK_JOB_CHUNK_SIZE = 1
    customer = EnterpriseCustomerFactory()
    enrollments = [enrolled(customer, mode="audit", is_active=active) for active in (True, False)]
    file = backup(*(f"{of(each).pk},,{RUN},verified,t" for each in enrollments))
    assert revert(file) == told(2, 0, 0)
    assert revert(file) == told(0, 2, 0)
    assert CourseEnrollment.history.filter(history_type="~").count() == 2


def test_enrollments_that_the_file_does_not_name_are_left_alone(backup: Write) -> None:
    user = UserFactory()
    named = enrolled(EnterpriseCustomerFactory(), user=user, mode="audit")
    elsewhere = CourseEnrollmentFactory(user=user, course_id="course-v1:Acme+Other+T1", mode="audit")
    other = enrolled(EnterpriseCustomerFactory(), mode="audit")
    LicenseFactory(enterprise_course_enrollment=other)

    revert(backup(f"{user.pk},,{RUN},audit,false"))

    assert plain(named) == ("audit", False)
    elsewhere.refresh_from_db()
    assert elsewhere.is_active
    assert plain(other) == ("audit", True)
    assert flags(other) == NEVER


def test_two_customers_of_one_learner_both_follow(backup: Write) -> None:
    first = enrolled(EnterpriseCustomerFactory())
    second = enrolled(EnterpriseCustomerFactory(), user=of(first), mode=None)
    revert(backup(f"{of(first).pk},,{RUN},verified,0"))
    assert flags(first) == flags(second) == FLAGGED


def test_other_columns_separators_and_repeated_lines_are_fine(backup: Write) -> None:
    enrollment = enrolled(EnterpriseCustomerFactory(), mode="audit")
    line = f"2031-01-02;{RUN};{of(enrollment).username};verified;True"
    assert revert(backup(line, "", line, header="created;course_run_key;username;Mode;is_active")) == told(1, 0, 0)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"x,,{RUN},audit,true", "2, user_id: Not an account id."),
        (f",,{RUN},audit,true", "2, user_id or username: The learner is missing."),
        (",mia,Acme+Sail,audit,true", "2, course_run_key: Not the key of a course run."),
        (f",mia,{RUN},,true", "2, mode: Not a mode."),
        (f",mia,{RUN},{'m' * 101},true", "2, mode: Not a mode."),
        (f",mia,{RUN},audit,maybe", "2, is_active: Neither true nor false."),
        (f",mia,{RUN}", "2, is_active: Neither true nor false."),
        (f",mia,{RUN},verified,false", "3: An earlier line says otherwise of this enrollment."),
    ],
)
def test_one_line_that_cannot_be_used_stops_all_of_it(backup: Write, line: str, problem: str) -> None:
    enrollment = enrolled(EnterpriseCustomerFactory(), user=UserFactory(username="mia"), mode="audit")
    errors = StringIO()
    with pytest.raises(CommandError, match="Nothing was done"):
        call_command(
            "revert_enrollments",
            str(backup(line, f"{of(enrollment).pk},,{RUN},verified,true")),
            stderr=errors,
        )
    assert problem in errors.getvalue().splitlines()
    assert plain(enrollment) == ("audit", True)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("user_id,mode", "1, course_run_key: The column is missing."),
        ("course_run_key,mode,is_active", "1, user_id or username: The column is missing."),
        (f"{HEADER},mode", "1, mode: The column appears twice."),
        ("", "1: The file has no rows."),
        (HEADER, "1: The file has no rows."),
    ],
)
def test_a_file_without_the_columns_or_rows_is_refused(backup: Write, header: str, problem: str) -> None:
    errors = StringIO()
    with pytest.raises(CommandError):
        call_command("revert_enrollments", str(backup(header=header)), stderr=errors)
    assert problem in errors.getvalue().splitlines()


def test_files_that_are_missing_or_too_long_are_refused(backup: Write, settings: Any, tmp_path: Path) -> None:
    settings.BULK_JOB_MAX_ROWS = 1
    with pytest.raises(CommandError, match="No such file"):
        revert(tmp_path / "none.csv")
    with pytest.raises(CommandError):
        revert(backup(f"1,,{RUN},audit,true", f"2,,{RUN},audit,true"))
    with pytest.raises(CommandError, match="required: backup"):
        call_command("revert_enrollments")


def test_a_chunk_costs_a_fixed_number_of_statements(backup: Write) -> None:
    customer, counts = EnterpriseCustomerFactory(), []
    for number in (2, 10):
        learners = [of(enrolled(customer, mode="audit", is_active=index % 2 == 0)) for index in range(number)]
        lines = (f"{user.pk},,{RUN},verified,{index % 2}" for index, user in enumerate(learners))
        file = backup(*lines)
        with CaptureQueriesContext(connection) as captured:
            revert(file)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 18
