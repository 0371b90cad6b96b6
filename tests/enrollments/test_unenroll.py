"""POST unenroll (contract: enrollment-api)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

from enrollments.models import CourseEnrollment, RetirementState, User, UserRetirementStatus
from enrollments.signals import enrollments_changed
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/api/enrollment/v1/unenroll/"


@pytest.fixture
def worker(as_user, settings):
    return as_user(UserFactory(username=settings.RETIREMENT_SERVICE_WORKER_USERNAME))


@pytest.fixture
def maria():
    return UserFactory(username="maria")


def retiring(user, state="RETIRING_ENROLLMENTS"):
    return UserRetirementStatus.objects.create(
        user=user,
        original_username=user.username,
        original_email=user.email,
        retired_username=f"retired__{user.username}",
        retired_email=f"retired__{user.email}",
        current_state=RetirementState.objects.get(state_name=state),
    )


def unenroll(client, username="maria"):
    return client.post(URL, {"username": username}, format="json")


def test_every_enrollment_ends_and_the_organisations_are_named(worker, maria, django_assert_max_num_queries):
    active = [
        CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory(id=f"course-v1:{org}+X+{n}").id)
        for n, org in enumerate(["Acme", "Acme", "Borealis"])
    ]
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory(id="course-v1:Old+X+1").id, is_active=False)
    CourseEnrollmentFactory(user=maria, course_id="course-v1:Gone+X+1")
    other = CourseEnrollmentFactory(course_id=active[0].course_id)
    retiring(maria)
    heard = []

    def receive(changes, **kwargs):
        heard.append([change.deactivated for change in changes])

    enrollments_changed.connect(receive)
    with django_assert_max_num_queries(12):
        answer = unenroll(worker)
    enrollments_changed.disconnect(receive)
    assert answer.status_code == 200
    assert sorted(answer.json()) == ["Acme", "Borealis", "Gone", "Old"]
    assert not CourseEnrollment.objects.filter(user=maria, is_active=True).exists()
    assert CourseEnrollment.objects.get(pk=other.pk).is_active
    assert heard == [[True] * 4]
    last = active[0].history.order_by("-history_id").first()
    assert (last.history_type, last.is_active, last.history_user.username) == ("~", False, "retirement_service_worker")


@pytest.mark.parametrize("course_id", [None, "course-v1:Gone+X+1"])
def test_nothing_active_in_an_existing_run_is_204(worker, maria, course_id):
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id, is_active=False)
    if course_id:
        CourseEnrollmentFactory(user=maria, course_id=course_id)
    retiring(maria)
    answer = unenroll(worker)
    assert (answer.status_code, answer.content) == (204, b"")
    assert CourseEnrollment.objects.filter(user=maria, is_active=True).count() == bool(course_id)


def test_doing_it_again_is_204(worker, maria):
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id)
    retiring(maria)
    assert [unenroll(worker).status_code for _ in range(2)] == [200, 204]


@pytest.mark.parametrize("body", [{}, {"user": "maria"}, [], "maria", None, 5])
def test_without_a_username_it_is_404(worker, body):
    answer = worker.post(URL, body, format="json")
    assert (answer.status_code, answer.json()) == (404, "Username not specified.")


@pytest.mark.parametrize("username", ["", "MARIA", "nobody-here", None, 5, ["maria"], {}])
def test_without_a_retirement_of_exactly_that_name_it_is_404(worker, maria, username):
    retiring(maria)
    UserFactory(username="nobody-here")
    answer = unenroll(worker, username)
    assert (answer.status_code, answer.json()) == (404, "No retirement request status for username.")


def test_the_name_is_the_original_one(worker, maria):
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id)
    retiring(maria)
    User.objects.filter(pk=maria.pk).update(username="retired__maria")
    assert unenroll(worker, "retired__maria").status_code == 404
    assert unenroll(worker, "maria").status_code == 200


@pytest.mark.parametrize(
    "state", ["PENDING", "ERRORED", "ABORTED", "COMPLETE", "LOCKING_COMPLETE", "ENROLLMENTS_COMPLETE"]
)
def test_outside_the_working_states_it_is_409(worker, maria, state):
    enrollment = CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id)
    retiring(maria, state)
    answer = unenroll(worker)
    assert answer.status_code == 409
    assert state in answer.json()
    assert CourseEnrollment.objects.get(pk=enrollment.pk).is_active


@pytest.mark.parametrize("state", ["LOCKING_ACCOUNT", "RETIRING_ENROLLMENTS", "RETIRING_LMS"])
def test_in_the_working_states_it_is_done(worker, maria, state):
    CourseEnrollmentFactory(user=maria, course_id=CourseRunFactory().id)
    retiring(maria, state)
    assert unenroll(worker).status_code == 200


# --- Who may call ---------------------------------------------------------------------------------------------------


def test_without_credentials_it_is_401(client, by_api_key):
    for caller in (client, by_api_key):
        answer = unenroll(caller)
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_learners_and_staff_are_403(as_user):
    for caller in (UserFactory(), UserFactory(staff=True)):
        answer = unenroll(as_user(caller))
        assert answer.status_code == 403
        assert answer.json() == {"detail": "You do not have permission to perform this action."}


def test_superusers_and_holders_of_the_permission_may(as_user):
    holder = UserFactory()
    holder.user_permissions.add(Permission.objects.get(codename="can_retire_users"))
    for caller in (UserFactory(superuser=True), holder):
        assert unenroll(as_user(caller)).status_code == 404


def test_sessions_of_inactive_accounts_do_not_count(by_session):
    assert unenroll(by_session(UserFactory(superuser=True))).status_code == 404
    assert unenroll(by_session(UserFactory(superuser=True, is_active=False))).status_code == 401


def test_bearer_tokens_and_restricted_applications_do_not_count(client, as_user):
    assert client.post(URL, {}, headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert unenroll(as_user(UserFactory(superuser=True), restricted=True)).status_code == 403


def test_there_is_no_throttle(as_user, settings):
    settings.ENROLLMENT_USER_RATE = settings.ENROLLMENT_STAFF_RATE = "1/minute"
    client = as_user(UserFactory(superuser=True))
    assert [unenroll(client).status_code for _ in range(3)] == [404, 404, 404]
