"""POST enrollment, steps 0 to 14: who asks for what, in the order of the decision ladder (contract: enrollment-api)."""

from __future__ import annotations

import uuid

import pytest

from config.api.exceptions import Refusal
from enrollments.models import CourseEnrollment
from enterprise.models import DataSharingConsent, EnterpriseCourseEnrollment
from tests.conftest import API_KEY
from tests.enrollments.calls import ENROLLMENT, ask, generic, stored
from tests.factories import (
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return CourseRunFactory(modes=["audit", "verified"])


@pytest.fixture
def staff(as_user):
    return as_user(UserFactory(username="boss", staff=True))


@pytest.fixture
def ana():
    return UserFactory(username="ana", email="ana@learners.example")


# --- 0: credentials -------------------------------------------------------------------------------------------------


def test_0_a_bad_token_is_401_before_anything_else(client):
    answer = client.post(ENROLLMENT, {}, format="json", headers={"Authorization": "JWT nonsense"})
    assert answer.status_code == 401


def test_0_without_credentials_it_is_401(client, run):
    answer = ask(client, run)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_0_a_session_needs_a_csrf_token(by_session, ana, run):
    browser = by_session(ana, enforce_csrf_checks=True)
    answer = ask(browser, run)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: ")
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    browser.credentials(HTTP_X_CSRFTOKEN=token)
    assert ask(browser, run).status_code == 200


def test_0_inactive_accounts_may_enroll(as_user, by_session, run):
    dozy = UserFactory(is_active=False)
    assert ask(as_user(dozy), run).status_code == 200
    assert ask(by_session(dozy), run).status_code == 200


def test_0_restricted_applications_are_403(as_user, ana, run):
    answer = ask(as_user(ana, restricted=True), run)
    assert answer.status_code == 403
    assert answer.json() == {"detail": "You do not have permission to perform this action."}


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"mode": NaN}', b'{"user": "\\u0000"}', b"[" * 5000])
def test_0_a_body_that_is_no_json_is_400(as_user, ana, body):
    answer = as_user(ana).generic("POST", ENROLLMENT, body, content_type="application/json")
    assert answer.status_code == 400


# --- 1, 2: the run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"course_details": {}},
        {"course_details": {"course_id": ""}},
        {"course_details": {"course_id": None}},
        {"course_details": {"course_id": []}},
        {"course_details": None},
        {"course_details": "course-v1:A+B+C"},
        {"course_details": ["course-v1:A+B+C"]},
        {"user": "somebody-else"},
        [],
        "text",
        7,
        None,
    ],
)
def test_1_without_a_run_it_is_400(as_user, ana, body):
    answer = as_user(ana).post(ENROLLMENT, body, format="json")
    assert answer.status_code == 400
    assert answer.json() == {"message": "Course ID must be specified to create a new enrollment."}


def test_1_a_form_cannot_carry_the_run(as_user, ana, run):
    answer = as_user(ana).post(ENROLLMENT, {"course_id": run.id}, format="multipart")
    assert answer.json() == {"message": "Course ID must be specified to create a new enrollment."}


@pytest.mark.parametrize("key", ["a+b+c", "course-v1:A+B", "course-v1:A+B+C\n", "ccx-v1:A+B+C", 5, ["x"], {"a": 1}])
def test_2_a_key_that_does_not_parse_is_400_before_the_user_is_looked_at(as_user, ana, key):
    answer = as_user(ana).post(
        ENROLLMENT, {"course_details": {"course_id": key}, "user": "somebody-else"}, format="json"
    )
    assert answer.status_code == 400
    assert answer.json() == {"message": f"No course '{key}' found for enrollment"}


# --- 3 to 7: the learner --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [None, "audit", "verified", "no-such-mode"])
@pytest.mark.parametrize("name", ["ben", "nobody-here", "ANA"])
def test_3_a_learner_asking_for_somebody_else_gets_404_whatever_else_is_wrong(as_user, ana, run, name, mode):
    UserFactory(username="ben")
    answer = ask(as_user(ana), run, user=name, mode=mode, is_active="maybe")
    assert (answer.status_code, answer.content) == (404, b"")
    assert not CourseEnrollment.objects.exists()


def test_3_a_superuser_who_is_not_staff_is_a_learner_here(as_user, ana, run):
    assert ask(as_user(UserFactory(superuser=True)), run, user="ana").status_code == 404


def test_3_the_own_name_is_fine_and_beats_an_email(as_user, ana, run):
    answer = ask(as_user(ana), run, user="ana", email="somebody@else.example")
    assert (answer.status_code, answer.json()["user"]) == (200, "ana")


@pytest.mark.parametrize("email", ["ana@learners.example", "ghost@nowhere.example"])
def test_4_a_learner_may_not_name_an_email_not_even_the_own(as_user, ana, run, email):
    answer = ask(as_user(ana), run, email=email, mode="verified")
    assert (answer.status_code, answer.content) == (404, b"")


def test_4_an_empty_email_counts_as_absent(as_user, ana, run):
    assert ask(as_user(ana), run, email="", user="").json()["user"] == "ana"


@pytest.mark.parametrize("email", ["ghost@nowhere.example", "ANA@learners.example", 5, ["ana@learners.example"]])
def test_5_an_unknown_email_is_406(staff, by_api_key, ana, run, email):
    for caller in (staff, by_api_key):
        answer = ask(caller, run, email=email, mode="no-such-mode")
        assert answer.status_code == 406
        assert answer.json() == {"message": f"The user with the email address {email} does not exist."}


def test_5_staff_and_the_api_key_name_learners_by_email(staff, by_api_key, ana, run):
    for caller in (staff, by_api_key):
        assert ask(caller, run, user="", email="ana@learners.example").json()["user"] == "ana"


def test_5_the_user_wins_over_the_email(staff, ana, run):
    assert ask(staff, run, user="ana", email="ghost@nowhere.example").json()["user"] == "ana"


@pytest.mark.parametrize("mode", ["verified", "no-such-mode", "", 5, ["audit"]])
def test_6_a_learner_may_only_ask_for_free_modes(as_user, ana, run, mode):
    answer = ask(as_user(ana), run, mode=mode, is_active="maybe")
    assert answer.status_code == 403
    assert answer.json() == {"message": f"User does not have permission to create enrollment with mode [{mode}]."}


@pytest.mark.parametrize("mode", ["audit", None])
def test_6_free_modes_and_none_are_open_to_learners(as_user, ana, run, mode):
    assert ask(as_user(ana), run, mode=mode).json()["mode"] == "audit"


@pytest.mark.parametrize("name", ["nobody-here", "ANA", 5, ["ana"], {"name": "ana"}, True])
def test_7_an_unknown_user_is_406_before_the_mode_is_looked_at(staff, by_api_key, ana, run, name):
    for caller in (staff, by_api_key):
        answer = ask(caller, run, user=name, mode="no-such-mode", is_active="maybe")
        assert answer.status_code == 406
        assert answer.json() == {"message": f"The user {name} does not exist."}


def test_7_the_bare_api_key_without_a_learner_asks_for_the_user_without_a_name(by_api_key, run):
    answer = ask(by_api_key, run)
    assert (answer.status_code, answer.json()) == (406, {"message": "The user  does not exist."})


def test_api_key_and_credentials_both_count(as_user, ana, run):
    client = as_user(ana)
    client.credentials(**{**client._credentials, "HTTP_X_EDX_API_KEY": API_KEY})
    assert ask(client, run).json()["user"] == "ana"
    assert ask(client, run, user=UserFactory(username="ben").username, mode="verified").json()["mode"] == "verified"


# --- 9 to 14: the rest of the body ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["true", "", 0, 1, [], {}])
def test_9_is_active_is_a_boolean_or_null(as_user, ana, run, value):
    answer = ask(as_user(ana), run, is_active=value, force_enrollment="x", mode="honor")
    assert answer.status_code == 400
    assert answer.json() == {"message": f"'{value}' is an invalid enrollment activation status."}
    assert stored(ana, run) is None


LINKED: list[tuple[str, str, str]] = []


def remember_link(learner, course_id, customer):
    LINKED.append((learner.username, course_id, customer))


def refuse_link(learner, course_id, customer):
    raise Refusal("not linked", code="not-linked")


@pytest.fixture
def linked(settings):
    settings.LINKED_ENROLLMENT = f"{__name__}.remember_link"
    LINKED.clear()
    return LINKED


CUSTOMER = str(uuid.uuid4())


def test_10_the_api_key_records_a_linked_customer_before_later_checks(by_api_key, ana, run, linked):
    answer = ask(by_api_key, run, user="ana", linked_enterprise_customer=CUSTOMER, force_enrollment="maybe")
    assert answer.json() == {"message": "'maybe' is an invalid force enrollment status."}
    assert linked == [("ana", run.id, CUSTOMER)]


def test_10_comes_after_the_activation_status(by_api_key, ana, run, linked):
    assert ask(by_api_key, run, user="ana", linked_enterprise_customer=CUSTOMER, is_active="x").status_code == 400
    assert linked == []


def test_10_is_for_the_api_key_only_and_can_be_switched_off(staff, by_api_key, ana, run, linked, settings):
    assert ask(staff, run, user="ana", linked_enterprise_customer=CUSTOMER).status_code == 200
    settings.ENABLE_ENTERPRISE_INTEGRATION = False
    assert ask(by_api_key, run, user="ana", linked_enterprise_customer="no uuid").status_code == 200
    assert linked == []


def test_10_a_refused_link_is_the_generic_refusal(by_api_key, ana, run, settings):
    settings.LINKED_ENROLLMENT = f"{__name__}.refuse_link"
    answer = ask(by_api_key, run, user="ana", linked_enterprise_customer=CUSTOMER)
    assert (answer.status_code, answer.json()) == (400, generic(ana, run, "not-linked"))
    assert stored(ana, run) is None


def test_10_a_linked_learner_has_enterprise_enrollment_and_consent_even_if_the_enrollment_is_refused(by_api_key, ana):
    closed = CourseRunFactory(closed=True)
    link = LearnerFactory(user=ana)
    customer = link.enterprise_customer
    for wanted, code in ((EnterpriseCustomerFactory(), "not-linked"), (customer, "enrollment-closed")):
        answer = ask(by_api_key, closed, user="ana", linked_enterprise_customer=str(wanted.uuid))
        assert (answer.status_code, answer.json()) == (400, generic(ana, closed, code))
    assert EnterpriseCourseEnrollment.objects.get(course_id=closed.id).enterprise_customer_user_id == link.pk
    consent = DataSharingConsent.objects.get(username="ana", course_id=closed.id)
    assert (consent.enterprise_customer_id, consent.granted) == (customer.pk, True)


@pytest.mark.parametrize("customer", ["no uuid", 5, ["x"], {"a": 1}, True])
def test_10_a_malformed_customer_is_the_generic_refusal(by_api_key, ana, run, linked, customer):
    answer = ask(by_api_key, run, user="ana", linked_enterprise_customer=customer)
    assert (answer.status_code, answer.json()) == (400, generic(ana, run, "unknown-customer"))
    assert linked == []


@pytest.mark.parametrize("value", ["true", "", 0, 1, []])
def test_11_force_is_a_boolean_or_null_for_everybody(as_user, ana, run, value):
    answer = ask(as_user(ana), run, force_enrollment=value, enrollment_attributes=[{}])
    assert answer.status_code == 400
    assert answer.json() == {"message": f"'{value}' is an invalid force enrollment status."}


def test_12_force_is_ignored_for_learners_and_the_bare_api_key(as_user, by_api_key, staff, ana):
    closed = CourseRunFactory(closed=True)
    for caller in (as_user(ana), by_api_key):
        answer = ask(caller, closed, user="ana", force_enrollment=True)
        assert (answer.status_code, answer.json()) == (400, generic(ana, closed, "enrollment-closed"))
    assert ask(staff, closed, user="ana", force_enrollment=True).status_code == 200


@pytest.mark.parametrize(
    "attributes",
    [
        [{}],
        [{"namespace": "order", "value": "1"}],
        [{"name": "order_number", "value": "1"}],
        [{"namespace": "order", "name": "n", "value": "1"}, {"value": "1"}],
        [{"namespace": None, "name": "n", "value": "1"}],
        [{"namespace": ["x"], "name": "n", "value": "1"}],
        [{"namespace": "x" * 256, "name": "n", "value": "1"}],
        ["order"],
        [None],
        {"namespace": "order", "name": "n", "value": "1"},
        "order",
        5,
        True,
    ],
)
def test_14_attributes_without_namespace_or_name_are_the_generic_refusal(as_user, staff, ana, run, attributes):
    answer = ask(as_user(ana), run, enrollment_attributes=attributes)
    assert (answer.status_code, answer.json()) == (400, generic(ana, run, "invalid-attributes"))
    assert stored(ana, run) is None


def test_14_comes_before_the_branches(staff, ana, run):
    CourseEnrollmentFactory(user=ana, course_id=run.id)
    answer = ask(staff, run, user="ana", mode="no-such-mode", is_active=False, enrollment_attributes=[{}])
    assert answer.json() == generic(ana, run, "invalid-attributes")


def test_an_unknown_run_is_refused_only_after_the_learner_is_known(as_user, staff, ana):
    unknown = "course-v1:No+Such+Run"
    assert ask(staff, unknown, user="nobody-here").status_code == 406
    answer = ask(as_user(ana), unknown)
    assert (answer.status_code, answer.json()) == (400, {"message": f"No course '{unknown}' found for enrollment"})


def test_a_library_key_names_no_run(as_user, ana):
    answer = ask(as_user(ana), "library-v1:Acme+LIB")
    assert answer.json() == {"message": "No course 'library-v1:Acme+LIB' found for enrollment"}


def test_unknown_fields_are_ignored(as_user, ana, run):
    CourseModeFactory(course_id=run.id, mode_slug="honor")
    assert ask(as_user(ana), run, nonsense={"deep": [1]}, mode="honor").json()["mode"] == "honor"
