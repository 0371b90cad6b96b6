"""Bulk engine: mail and history (contract: enterprise-learners)."""

from __future__ import annotations

import pytest

from enrollments.models import CourseEnrollment, OutboxMessage
from enterprise.models import LicensedEnterpriseCourseEnrollment
from tests.enterprise.bulk import enroll, link, row
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_with_notify_every_new_enrollment_asks_for_one_mail(customer, run, mia):
    seen = CourseEnrollmentFactory(course_id=run.pk, mode="verified").user
    closed = CourseRunFactory(closed=True, modes=["audit"])

    done = enroll(
        customer,
        row(run, mia),
        row(run, seen),
        row(closed, mia),
        row(run, email="New@learners.example"),
        row(run, mia),
        row(run, email="nobody"),
        notify=True,
    )

    job = done[0].job_id
    mails = OutboxMessage.objects.order_by("id").values_list("key", "message_type", "recipient", "context")
    assert list(mails) == [
        (f"bulk:{job}:0", "enterprise.enrollment", "Mia.Ray@learners.example", {"row": done[0].pk}),
        (f"bulk:{job}:3", "enterprise.enrollment", "New@learners.example", {"row": done[3].pk}),
    ]


def test_without_notify_nobody_is_told(customer, run, mia):
    enroll(customer, row(run, mia))

    assert not OutboxMessage.objects.exists()


def test_history_names_the_actor_and_the_job(customer, run, mia):
    boss = UserFactory()

    (done,) = enroll(customer, row(run, mia), actor=boss)

    for changed in (
        CourseEnrollment.objects.get(),
        link(customer, mia),
        LicensedEnterpriseCourseEnrollment.objects.get(),
    ):
        written = changed.history.get()
        assert (written.history_user_id, written.history_change_reason) == (boss.pk, f"bulk job {done.job_id}")


def test_tracking_lines_tell_of_runs_and_of_new_enterprise_enrollments(
    customer, run, mia, caplog, django_capture_on_commit_callbacks
):
    boss = UserFactory()
    with caplog.at_level("INFO", logger="matricula.tracking"), django_capture_on_commit_callbacks(execute=True):
        enroll(customer, row(run, mia), row(run, email="new@learners.example"), actor=boss)
        enroll(customer, row(run, mia), actor=boss)

    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    ours = [(line["user_id"], line["course_id"]) for line in told if line["event"] == "customer-admin-enrollment"]
    assert sorted(ours) == sorted([(mia.pk, run.pk), (boss.pk, run.pk)])
    assert [line["user_id"] for line in told if line["event"] == "edx.course.enrollment.activated"] == [mia.pk]
