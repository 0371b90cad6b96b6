"""The sections of entitlements and course resets (contract: world-format)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from enrollments.models import CourseEnrollment, OutboxMessage
from support.models import (
    CourseEntitlement,
    CourseEntitlementSupportDetail,
    CourseResetAudit,
    CourseResetCourseOptIn,
)
from support.tasks import resume_course_resets
from tests.factories import EntitlementPolicyFactory, UserFactory
from tests.support.scenes import DAY, enrolled, run_with

Load = Callable[..., dict[str, tuple[int, int, int]]]
UUID = "33333333-cccc-4ccc-8ccc-000000000001"
RUN = "course-v1:Oak+BIO1+R1"


@pytest.fixture
def run(db: None) -> Any:
    return run_with("audit", "verified", id=RUN)


@pytest.fixture
def enrollment(run: Any) -> CourseEnrollment:
    UserFactory(username="sue")
    return enrolled(run, UserFactory(username="mira", email="mira@oak.example"))


def entitled(run: Any, **fields: Any) -> dict[str, Any]:
    return {"entitlements": [{"uuid": UUID, "user": "mira", "course": run.course.key, "mode": "verified", **fields}]}


def resets(*audits: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"course_resets": [{"course_run": RUN, **fields, "audits": list(audits)}]}


# --- entitlements -----------------------------------------------------------------------------------------------------


def test_an_entitlement_is_stored_with_its_course_enrollment_and_details(load: Load, run: Any, enrollment: Any) -> None:
    policy = EntitlementPolicyFactory(mode="verified")
    details = [
        {"support_user": "sue", "action": "create", "comments": "goodwill", "created": "2031-01-02T03:04:05Z"},
        {"support_user": None, "action": "reissue", "unenrolled_run": RUN, "created": "-1d"},
    ]
    world = entitled(
        run, order_number="N-1", refund_locked=True, expired_at="-3d", created="2031-01-01T00:00:00Z",
        enrollment=RUN, support_details=details,
    )  # fmt: skip
    assert load(world)["entitlements"] == (1, 0, 0)
    row = CourseEntitlement.objects.get(uuid=UUID)
    assert (row.user, row.course_uuid, row.enrollment_course_run) == (enrollment.user, run.course.uuid, enrollment)
    assert (row.mode, row.order_number, row.refund_locked, row.policy) == ("verified", "N-1", True, policy)
    assert row.created == datetime(2031, 1, 1, tzinfo=UTC)
    assert 2.9 * DAY < timezone.now() - row.expired_at < 3.1 * DAY
    first, second = row.support_details.order_by("pk")
    assert (first.support_user.username, first.action, first.comments) == ("sue", "create", "goodwill")
    assert (second.support_user, second.unenrolled_run, second.comments) == (None, RUN, None)
    assert row.history.count() == 1
    assert load(world)["entitlements"] == (0, 0, 1)
    assert CourseEntitlementSupportDetail.objects.count() == 2


def test_a_later_file_changes_what_it_says_and_replaces_the_details(load: Load, run: Any, enrollment: Any) -> None:
    load(entitled(run, enrollment=RUN, order_number="N-1", support_details=[{"action": "create"}]))
    assert load({"entitlements": [{"uuid": UUID, "order_number": ""}]})["entitlements"] == (0, 1, 0)
    row = CourseEntitlement.objects.get()
    assert (row.order_number, row.enrollment_course_run, row.support_details.count()) == (None, enrollment, 1)
    change = {"uuid": UUID, "enrollment": None, "support_details": [{"action": "expire"}]}
    assert load({"entitlements": [change]})["entitlements"] == (0, 1, 0)
    row.refresh_from_db()
    assert (row.enrollment_course_run, row.support_details.get().action) == (None, "expire")
    assert load({"entitlements": [change]})["entitlements"] == (0, 0, 1)
    assert load({"entitlements": [{"uuid": UUID, "enrollment": RUN}]})["entitlements"] == (0, 1, 0)


def test_an_enrollment_must_be_the_learners(refused: Callable[..., str], run: Any, enrollment: Any) -> None:
    other = UserFactory()
    text = refused(entitled(run, user=other.username, enrollment=RUN))
    assert text == "entitlements[0].enrollment: The user has no enrollment in this run."


@pytest.mark.parametrize("field", ["user", "course", "mode"])
def test_a_new_entitlement_needs_user_course_and_mode(
    refused: Callable[..., str], run: Any, enrollment: Any, field: str
) -> None:
    world = entitled(run)
    del world["entitlements"][0][field]
    assert f"entitlements[0].{field}" in refused(world)


def test_an_order_number_is_used_once_in_a_course(refused: Callable[..., str], run: Any, enrollment: Any) -> None:
    world = entitled(run, order_number="N-1")
    world["entitlements"].append({**world["entitlements"][0], "uuid": UUID.replace("1", "2")})
    assert "order_number" in refused(world)


# --- course_resets ----------------------------------------------------------------------------------------------------


def test_an_opt_in_is_stored_with_its_audits(load: Load, enrollment: Any) -> None:
    audit = {
        "user": "mira", "reset_by": "sue", "status": "complete", "comment": "stuck", "created": "2024-01-02T03:04:05Z",
        "modified": "2024-01-02T03:04:06Z", "completed_at": "2024-01-02T03:04:07Z",
    }  # fmt: skip
    world = resets(audit, {"user": "mira", "created": "2024-01-01T00:00:00Z"}, active=False)
    assert load(world)["course_resets"] == (1, 0, 0)
    opt_in = CourseResetCourseOptIn.objects.get()
    assert (opt_in.course_id, opt_in.active) == (RUN, False)
    row = opt_in.audits.get(status="complete")
    assert (row.course_enrollment, row.reset_by.username, row.comment) == (enrollment, "sue", "stuck")
    assert row.message == "Completed on 2024-01-02 03:04:07+00:00 by sue"
    assert row.modified == datetime(2024, 1, 2, 3, 4, 6, tzinfo=UTC)
    assert opt_in.audits.exclude(pk=row.pk).get().status == "enqueued"
    assert load(world)["course_resets"] == (0, 0, 1)
    changed = resets({**audit, "status": "failed"}, active=True)
    assert load(changed)["course_resets"] == (0, 1, 0)
    assert [audit.status for audit in CourseResetAudit.objects.all()] == ["failed"]


def test_a_loaded_reset_is_not_carried_out(
    load: Load, enrollment: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        load(resets({"user": "mira", "reset_by": "sue", "created": "2024-01-02T03:04:05Z"}))
        resume_course_resets()
    assert CourseResetAudit.objects.get().status == "enqueued"
    assert not OutboxMessage.objects.exists()
    assert mail.outbox == []


def test_an_audit_needs_an_enrollment_of_its_user(refused: Callable[..., str], run: Any) -> None:
    UserFactory(username="mira")
    text = refused(resets({"user": "mira", "created": "2024-01-02T03:04:05Z"}))
    assert text == "course_resets[0].audits[0].user: The user has no enrollment in this run."


def test_a_status_is_one_of_the_four(refused: Callable[..., str], enrollment: Any) -> None:
    text = refused(resets({"user": "mira", "created": "2024-01-02T03:04:05Z", "status": "done"}))
    assert text.startswith("course_resets[0].audits[0].status")
