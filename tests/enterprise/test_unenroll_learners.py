"""`manage.py unenroll_learners`: a roster of leavers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enrollments.models import CourseEnrollment
from enterprise.models import EnterpriseCustomer, LicensedEnterpriseCourseEnrollment, PendingEnrollment
from tests.enterprise.bulk import enroll, enterprise_enrollment, plain, row
from tests.factories import CourseRunFactory, EnterpriseCustomerFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def run() -> Any:
    return CourseRunFactory(modes=["audit"])


def leave(folder: Path, *lines: str, **options: Any) -> None:
    roster = folder / "leavers.csv"
    roster.write_text("\n".join(lines) + "\n", encoding="utf-8")
    call_command("unenroll_learners", str(roster), customer="acme", **options)


def test_leavers_with_an_account_are_unenrolled_and_their_fulfillments_revoked(customer, run, tmp_path, capsys):
    by_id, by_address, stays = UserFactory(), UserFactory(email="Ann@learners.example"), UserFactory()
    boss = UserFactory(username="boss")
    enroll(customer, row(run, by_id), row(run, by_address), row(run, stays))

    leave(
        tmp_path,
        "user_id,email,course_run_key",
        f"{by_id.pk},,{run.pk}",
        f",ann@learners.example,{run.pk}",
        f",nobody@learners.example,{run.pk}",
        actor="boss",
    )

    assert [plain(account, run) for account in (by_id, by_address, stays)] == [("audit", False)] * 2 + [("audit", True)]
    assert enterprise_enrollment(customer, by_id, run).unenrolled is True
    assert enterprise_enrollment(customer, stays, run).unenrolled is None
    assert LicensedEnterpriseCourseEnrollment.objects.filter(is_revoked=True).count() == 2
    last = CourseEnrollment.objects.get(user=by_id).history.first()
    assert (last.history_type, last.history_user_id, last.history_change_reason) == ("~", boss.pk, "left acme")
    assert capsys.readouterr().out.split("\n")[1:4] == [
        "        2 enrollments ended",
        "        0 pending enrollments withdrawn",
        "        1 rows without such an enrollment",
    ]


def test_leavers_without_an_account_lose_their_pending_enrollment_in_that_run_only(customer, run, tmp_path):
    other = CourseRunFactory(modes=["audit"])
    address = "New@learners.example"
    enroll(customer, row(run, email=address), row(other, email=address))
    enroll(EnterpriseCustomerFactory(), row(run, email=address))

    leave(tmp_path, "course_run_key,email", f"{run.pk},new@learners.example")

    left = PendingEnrollment.objects.values_list("user__enterprise_customer__slug", "course_id")
    assert ("acme", run.pk) not in left
    assert len(left) == 2
    assert PendingEnrollment.history.filter(history_type="-").count() == 1


def test_enrollments_that_the_customer_does_not_stand_behind_stay(customer, run, tmp_path):
    theirs = UserFactory()
    enroll(EnterpriseCustomerFactory(), row(run, theirs))

    leave(tmp_path, "user_id,course_run_key", f"{theirs.pk},{run.pk}")

    assert plain(theirs, run) == ("audit", True)


def test_leaving_twice_changes_nothing(customer, run, tmp_path):
    account = UserFactory()
    enroll(customer, row(run, account))

    for _ in range(2):
        leave(tmp_path, "user_id,course_run_key", f"{account.pk},{run.pk}")

    assert CourseEnrollment.objects.get().history.count() == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7,,", "Line 2: course_run_key is missing."),
        (",,course-v1:A+B+C", "Line 2: user_id or email is missing."),
        ("x,,course-v1:A+B+C", "Line 2: 'x' is not an account id."),
    ],
)
def test_a_roster_with_a_bad_line_is_refused_whole(customer, tmp_path, line, message):
    with pytest.raises(CommandError, match=message):
        leave(tmp_path, "user_id,email,course_run_key", line)


def test_an_unknown_customer_or_actor_or_file_is_refused(customer, tmp_path):
    with pytest.raises(CommandError, match="no active customer 'nobody'"):
        call_command("unenroll_learners", "x.csv", customer="nobody")
    with pytest.raises(CommandError, match="no account 'nobody'"):
        call_command("unenroll_learners", "x.csv", customer="acme", actor="nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("unenroll_learners", str(tmp_path / "none.csv"), customer="acme")
