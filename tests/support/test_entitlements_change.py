"""PATCH, PUT and DELETE /api/entitlements/v1/entitlements/{uuid}/ (contract: support, 4.1)."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from support.models import CourseEntitlement, CourseEntitlementSupportDetail
from tests.factories import CourseEntitlementFactory, UserFactory
from tests.support.entitlements import COURSE, URL, one, patch
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return run_with("audit", "verified", id="course-v1:Oak+BIO1+2024")


def used(run, learner, **fields) -> CourseEntitlement:
    """An entitlement and the enrollment that uses it."""
    enrollment = enrolled(run, learner, mode="verified")
    return CourseEntitlementFactory(
        user=learner, course_uuid=run.course.uuid, enrollment_course_run=enrollment, order_number="N-1", **fields
    )


# --- PATCH ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["abc", COURSE])
def test_an_unknown_uuid_is_refused_with_a_sentence(desk, text):
    answer = desk.patch(f"{URL}{text}/", {"support_details": "x"}, format="json")
    assert (answer.status_code, answer.content.decode()) == (400, f"Could not find entitlement {text} to update")
    assert answer["Content-Type"].startswith("text/html")


def test_plain_fields_are_updated(desk, mira):
    row = CourseEntitlementFactory(user=mira)
    course = str(uuid.uuid4())
    body = {"expired_at": "2031-01-01T00:00:00Z", "mode": "professional", "order_number": "N", "course_uuid": course}
    shown = patch(desk, row, **body, refund_locked=True).json()
    assert shown == {**shown, **body, "refund_locked": True, "uuid": str(row.uuid)}
    assert patch(desk, row, expired_at=None, refund_locked=False).json() == {
        **shown, "expired_at": None, "refund_locked": False, "modified": desk.get(one(row)).json()["modified"]
    }  # fmt: skip
    row.refresh_from_db()
    assert (row.expired_at, row.mode, row.history.count()) == (None, "professional", 3)


@pytest.mark.parametrize("body", [{}, {"refund_locked": None}])
def test_without_a_word_about_refunds_one_that_can_be_refunded_stays_unlocked(desk, run, mira, body):
    unused = CourseEntitlementFactory(user=mira, order_number="N-2", created=ago(60.5))
    assert patch(desk, unused, **body).json()["refund_locked"] is False
    assert patch(desk, used(run, mira), **body).json()["refund_locked"] is False


@pytest.mark.parametrize(
    "fields",
    [
        {"order_number": None},
        {"order_number": "N", "created": ago(61.5)},
        {"order_number": "N", "expired_at": ago(1)},
        {"order_number": "N", "refund_locked": True},
    ],
    ids=["no order", "old", "expired", "locked"],
)
def test_without_a_word_about_refunds_one_that_cannot_be_refunded_is_locked(desk, mira, fields):
    row = CourseEntitlementFactory(user=mira, **fields)
    assert patch(desk, row, mode="verified").json()["refund_locked"] is True


def test_one_that_was_used_for_long_is_locked(desk, mira):
    row = used(run_with("verified"), mira, created=ago(20))
    row.enrollment_course_run.created = ago(20)
    row.enrollment_course_run.save()
    assert patch(desk, row).json()["refund_locked"] is True


def test_a_reissue_takes_the_learner_out_of_the_run_and_frees_the_entitlement(desk, sue, mira, run):
    row = used(run, mira, expired_at=ago(1))
    details = [{"unenrolled_run": run.pk, "action": "reissue", "comments": "wrong run"}]
    shown = patch(desk, row, expired_at=None, support_details=details).json()
    assert "enrollment_course_run" not in shown
    assert shown["expired_at"] is None
    assert shown["support_details"] == [
        {
            "support_user": "sue",
            "action": "reissue",
            "comments": "wrong run",
            "unenrolled_run": run.pk,
            "created": shown["support_details"][0]["created"],
        }
    ]
    enrollment = mira.enrollments.get()
    assert (enrollment.is_active, enrollment.mode) == (False, "verified")
    assert enrollment.history.first().history_user == sue


@pytest.mark.parametrize("unenrolled", [{}, {"unenrolled_run": None}, {"unenrolled_run": ""}])
def test_a_detail_without_a_run_leaves_the_enrollment_alone(desk, mira, run, unenrolled):
    row = used(run, mira)
    shown = patch(desk, row, support_details=[{"action": "expire", **unenrolled}]).json()
    assert shown["enrollment_course_run"] == run.pk
    assert shown["support_details"][0]["unenrolled_run"] is None
    assert mira.enrollments.get().is_active


def test_a_run_that_the_learner_is_not_in_is_recorded(desk, mira, run):
    row = CourseEntitlementFactory(user=mira)
    others = enrolled(run)
    shown = patch(desk, row, support_details=[{"action": "reissue", "unenrolled_run": run.pk}]).json()
    assert shown["support_details"][0]["unenrolled_run"] == run.pk
    others.refresh_from_db()
    assert others.is_active


@pytest.mark.parametrize("bad", ["no key", "course-v1:No+Such+Run", "library-v1:Acme+L1", "k" * 10_000])
def test_a_bad_run_is_refused_with_a_sentence_and_everything_before_it_is_undone(desk, mira, run, bad):
    row = used(run, mira)
    details = [{"action": "reissue", "unenrolled_run": run.pk}, {"action": "reissue", "unenrolled_run": bad}]
    answer = patch(desk, row, mode="professional", support_details=details)
    assert answer.status_code == 400
    begin = f"Error raised while trying to unenroll user mira from course run {bad}: "
    assert answer.content.decode().startswith(begin)
    assert len(answer.content.decode()) > len(begin)
    row.refresh_from_db()
    assert (row.mode, row.enrollment_course_run.is_active) == ("verified", True)
    assert not CourseEntitlementSupportDetail.objects.exists()


def test_the_linked_run_and_read_only_fields_of_a_body_are_ignored(desk, mira, run):
    row = CourseEntitlementFactory(user=mira)
    enrolled(run, mira)
    shown = patch(desk, row, enrollment_course_run=run.pk, uuid=COURSE, created="2001-01-01T00:00:00Z").json()
    assert "enrollment_course_run" not in shown
    assert (shown["uuid"], shown["created"][:4] == "2001") == (str(row.uuid), False)


def test_an_order_number_of_another_one_is_refused(desk, mira):
    taken = CourseEntitlementFactory(user=mira, order_number="N-1")
    row = CourseEntitlementFactory(user=mira, course_uuid=taken.course_uuid)
    answer = patch(desk, row, order_number="N-1", support_details=[{"action": "reissue"}])
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])
    assert not CourseEntitlementSupportDetail.objects.exists()


def test_an_unused_one_can_be_given_to_another_learner_and_a_used_one_cannot(desk, mira, run):
    other = UserFactory()
    unused = CourseEntitlementFactory(user=mira)
    assert patch(desk, unused, user=other.username).json()["user"] == other.username
    answer = patch(desk, used(run, mira), user=other.username)
    assert (answer.status_code, list(answer.json())) == (400, ["user"])
    assert patch(desk, unused, user="nobody").status_code == 400


@pytest.mark.parametrize(
    "body",
    ["[]", "null", "3", '{"mode": ["x"]}', '{"support_details": [null]}', '{"support_details": [{"comments": "x"}]}'],
)
def test_a_malformed_change_is_refused(desk, mira, body):
    row = CourseEntitlementFactory(user=mira)
    assert desk.patch(one(row), body, content_type="application/json").status_code == 400


# --- PUT, DELETE ------------------------------------------------------------------------------------------------------


def test_put_needs_every_required_field_and_changes_as_patch_does(desk, mira):
    row = CourseEntitlementFactory(user=mira)
    assert sorted(desk.put(one(row), {"mode": "x"}, format="json").json()) == ["course_uuid", "user"]
    body = {"user": "mira", "course_uuid": COURSE, "mode": "professional"}
    shown = desk.put(one(row), body, format="json").json()
    assert shown == {**shown, **body, "uuid": str(row.uuid)}
    missing = desk.put(f"{URL}{COURSE}/", body, format="json")
    assert (missing.status_code, missing.content.decode()) == (400, f"Could not find entitlement {COURSE} to update")


def test_deleting_expires_it_and_takes_the_learner_out_of_its_run(desk, mira, run):
    row, begin = used(run, mira), timezone.now()
    answer = desk.delete(one(row))
    assert (answer.status_code, answer.content) == (204, b"")
    row.refresh_from_db()
    assert row.expired_at >= begin
    assert row.enrollment_course_run is None
    assert not mira.enrollments.get().is_active


def test_deleting_keeps_the_moment_of_an_earlier_expiry(desk, mira):
    row = CourseEntitlementFactory(user=mira, expired_at=ago(9))
    assert desk.delete(one(row)).status_code == 204
    before = row.expired_at
    row.refresh_from_db()
    assert row.expired_at == before


def test_deleting_one_that_does_not_exist_is_a_404(desk):
    assert desk.delete(f"{URL}{COURSE}/").status_code == 404
    assert desk.delete(f"{URL}abc/").status_code == 404
