"""POST enrollment, step 15: the API key and staff change an enrollment (contract: enrollment-api)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from enrollments.models import CourseEnrollment
from tests.enrollments.calls import ask, generic, stored
from tests.factories import CourseEnrollmentFactory, CourseModeFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return CourseRunFactory(modes=["audit", "verified", "credit"])


@pytest.fixture
def vera():
    return UserFactory(username="vera")


@pytest.fixture(params=["staff", "api key"])
def caller(request, as_user, by_api_key):
    """Each of the two that may change enrollments."""
    return as_user(UserFactory(staff=True)) if request.param == "staff" else by_api_key


def attributes_of(user, run):
    rows = CourseEnrollment.objects.get(user=user, course_id=run.id).attributes.order_by("id")
    return list(rows.values_list("namespace", "name", "value"))


def unavailable(mode, run):
    return f"The [{mode}] course mode is expired or otherwise unavailable for course run [{run.id}]."


def slugs(answer):
    return [mode["slug"] for mode in answer.json()["course_details"]["course_modes"]]


def test_mode_and_activity_are_changed_and_answered(caller, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    answer = ask(caller, run, user="vera", mode="verified")
    assert (answer.status_code, answer.json()["mode"], answer.json()["is_active"]) == (200, "verified", True)
    answer = ask(caller, run, user="vera", mode="verified", is_active=False)
    assert (answer.json()["mode"], answer.json()["is_active"]) == ("verified", False)
    answer = ask(caller, run, user="vera", mode="audit", is_active=True)
    assert (answer.json()["mode"], answer.json()["is_active"]) == ("audit", True)
    assert stored(vera, run) == ("audit", True)


def test_the_moment_of_creation_stays(caller, vera, run):
    created = timezone.now() - timedelta(days=100)
    CourseEnrollmentFactory(user=vera, course_id=run.id, created=created, is_active=False)
    ask(caller, run, user="vera", is_active=True)
    assert CourseEnrollment.objects.get(user=vera).created == created


def test_15a_a_wrong_mode_does_not_deactivate(caller, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    answer = ask(caller, run, user="vera", mode="audit", is_active=False, enrollment_attributes=[])
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "Enrollment mode mismatch: active mode=verified, requested mode=audit. Won't deactivate."
    }
    assert stored(vera, run) == ("verified", True)


def test_15a_is_asked_before_whether_the_mode_exists_and_before_required_attributes(caller, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    wrong = [{"namespace": "order", "name": "n", "value": "1"}]
    for mode in ("no-such-mode", "credit"):
        answer = ask(caller, run, user="vera", mode=mode, is_active=False, enrollment_attributes=wrong)
        assert "Won't deactivate." in answer.json()["message"]


def test_15a_an_inactive_enrollment_may_change_its_mode_and_stay_inactive(caller, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id, is_active=False)
    assert ask(caller, run, user="vera", mode="verified", is_active=False).status_code == 200
    assert stored(vera, run) == ("verified", False)


def test_15b_credit_needs_its_provider_when_attributes_are_given(caller, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    order = {"namespace": "order", "name": "order_number", "value": "1"}
    answer = ask(caller, run, user="vera", mode="credit", enrollment_attributes=[order])
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "Missing enrollment attributes: requested mode=credit required attributes=['credit:provider_id']"
    }
    assert stored(vera, run) == ("audit", True)
    provider = {"namespace": "credit", "name": "provider_id", "value": "uni"}
    answer = ask(caller, run, user="vera", mode="credit", enrollment_attributes=[provider, order])
    assert answer.json()["mode"] == "credit"
    assert attributes_of(vera, run) == [("credit", "provider_id", "uni"), ("order", "order_number", "1")]


@pytest.mark.parametrize("attributes", [None, []])
def test_15b_credit_without_attributes_is_tolerated(caller, vera, run, attributes):
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    assert ask(caller, run, user="vera", mode="credit", enrollment_attributes=attributes).status_code == 200


def test_15b_comes_before_15c(caller, vera):
    run = CourseRunFactory(modes=["audit"])
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    order = [{"namespace": "order", "name": "order_number", "value": "1"}]
    answer = ask(caller, run, user="vera", mode="credit", enrollment_attributes=order)
    assert answer.json()["message"].startswith("Missing enrollment attributes")


def test_15c_a_mode_change_in_a_run_that_is_gone_is_refused(caller, vera):
    gone = "course-v1:Gone+Gone+1"
    CourseEnrollmentFactory(user=vera, course_id=gone)
    answer = ask(caller, gone, user="vera", mode="verified")
    assert (answer.status_code, answer.json()) == (400, {"message": f"No course '{gone}' found for enrollment"})


def test_15c_activity_alone_changes_even_where_the_run_is_gone(caller, vera):
    gone = "course-v1:Gone+Gone+1"
    CourseEnrollmentFactory(user=vera, course_id=gone)
    answer = ask(caller, gone, user="vera", is_active=False)
    assert (answer.status_code, answer.json()["course_details"]) == (200, None)
    assert stored(vera, gone) == ("audit", False)


@pytest.mark.parametrize("mode", ["masters", "", 5, ["audit"], {"slug": "audit"}])
def test_15c_a_mode_that_the_run_does_not_offer_is_refused_with_those_it_offers(caller, vera, run, mode):
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    answer = ask(caller, run, user="vera", mode=mode)
    assert answer.status_code == 400
    assert set(answer.json()) == {"message", "course_details"}
    assert answer.json()["message"] == unavailable(mode, run)
    assert answer.json()["course_details"]["course_id"] == run.id
    assert slugs(answer) == ["audit", "verified", "credit"]
    assert stored(vera, run) == ("audit", True)


def test_15c_the_api_key_may_move_to_an_expired_mode_and_plain_staff_may_not(as_user, by_api_key, vera):
    run = CourseRunFactory(modes=["audit"])
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    answer = ask(as_user(UserFactory(staff=True)), run, user="vera", mode="verified", force_enrollment=True)
    assert (answer.status_code, answer.json()["message"], slugs(answer)) == (
        400,
        unavailable("verified", run),
        ["audit"],
    )
    answer = ask(by_api_key, run, user="vera", mode="verified")
    assert answer.status_code == 200
    assert slugs(answer) == ["audit"]  # an answer always lists unexpired modes only


def test_15c_an_expired_mode_may_be_deactivated(as_user, vera):
    run = CourseRunFactory(modes=["audit"])
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    staff = as_user(UserFactory(staff=True))
    assert ask(staff, run, user="vera", mode="verified", is_active=False).status_code == 200
    answer = ask(staff, run, user="vera", mode="verified", is_active=True)
    assert (answer.status_code, slugs(answer)) == (400, ["audit"])


def test_15c_a_run_with_expired_modes_only_offers_audit(as_user, vera):
    run = CourseRunFactory()
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    assert ask(as_user(UserFactory(staff=True)), run, user="vera", mode="audit").json()["mode"] == "audit"


def test_15d_neither_window_nor_invitation_nor_seats_are_looked_at(caller, vera):
    run = CourseRunFactory(closed=True, invitation_only=True, max_student_enrollments_allowed=0, modes=["audit"])
    CourseEnrollmentFactory(user=vera, course_id=run.id, is_active=False)
    assert ask(caller, run, user="vera", is_active=True).json()["is_active"] is True


def test_15e_a_list_replaces_all_attributes_null_leaves_them_and_an_empty_one_deletes(caller, vera, run):
    enrollment = CourseEnrollmentFactory(user=vera, course_id=run.id)
    enrollment.attributes.create(namespace="order", name="order_number", value="OLD")
    ask(caller, run, user="vera", mode="verified", enrollment_attributes=None)
    assert attributes_of(vera, run) == [("order", "order_number", "OLD")]
    ask(caller, run, user="vera", mode="audit", enrollment_attributes=[{"namespace": "a", "name": "b", "value": 7}])
    assert attributes_of(vera, run) == [("a", "b", "7")]
    ask(caller, run, user="vera", mode="verified", enrollment_attributes=[])
    assert attributes_of(vera, run) == []


@pytest.mark.parametrize("value", [None, [], {}, True, "x" * 256])
def test_15e_an_item_without_a_value_refuses_although_the_change_is_stored(caller, vera, run, value):
    enrollment = CourseEnrollmentFactory(user=vera, course_id=run.id)
    enrollment.attributes.create(namespace="order", name="order_number", value="OLD")
    item = {"namespace": "order", "name": "order_number", "value": value}
    for attributes in ([item], [{"namespace": "order", "name": "order_number"}]):
        answer = ask(caller, run, user="vera", mode="verified", enrollment_attributes=attributes)
        assert (answer.status_code, answer.json()) == (400, generic(vera, run, "invalid-attributes"))
        assert stored(vera, run) == ("verified", True)
        assert attributes_of(vera, run) == [("order", "order_number", "OLD")]
        ask(caller, run, user="vera", mode="audit")


def test_a_learner_never_takes_the_update_branch(as_user, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    for wish in ({"is_active": False}, {"mode": "audit"}, {"mode": "audit", "is_active": False}):
        assert ask(as_user(vera), run, **wish).status_code == 200
    assert stored(vera, run) == ("verified", True)


# --- Consequences worth testing -------------------------------------------------------------------------------------


def test_deactivating_twice_is_200_both_times(caller, vera, run):
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    for _ in range(2):
        answer = ask(caller, run, user="vera", mode="verified", is_active=False)
        assert (answer.status_code, answer.json()["is_active"], answer.json()["mode"]) == (200, False, "verified")


def test_deactivating_twice_in_a_closed_run_goes_through_the_add_branch(caller, vera):
    run = CourseRunFactory(closed=True, modes=["audit"])
    CourseEnrollmentFactory(user=vera, course_id=run.id)
    assert ask(caller, run, user="vera", mode="audit", is_active=False).status_code == 200
    answer = ask(caller, run, user="vera", mode="audit", is_active=False)
    assert (answer.status_code, answer.json()) == (400, generic(vera, run, "enrollment-closed"))


def test_deactivating_twice_without_a_mode_needs_the_default_mode(caller, vera):
    run = CourseRunFactory(modes=["verified"])
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified")
    assert ask(caller, run, user="vera", is_active=False).status_code == 200
    answer = ask(caller, run, user="vera", is_active=False)
    assert (answer.status_code, answer.json()["message"]) == (400, unavailable(None, run))
    assert slugs(answer) == ["verified"]


def test_deactivating_twice_in_an_expired_mode_is_fine(caller, vera):
    run = CourseRunFactory(modes=["audit"])
    CourseModeFactory(course_id=run.id, mode_slug="verified", expired=True)
    CourseEnrollmentFactory(user=vera, course_id=run.id, mode="verified", is_active=False)
    answer = ask(caller, run, user="vera", mode="verified", is_active=False)
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert stored(vera, run) == ("verified", False)


def test_the_unchanged_mode_of_an_inactive_enrollment_goes_through_the_add_branch(caller, vera):
    run = CourseRunFactory(closed=True, modes=["audit"])
    CourseEnrollmentFactory(user=vera, course_id=run.id, is_active=False)
    answer = ask(caller, run, user="vera", mode="audit")
    assert (answer.status_code, answer.json()) == (400, generic(vera, run, "enrollment-closed"))
    assert ask(caller, run, user="vera", mode="audit", is_active=True).status_code == 200
