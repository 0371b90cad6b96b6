"""POST /enterprise/api/v1/enterprise-customer/{uuid}/enroll_learners_in_courses/ (contract: enterprise-learners)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, CourseOverview, User
from enterprise.models import (
    BulkJob,
    DataSharingConsent,
    DefaultEnterpriseEnrollmentIntention,
    DefaultEnterpriseEnrollmentRealization,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE, ENTERPRISE_PROVISIONING_ADMIN_ROLE
from tests.factories import (
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

LICENSE = "e1000000-0000-4000-8000-000000000001"
OTHER_LICENSE = "e1000000-0000-4000-8000-000000000002"
TRANSACTION = "c1000000-0000-4000-8000-000000000001"
OTHER_TRANSACTION = "c1000000-0000-4000-8000-000000000002"
MISSING = {"detail": "Missing: enterprise.can_enroll_learners"}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}

Enroll = Callable[..., Response]


def path_of(customer: EnterpriseCustomer) -> str:
    return f"/enterprise/api/v1/enterprise-customer/{customer.pk}/enroll_learners_in_courses/"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme")


@pytest.fixture
def admin(customer: EnterpriseCustomer) -> User:
    return customer_admin(customer, username="boss")


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id="course-v1:Acme+Sail+T1", display_name="Sailing", modes=["audit", "verified"])


@pytest.fixture
def learner() -> User:
    return UserFactory(username="mia", email="Mia@acme.test")


@pytest.fixture
def client_of_admin(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def enroll(client_of_admin: APIClient, customer: EnterpriseCustomer, django_capture_on_commit_callbacks: Any) -> Enroll:
    """Sends rows as the customer's admin; whatever waits for the commit runs before it returns."""

    def send(*rows: Any, **fields: Any) -> Response:
        with django_capture_on_commit_callbacks(execute=True):
            return client_of_admin.post(path_of(customer), {"enrollments_info": list(rows), **fields})

    return send


def row(run: CourseOverview | str = "course-v1:Acme+Sail+T1", **fields: Any) -> dict[str, Any]:
    """A row paid for by LICENSE unless it says otherwise."""
    paid = {} if "license_uuid" in fields or "transaction_id" in fields else {"license_uuid": LICENSE}
    return {"course_run_key": getattr(run, "pk", run), **paid, **fields}


# --- Who may --------------------------------------------------------------------------------------------------------


def test_anonymous_callers_get_401_before_anything_is_looked_at(
    client: APIClient, customer: EnterpriseCustomer
) -> None:
    answer = client.post(path_of(customer), "no json", content_type="application/json")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert answer["WWW-Authenticate"] == 'JWT realm="api"'


def test_the_rate_limit_comes_before_the_permission(as_user: Any, customer: EnterpriseCustomer, settings: Any) -> None:
    settings.USER_RATE = "1/minute"
    client = as_user(UserFactory())
    assert client.post(path_of(customer), {}).status_code == 403
    answer = client.post(path_of(customer), {})
    assert answer.status_code == 429
    assert answer.json()["detail"].startswith("Request was throttled. Expected available in ")
    assert int(answer["Retry-After"]) > 0


def test_service_accounts_have_the_high_rate(as_user: Any, customer: EnterpriseCustomer, settings: Any) -> None:
    settings.USER_RATE, settings.SERVICE_USER_RATE, settings.HIGH_SERVICE_USER_RATE = "1/minute", "1/minute", "3/minute"
    client = as_user(UserFactory(username="license_manager_worker"))
    assert [client.post(path_of(customer), {}).status_code for _ in range(4)] == [403, 403, 403, 429]


def learner_of(customer: EnterpriseCustomer) -> User:
    return LearnerFactory(enterprise_customer=customer).user_fk


def admin_of_another(customer: EnterpriseCustomer) -> User:
    return customer_admin(EnterpriseCustomerFactory())


def linked_learner_and_admin_of_another(customer: EnterpriseCustomer) -> User:
    user = customer_admin(EnterpriseCustomerFactory())
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def provisioning_admin(customer: EnterpriseCustomer) -> User:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role=ENTERPRISE_PROVISIONING_ADMIN_ROLE)
    return user


def staff_without_role(customer: EnterpriseCustomer) -> User:
    return UserFactory(staff=True)


def database_role_but_linked_elsewhere(customer: EnterpriseCustomer) -> User:
    user = LearnerFactory().user_fk
    FeatureRoleAssignmentFactory(user=user, role="enrollment_api_admin")
    return user


def other_database_role(customer: EnterpriseCustomer) -> User:
    user = LearnerFactory(enterprise_customer=customer).user_fk
    FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")
    return user


@pytest.mark.parametrize(
    "caller",
    [
        learner_of,
        admin_of_another,
        linked_learner_and_admin_of_another,
        provisioning_admin,
        staff_without_role,
        database_role_but_linked_elsewhere,
        other_database_role,
    ],
)
def test_callers_without_the_permission_for_this_customer_get_403(
    caller: Callable[[EnterpriseCustomer], User], as_user: Any, customer: EnterpriseCustomer
) -> None:
    answer = as_user(caller(customer)).post(path_of(customer), "no json", content_type="application/json")
    assert (answer.status_code, answer.json()) == (403, MISSING)


def admin_who_is_not_linked(customer: EnterpriseCustomer) -> User:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role=ENTERPRISE_ADMIN_ROLE, enterprise_customer=customer)
    return user


def admin_who_was_unlinked(customer: EnterpriseCustomer) -> User:
    user = admin_who_is_not_linked(customer)
    LearnerFactory(enterprise_customer=customer, user=user, linked=False, active=False)
    return user


def operator_who_is_not_linked(customer: EnterpriseCustomer) -> User:
    return operator()


@pytest.mark.parametrize("caller", [admin_who_is_not_linked, admin_who_was_unlinked, operator_who_is_not_linked])
def test_callers_with_the_permission_who_do_not_see_the_customer_get_404(
    caller: Callable[[EnterpriseCustomer], User], as_user: Any, customer: EnterpriseCustomer
) -> None:
    answer = as_user(caller(customer)).post(path_of(customer), "no json", content_type="application/json")
    assert (answer.status_code, answer.json()) == (404, NO_CUSTOMER)


def linked_admin(customer: EnterpriseCustomer) -> User:
    return customer_admin(customer)


def linked_operator(customer: EnterpriseCustomer) -> User:
    user = operator()
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def staff_operator(customer: EnterpriseCustomer) -> User:
    return operator(staff=True)


def operator_who_provisions(customer: EnterpriseCustomer) -> User:
    user = operator()
    RoleAssignmentFactory(user=user, role=ENTERPRISE_PROVISIONING_ADMIN_ROLE)
    return user


def staff_admin_who_is_not_linked(customer: EnterpriseCustomer) -> User:
    user = UserFactory(staff=True)
    RoleAssignmentFactory(user=user, role=ENTERPRISE_ADMIN_ROLE, enterprise_customer=customer)
    return user


def linked_with_the_database_role(customer: EnterpriseCustomer) -> User:
    user = LearnerFactory(enterprise_customer=customer).user_fk
    FeatureRoleAssignmentFactory(user=user, role="enrollment_api_admin")
    return user


def superuser(customer: EnterpriseCustomer) -> User:
    return UserFactory(superuser=True)


@pytest.mark.parametrize(
    "caller",
    [
        linked_admin,
        linked_operator,
        staff_operator,
        operator_who_provisions,
        staff_admin_who_is_not_linked,
        linked_with_the_database_role,
        superuser,
    ],
)
def test_callers_with_the_permission_who_see_the_customer_may_enroll(
    caller: Callable[[EnterpriseCustomer], User],
    as_user: Any,
    customer: EnterpriseCustomer,
    run: CourseOverview,
    learner: User,
) -> None:
    answer = as_user(caller(customer)).post(path_of(customer), {"enrollments_info": [row(email=learner.email)]})
    assert answer.status_code == 201
    assert answer.json()["successes"][0]["user_id"] == learner.pk


@pytest.mark.parametrize("caller", [customer_admin, staff_operator, superuser])
def test_an_inactive_customer_is_not_found(caller: Callable[[EnterpriseCustomer], User], as_user: Any) -> None:
    gone = EnterpriseCustomerFactory(active=False)
    answer = as_user(caller(gone)).post(path_of(gone), {})
    assert (answer.status_code, answer.json()) == (404, NO_CUSTOMER)


def test_an_unknown_customer_is_a_context_nobody_holds(as_user: Any, admin: User) -> None:
    path = f"/enterprise/api/v1/enterprise-customer/{uuid.uuid4()}/enroll_learners_in_courses/"
    assert as_user(admin).post(path, {}).json() == MISSING
    assert as_user(operator(staff=True)).post(path, {}).json() == NO_CUSTOMER


def test_a_malformed_customer_id_is_a_context_nobody_holds(as_user: Any, admin: User) -> None:
    path = "/enterprise/api/v1/enterprise-customer/acme/enroll_learners_in_courses/"
    assert as_user(admin).post(path, {}).json() == MISSING
    answer = as_user(operator(staff=True)).post(path, {})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_a_token_of_a_restricted_application_is_refused(
    as_user: Any, admin: User, customer: EnterpriseCustomer
) -> None:
    assert as_user(admin, restricted=True).post(path_of(customer), {}).status_code == 403


def test_a_session_needs_a_csrf_token(by_session: Any, admin: User, customer: EnterpriseCustomer) -> None:
    answer = by_session(admin, enforce_csrf_checks=True).post(path_of(customer), {}, format="json")
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: ")


def test_other_methods_are_not_allowed(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(client_of_admin, method)(path_of(customer))
        assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


def test_the_path_ends_with_a_slash_or_a_format(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    bare = path_of(customer).rstrip("/")
    assert client_of_admin.post(bare, {}).status_code == 404
    assert client_of_admin.post(f"{bare}.json", {}).status_code == 400
    assert client_of_admin.post(f"{bare}//", {}).status_code == 404


# --- 400: the body as a whole ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        ("text", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
        (5, {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]}),
        ({}, {"non_field_errors": ["Must include the `enrollment_info` parameter in request."]}),
        (
            {"enrollments_info": [], "licenses_info": []},
            {"non_field_errors": ["Must include the `enrollment_info` parameter in request."]},
        ),
        ({"notify": True}, {"non_field_errors": ["Must include the `enrollment_info` parameter in request."]}),
        (
            {"enrollments_info": [row(email="a@acme.test")], "licenses_info": [row(email="b@acme.test")]},
            {"non_field_errors": ["`licenses_info` must be ommitted if `enrollments_info` is present."]},
        ),
        ({"enrollments_info": None}, {"enrollments_info": ["This field may not be null."]}),
        (
            {"licenses_info": {"email": "a@acme.test"}},
            {"licenses_info": {"non_field_errors": ['Expected a list of items but got type "dict".']}},
        ),
        (
            {"enrollments_info": "a@acme.test"},
            {"enrollments_info": {"non_field_errors": ['Expected a list of items but got type "str".']}},
        ),
        (
            {"licenses_info": None, "enrollments_info": 5},
            {
                "licenses_info": ["This field may not be null."],
                "enrollments_info": {"non_field_errors": ['Expected a list of items but got type "int".']},
            },
        ),
    ],
)
def test_a_body_without_exactly_one_filled_list_is_refused(
    body: Any, errors: Any, client_of_admin: APIClient, customer: EnterpriseCustomer
) -> None:
    answer = client_of_admin.post(path_of(customer), body)
    assert (answer.status_code, answer.json()) == (400, errors)
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize(
    ("options", "errors"),
    [
        ({"notify": "perhaps"}, {"notify": ["Must be a valid boolean."]}),
        ({"notify": None}, {"notify": ["This field may not be null."]}),
        ({"notify": []}, {"notify": ["Must be a valid boolean."]}),
        ({"discount": "much"}, {"discount": ["A valid number is required."]}),
        ({"discount": None}, {"discount": ["This field may not be null."]}),
        ({"discount": {}}, {"discount": ["A valid number is required."]}),
        ({"discount": "NaN"}, {"discount": ["A valid number is required."]}),
        ({"discount": "1.123456"}, {"discount": ["Ensure that there are no more than 5 decimal places."]}),
        ({"discount": -0.5}, {"discount": ["Ensure this value is greater than or equal to 0."]}),
        ({"discount": 1000}, {"discount": ["Ensure this value is less than or equal to 999.99999."]}),
        ({"discount": "1e400"}, {"discount": ["Ensure this value is less than or equal to 999.99999."]}),
        ({"discount": "9" * 2000}, {"discount": ["String value too large."]}),
        ({"reason": []}, {"reason": ["Not a valid string."]}),
    ],
)
def test_options_are_checked(
    options: Any, errors: Any, client_of_admin: APIClient, customer: EnterpriseCustomer
) -> None:
    answer = client_of_admin.post(path_of(customer), {"enrollments_info": [row(email="a@acme.test")], **options})
    assert (answer.status_code, answer.json()) == (400, errors)
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"enrollments_info": [{"email": "a\\u0000@acme.test"}]}',
        '{"enrollments_info": [{"email": "\\ud800@acme.test"}]}',
        '{"enrollments_info": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"discount": NaN}',
        '{"enrollments_info": [{"user_id": ' + "9" * 5000 + "}]}",
        b"\xff\xfe",
        "null",
    ],
)
def test_broken_json_is_refused(body: Any, client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    answer = client_of_admin.post(path_of(customer), body, content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()) in (["detail"], ["non_field_errors"])


def test_another_media_type_is_refused(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    answer = client_of_admin.post(path_of(customer), "<a/>", content_type="application/xml")
    assert answer.status_code == 415
    assert answer.json() == {"detail": 'Unsupported media type "application/xml" in request.'}


def test_a_form_without_a_file_has_no_list(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    for form in ("multipart", None):
        content_type = {} if form else {"content_type": "application/x-www-form-urlencoded"}
        answer = client_of_admin.post(
            path_of(customer), {"notify": "true"} if form else "notify=true", form, **content_type
        )
        assert answer.json() == {"non_field_errors": ["Must include the `enrollment_info` parameter in request."]}


def test_a_body_beyond_the_limit_gets_413(
    client_of_admin: APIClient, customer: EnterpriseCustomer, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = client_of_admin.post(path_of(customer), {"enrollments_info": [row(email="a" * 1000)]})
    assert (answer.status_code, answer.json()) == (413, {"detail": "The request body is too large."})


def test_more_rows_than_a_job_may_have_are_refused(
    client_of_admin: APIClient, customer: EnterpriseCustomer, settings: Any
) -> None:
    settings.BULK_JOB_MAX_ROWS = 2
    answer = client_of_admin.post(path_of(customer), {"licenses_info": [row(email="a@acme.test")] * 3})
    assert answer.status_code == 400
    assert answer.json() == {"licenses_info": {"non_field_errors": ["Ensure this field has no more than 2 elements."]}}


# --- 400: rows ------------------------------------------------------------------------------------------------------


NOBODY = {"non_field_errors": ["At least one user identifier field [user_id or email] required."]}
UNPAID = {"non_field_errors": ["At least one subsidy info field [license_uuid or transaction_id] required."]}
TWICE = {
    "non_field_errors": [
        "Enrollment info contains conflicting subsidy information: `license_uuid` and `transaction_id` found"
    ]
}


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ("mia", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        (None, {"non_field_errors": ["This field may not be null."]}),
        ({}, {"course_run_key": ["This field is required."]}),
        (row(user_id="mia"), {"user_id": ["A valid integer is required."]}),
        (row(user_id=True), {"user_id": ["A valid integer is required."]}),
        (row(user_id=1.5), {"user_id": ["A valid integer is required."]}),
        (row(user_id=[1]), {"user_id": ["A valid integer is required."]}),
        (row(user_id="9" * 1001), {"user_id": ["String value too large."]}),
        (row(user_id=2**63), {"user_id": ["Ensure this value is less than or equal to 9223372036854775807."]}),
        (row(user_id=-(2**63)), {"user_id": ["Ensure this value is greater than or equal to -9223372036854775807."]}),
        (row(user_id=None), {"user_id": ["This field may not be null."]}),
        (row(email=None), {"email": ["This field may not be null."]}),
        (row(email=" "), {"email": ["This field may not be blank."]}),
        (row(email={}), {"email": ["Not a valid string."]}),
        (row(email=True), {"email": ["Not a valid string."]}),
        (row("", email="a@acme.test"), {"course_run_key": ["This field may not be blank."]}),
        (row(email="a@acme.test", course_run_key=None), {"course_run_key": ["This field may not be null."]}),
        (row(email="a@acme.test", license_uuid="one"), {"license_uuid": ["Must be a valid UUID."]}),
        (row(email="a@acme.test", license_uuid=f"{{{LICENSE}}}"), {"license_uuid": ["Must be a valid UUID."]}),
        (row(email="a@acme.test", license_uuid=""), {"license_uuid": ["This field may not be blank."]}),
        (row(email="a@acme.test", transaction_id=7), {"transaction_id": ["Must be a valid UUID."]}),
        (row(email="a@acme.test", transaction_id=[LICENSE]), {"transaction_id": ["Not a valid string."]}),
        (row(email="a@acme.test", force_enrollment="perhaps"), {"force_enrollment": ["Must be a valid boolean."]}),
        (row(email="a@acme.test", force_enrollment=None), {"force_enrollment": ["This field may not be null."]}),
        (
            row(email="a@acme.test", is_default_auto_enrollment={}),
            {"is_default_auto_enrollment": ["Must be a valid boolean."]},
        ),
        (row(email="a@acme.test", activation_link="activate"), {"activation_link": ["Enter a valid URL."]}),
        (row(email="a@acme.test", activation_link="javascript:alert(1)"), {"activation_link": ["Enter a valid URL."]}),
        (row(email="a@acme.test", activation_link=5), {"activation_link": ["Enter a valid URL."]}),
        (row(), NOBODY),
        (row(user_id=0), NOBODY),
        (row(user_id=0, license_uuid=None), NOBODY),
        (row(email="a@acme.test", license_uuid=None), UNPAID),
        ({"email": "a@acme.test", "course_run_key": "course-v1:Acme+Sail+T1"}, UNPAID),
        (row(email="a@acme.test", license_uuid=LICENSE, transaction_id=TRANSACTION), TWICE),
        (
            {"user_id": "x", "email": 5, "license_uuid": "x"},
            {
                "user_id": ["A valid integer is required."],
                "course_run_key": ["This field is required."],
                "license_uuid": ["Must be a valid UUID."],
            },
        ),
    ],
)
@pytest.mark.parametrize("name", ["enrollments_info", "licenses_info"])
def test_a_row_with_errors_stops_the_whole_request(
    name: str, wrong: Any, errors: Any, client_of_admin: APIClient, customer: EnterpriseCustomer
) -> None:
    good = row(email="good@acme.test")
    answer = client_of_admin.post(path_of(customer), {name: [good, wrong, good]})
    assert (answer.status_code, answer.json()) == (400, {name: [{}, errors, {}]})
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert not BulkJob.objects.exists()


# --- The work -------------------------------------------------------------------------------------------------------


def test_a_learner_with_an_account_is_linked_and_enrolled(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    elsewhere = LearnerFactory(user=learner)
    answer = enroll(row(run, email=" mia@ACME.test "))
    link = EnterpriseCustomerUser.objects.get(enterprise_customer=customer, user_id=learner.pk)
    enrollment = EnterpriseCourseEnrollment.objects.get(enterprise_customer_user=link)
    fulfillment = LicensedEnterpriseCourseEnrollment.objects.get(enterprise_course_enrollment=enrollment)
    assert answer.status_code == 201
    assert answer.json() == {
        "successes": [
            {
                "user_id": learner.pk,
                "email": "Mia@acme.test",
                "course_run_key": run.pk,
                "created": True,
                "activation_link": None,
                "enterprise_fulfillment_source_uuid": str(fulfillment.uuid),
            }
        ],
        "pending": [],
        "failures": [],
    }
    elsewhere.refresh_from_db()
    assert (link.active, elsewhere.active) == (True, False)
    assert (enrollment.course_id, enrollment.source.slug, enrollment.unenrolled) == (run.pk, "customer_admin", None)
    assert (str(fulfillment.license_uuid), fulfillment.fulfillment_type) == (LICENSE, "license")
    plain = CourseEnrollment.objects.get(user=learner)
    assert (plain.course_id, plain.mode, plain.is_active) == (run.pk, "verified", True)
    assert not DataSharingConsent.objects.exists()


def test_the_older_name_of_the_list_means_the_same(
    client_of_admin: APIClient, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    body = {"licenses_info": [row(email=learner.email)], "enrollments_info": []}
    assert client_of_admin.post(path_of(customer), body).json()["successes"][0]["user_id"] == learner.pk


def test_an_empty_older_list_beside_a_filled_one_is_ignored(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    assert len(enroll(row(email=learner.email), licenses_info=[]).json()["successes"]) == 1


def test_ignored_and_unknown_fields_change_nothing(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    answer = enroll(
        row(email=learner.email, mode="audit", license_uuid=LICENSE, transaction_id=None),
        reason="Because",
        salesforce_id="S1",
        more=[],
    )
    assert answer.status_code == 201
    assert CourseEnrollment.objects.get().mode == "verified"


def test_numbers_and_flags_may_come_as_text(enroll: Enroll, learner: User) -> None:
    CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True)
    answer = enroll(row("course-v1:Acme+Shut+T1", user_id=f"{learner.pk}", force_enrollment="true"), notify="true")
    assert answer.status_code == 201
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("flag", "status"), [("True", 201), ("TRUE", 201), ("False", 409), ("FALSE", 409)])
def test_flags_may_be_written_in_any_case(flag: str, status: int, enroll: Enroll, learner: User) -> None:
    CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True)
    answer = enroll(row("course-v1:Acme+Shut+T1", user_id=learner.pk, force_enrollment=flag))
    assert answer.status_code == status


def test_a_license_may_be_written_without_hyphens(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    assert enroll(row(email=learner.email, license_uuid=LICENSE.replace("-", "").upper())).status_code == 201
    assert str(LicensedEnterpriseCourseEnrollment.objects.get().license_uuid) == LICENSE


def test_the_account_of_a_user_id_wins_over_the_address_sent(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    other = UserFactory()
    answer = enroll(row(user_id=learner.pk, email=other.email))
    assert answer.json()["successes"][0]["email"] == "Mia@acme.test"
    assert not EnterpriseCustomerUser.objects.filter(user_id=other.pk).exists()
    assert not CourseEnrollment.objects.filter(user=other).exists()


def test_unknown_user_ids_are_listed_once_per_row_and_their_rows_dropped(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    answer = enroll(
        row(user_id=990002, email="good@acme.test"),
        row(user_id=learner.pk),
        row(user_id=990001),
        row(user_id=990002),
    )
    assert answer.status_code == 409
    assert answer.json()["invalid_user_ids"] == [990002, 990001, 990002]
    assert "invalid_email_addresses" not in answer.json()
    assert [each["user_id"] for each in answer.json()["successes"]] == [learner.pk]
    assert answer.json()["failures"] == answer.json()["pending"] == []
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_bad_and_barred_addresses_are_listed_once_and_not_linked(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    barred = LearnerFactory(enterprise_customer=customer, linked=False, active=False, is_relinkable=False)
    address = barred.user_fk.email
    answer = enroll(
        row(email=address),
        row(email=" Not-an-Email "),
        row(email="Not-an-Email"),
        row("course-v1:Acme+Other+T1", user_id=barred.user_id),
        row(email=learner.email),
    )
    assert answer.status_code == 409
    assert answer.json()["invalid_email_addresses"] == ["Not-an-Email", address]
    assert "invalid_user_ids" not in answer.json()
    assert len(answer.json()["successes"]) == 1
    assert answer.json()["failures"] == []
    barred.refresh_from_db()
    assert (barred.linked, barred.active) == (False, False)
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_an_unlinked_learner_who_may_come_back_is_linked_again(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    link = LearnerFactory(enterprise_customer=customer, linked=False, active=False)
    assert enroll(row(user_id=link.user_id)).status_code == 201
    link.refresh_from_db()
    assert (link.linked, link.active) == (True, True)


@pytest.mark.parametrize("address", ["a" * 1_000_000, "a@" + "b" * 1_000_000 + ".test", "é@acme.test", "a b@acme.test"])
def test_an_absurd_address_is_an_invalid_one(address: str, enroll: Enroll, run: CourseOverview) -> None:
    answer = enroll(row(email=address))
    assert answer.status_code == 409
    assert answer.json()["invalid_email_addresses"] == [address]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("course-v1:Acme+Nowhere+T1", "unknown-course-run"),
        ("sailing", "invalid-course-key"),
        ("course-v1:" + "A" * 1_000_000, "invalid-course-key"),
    ],
)
def test_an_unknown_run_or_malformed_key_fails_the_row_but_keeps_the_link(
    key: str, code: str, enroll: Enroll, customer: EnterpriseCustomer, learner: User
) -> None:
    answer = enroll(row(key, email="MIA@acme.test"))
    assert answer.status_code == 409
    [failure] = answer.json()["failures"]
    assert (failure["user_id"], failure["email"]) == (learner.pk, "Mia@acme.test")
    assert failure["course_run_key"][:20] == key[:20]
    assert failure["reason"]["code"] == code
    assert failure["reason"]["text"]
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=customer, user_id=learner.pk, active=True).exists()
    assert not EnterpriseCourseEnrollment.objects.exists()


def test_a_key_that_cannot_be_stored_fails_the_row_of_a_pending_learner(
    enroll: Enroll, customer: EnterpriseCustomer
) -> None:
    answer = enroll(row("course-v1:" + "A" * 1_000_000, email="Newbie@acme.test"))
    assert answer.status_code == 409
    [failure] = answer.json()["failures"]
    assert (failure["user_id"], failure["email"]) == (None, "newbie@acme.test")
    assert failure["reason"]["code"] == "invalid-course-key"
    assert PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=customer).exists()
    assert not PendingEnrollment.objects.exists()


def closed(**fields: Any) -> CourseOverview:
    return CourseRunFactory(id="course-v1:Acme+Shut+T1", **fields)


@pytest.mark.parametrize("how", [{"closed": True}, {"invitation_only": True}])
def test_a_closed_run_needs_force(how: dict[str, Any], enroll: Enroll, learner: User) -> None:
    run = closed(**how)
    answer = enroll(row(run, email=learner.email))
    assert answer.status_code == 409
    assert answer.json()["failures"][0]["reason"]["code"] == "enrollment-closed"
    answer = enroll(row(run, email=learner.email, force_enrollment=True))
    assert answer.status_code == 201
    assert answer.json()["successes"][0]["created"] is True


def test_force_lifts_neither_seats_nor_modes(enroll: Enroll, learner: User) -> None:
    full = CourseRunFactory(id="course-v1:Acme+Full+T1", max_student_enrollments_allowed=1, modes=["audit"])
    CourseEnrollmentFactory(course_id=full.pk)
    late = CourseRunFactory(id="course-v1:Acme+Late+T1", modes=["audit"])
    CourseModeFactory(course_id=late.pk, mode_slug="verified", expired=True)
    answer = enroll(
        row(full, email=learner.email, force_enrollment=True), row(late, email=learner.email, force_enrollment=True)
    )
    assert [each["reason"]["code"] for each in answer.json()["failures"]] == ["course-full", "mode-unavailable"]


def test_an_enrollment_that_stands_is_untouched_and_reported_as_not_created(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, mode="verified")
    answer = enroll(row(email=learner.email))
    assert answer.status_code == 201
    assert answer.json()["successes"][0]["created"] is False
    assert EnterpriseCourseEnrollment.objects.count() == 1


@pytest.mark.parametrize("before", [{"mode": "audit"}, {"mode": "verified", "is_active": False}])
def test_a_changed_mode_or_activity_counts_as_created(
    before: dict[str, Any], enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, **before)
    assert enroll(row(email=learner.email)).json()["successes"][0]["created"] is True
    plain = CourseEnrollment.objects.get()
    assert (plain.mode, plain.is_active) == ("verified", True)


def test_enrolling_again_after_an_unenrollment_clears_its_marks(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    CourseEnrollmentFactory(user=learner, course_id=run.pk, mode="verified", is_active=False)
    enrollment = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(enterprise_customer=customer, user=learner),
        course_id=run.pk,
        saved_for_later=True,
        unenrolled=True,
        unenrolled_at=timezone.now(),
    )
    license_row = LicenseFactory(enterprise_course_enrollment=enrollment, license_uuid=LICENSE, is_revoked=True)
    answer = enroll(row(email=learner.email))
    assert answer.json()["successes"][0]["enterprise_fulfillment_source_uuid"] == str(license_row.uuid)
    enrollment.refresh_from_db()
    license_row.refresh_from_db()
    assert (enrollment.saved_for_later, enrollment.unenrolled, enrollment.unenrolled_at) == (False, False, None)
    assert license_row.is_revoked is False


def test_a_different_license_is_a_conflict_that_changes_nothing(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    link = LearnerFactory(enterprise_customer=customer, user=learner)
    enrollment = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run.pk)
    LicenseFactory(enterprise_course_enrollment=enrollment, license_uuid=LICENSE)
    answer = enroll(
        row(email=" MIA@acme.test", license_uuid=OTHER_LICENSE), row(user_id=learner.pk, license_uuid=OTHER_LICENSE)
    )
    assert answer.status_code == 409
    shown = [{key: each[key] for key in ("user_id", "email", "course_run_key")} for each in answer.json()["failures"]]
    assert shown == [
        {"user_id": None, "email": "mia@acme.test", "course_run_key": run.pk},
        {"user_id": learner.pk, "email": "mia@acme.test", "course_run_key": run.pk},
    ]
    assert {each["reason"]["code"] for each in answer.json()["failures"]} == {"subsidy-conflict"}
    assert not CourseEnrollment.objects.exists()
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 1


def test_learner_credit_is_reactivated_with_the_new_transaction(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    link = LearnerFactory(enterprise_customer=customer, user=learner)
    enrollment = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run.pk)
    credit = LearnerCreditFactory(enterprise_course_enrollment=enrollment, transaction_id=TRANSACTION, is_revoked=True)
    answer = enroll(row(email=learner.email, transaction_id=OTHER_TRANSACTION))
    assert answer.json()["successes"][0]["enterprise_fulfillment_source_uuid"] == str(credit.uuid)
    credit.refresh_from_db()
    assert (credit.is_revoked, str(credit.transaction_id)) == (False, OTHER_TRANSACTION)


def test_learner_credit_that_stands_keeps_its_transaction(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    first = enroll(row(email=learner.email, transaction_id=TRANSACTION))
    second = enroll(row(email=learner.email, transaction_id=OTHER_TRANSACTION))
    assert second.status_code == 201
    fulfillments = [each.json()["successes"][0]["enterprise_fulfillment_source_uuid"] for each in (first, second)]
    credit = LearnerCreditEnterpriseCourseEnrollment.objects.get()
    assert fulfillments == [str(credit.uuid)] * 2
    assert (str(credit.transaction_id), credit.fulfillment_type) == (TRANSACTION, "learner_credit")


def test_a_license_and_a_transaction_may_pay_for_one_enrollment(
    enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    answer = enroll(row(email=learner.email), row(email=learner.email, transaction_id=TRANSACTION))
    first, second = answer.json()["successes"]
    assert first["enterprise_fulfillment_source_uuid"] != second["enterprise_fulfillment_source_uuid"]
    assert (first["created"], second["created"]) == (True, False)
    assert EnterpriseCourseEnrollment.objects.count() == 1


def test_a_default_intention_is_realized_once(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview, learner: User
) -> None:
    intention = DefaultEnterpriseEnrollmentIntention.objects.create(
        enterprise_customer=customer, content_key=run.pk, content_type="course_run"
    )
    for _ in range(2):
        answer = enroll(row(email=learner.email, is_default_auto_enrollment=True))
        assert answer.status_code == 201
    realization = DefaultEnterpriseEnrollmentRealization.objects.get()
    assert realization.intended_enrollment == intention
    assert realization.realized_enrollment == EnterpriseCourseEnrollment.objects.get()


def test_without_a_matching_intention_nothing_is_realized(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    assert enroll(row(email=learner.email, is_default_auto_enrollment=True)).status_code == 201
    assert not DefaultEnterpriseEnrollmentRealization.objects.exists()


# --- Learners without an account ------------------------------------------------------------------------------------


def test_a_learner_without_an_account_becomes_pending(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    answer = enroll(row(email=" Newbie@acme.test", transaction_id=TRANSACTION), discount="12.5")
    assert answer.status_code == 202
    assert answer.json() == {
        "successes": [],
        "pending": [{"email": "newbie@acme.test", "course_run_key": run.pk, "created": True, "activation_link": None}],
        "failures": [],
    }
    waiting = PendingEnrollment.objects.get()
    assert waiting.user.enterprise_customer == customer
    assert (waiting.course_id, waiting.course_mode) == (run.pk, "verified")
    assert waiting.discount_percentage == Decimal("12.5")
    assert (str(waiting.transaction_id), waiting.license_uuid) == (TRANSACTION, None)
    assert (waiting.source.slug, waiting.cohort_name, waiting.sales_force_id) == ("customer_admin", None, None)


def test_the_discount_of_a_pending_enrollment_is_100_unless_said_otherwise(enroll: Enroll, run: CourseOverview) -> None:
    enroll(row(email="newbie@acme.test"))
    assert PendingEnrollment.objects.get().discount_percentage == 100


def test_one_address_in_two_spellings_is_one_pending_learner(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    PendingLearnerFactory(enterprise_customer=customer, user_email="NEWBIE@acme.test")
    answer = enroll(row(email="Newbie@acme.test"), row(email="newbie@acme.test"))
    assert [each["created"] for each in answer.json()["pending"]] == [True, False]
    assert PendingEnterpriseCustomerUser.objects.count() == 1
    assert PendingEnrollment.objects.count() == 1


def test_a_pending_run_with_another_license_is_a_conflict(
    enroll: Enroll, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    waiting = PendingLearnerFactory(enterprise_customer=customer, user_email="newbie@acme.test")
    PendingEnrollmentFactory(user=waiting, course_id=run.pk, license_uuid=LICENSE)
    answer = enroll(
        row(email="Newbie@acme.test", license_uuid=OTHER_LICENSE),
        row(email="newbie@acme.test", transaction_id=TRANSACTION),
    )
    assert answer.status_code == 409
    for failure in answer.json()["failures"]:
        assert failure.pop("reason")["code"] == "subsidy-conflict"
        assert failure == {"user_id": None, "email": "newbie@acme.test", "course_run_key": run.pk}
    assert len(answer.json()["failures"]) == 2


def test_a_pending_run_takes_over_a_new_transaction(enroll: Enroll, run: CourseOverview) -> None:
    enroll(row(email="newbie@acme.test", transaction_id=TRANSACTION))
    answer = enroll(row(email="newbie@acme.test", transaction_id=OTHER_TRANSACTION))
    assert (answer.status_code, answer.json()["pending"][0]["created"]) == (202, False)
    assert str(PendingEnrollment.objects.get().transaction_id) == OTHER_TRANSACTION


# --- The answer -----------------------------------------------------------------------------------------------------


def test_rows_of_every_kind_are_answered_in_order_with_409(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    other = UserFactory()
    answer = enroll(
        row("course-v1:Acme+Nowhere+T1", email=other.email),
        row(email="zoe@acme.test"),
        row(user_id=other.pk),
        row("course-v1:Acme+Nowhere+T2", user_id=learner.pk),
        row(email="not-an-email"),
        row(user_id=990001),
        row(email="anna@acme.test"),
        row(email=learner.email),
    )
    body = answer.json()
    assert answer.status_code == 409
    assert list(body) == ["successes", "pending", "failures", "invalid_user_ids", "invalid_email_addresses"]
    assert [each["user_id"] for each in body["successes"]] == [other.pk, learner.pk]
    assert [each["email"] for each in body["pending"]] == ["zoe@acme.test", "anna@acme.test"]
    assert [each["user_id"] for each in body["failures"]] == [other.pk, learner.pk]
    assert (body["invalid_user_ids"], body["invalid_email_addresses"]) == ([990001], ["not-an-email"])


def test_anything_pending_makes_the_answer_202(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    answer = enroll(row(email=learner.email), row(email="newbie@acme.test"))
    assert (answer.status_code, len(answer.json()["successes"]), len(answer.json()["pending"])) == (202, 1, 1)


def test_an_activation_link_is_echoed_and_becomes_the_mails_link(
    enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    link = "https://portal.example/acme/activate/42?a=1&b=2"
    answer = enroll(
        row(email=learner.email, activation_link=link), row(email="newbie@acme.test", activation_link=""), notify=True
    )
    assert answer.json()["successes"][0]["activation_link"] == link
    assert answer.json()["pending"][0]["activation_link"] is None
    texts = {sent.to[0]: sent.body for sent in mail.outbox}
    assert link in texts["Mia@acme.test"]
    assert link not in texts["newbie@acme.test"]


def test_repeating_a_request_changes_nothing_and_sends_no_mail(
    enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    rows = [row(email=learner.email), row(email="newbie@acme.test")]
    first = enroll(*rows, notify=True)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["Mia@acme.test", "newbie@acme.test"]
    second = enroll(*rows, notify=True)
    assert len(mail.outbox) == 2
    assert first.status_code == second.status_code == 202
    assert [each["created"] for each in (*second.json()["successes"], *second.json()["pending"])] == [False, False]
    keys = [each.json()["successes"][0]["enterprise_fulfillment_source_uuid"] for each in (first, second)]
    assert keys[0] == keys[1]
    for model in (EnterpriseCustomerUser, EnterpriseCourseEnrollment, CourseEnrollment, PendingEnrollment):
        expected = 2 if model is EnterpriseCustomerUser else 1  # the admin is linked, too
        assert model.objects.count() == expected


# --- Mail -----------------------------------------------------------------------------------------------------------


def test_no_mail_is_sent_unless_asked_for(enroll: Enroll, run: CourseOverview, learner: User) -> None:
    enroll(row(email=learner.email))
    enroll(row(email="newbie@acme.test"), notify=False)
    assert mail.outbox == []


def test_every_new_learner_of_a_run_gets_one_mail_and_failed_rows_none(
    enroll: Enroll, run: CourseOverview, learner: User
) -> None:
    knots = CourseRunFactory(id="course-v1:Acme+Knot+T1", display_name="Knots")
    enrolled = UserFactory()
    CourseEnrollmentFactory(user=enrolled, course_id=run.pk, mode="verified")
    enroll(
        row(run, email=learner.email),
        row(run, user_id=learner.pk),
        row(knots, email=learner.email),
        row(run, email="newbie@acme.test"),
        row(run, email="Newbie@acme.test"),
        row(run, email=enrolled.email),
        row("course-v1:Acme+Nowhere+T1", email=learner.email),
        row(run, email="not-an-email"),
        notify=True,
    )
    sent = sorted((each.to[0].lower(), each.subject) for each in mail.outbox)
    assert sent == [
        ("mia@acme.test", "You have been enrolled in Knots"),
        ("mia@acme.test", "You have been enrolled in Sailing"),
        ("newbie@acme.test", "You have been enrolled in Sailing"),
    ]


def test_mail_never_changes_the_answer(enroll: Enroll, run: CourseOverview, learner: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "no.such.backend"
    assert enroll(row(email=learner.email), notify=True).status_code == 201


# --- Cost -----------------------------------------------------------------------------------------------------------


def statements(send: Callable[[], Response]) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert send().status_code in (201, 202)
    return len(captured)


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(
    client_of_admin: APIClient, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    def send(addresses: list[str]) -> Response:
        body = {"enrollments_info": [row(email=address) for address in addresses], "notify": True}
        return client_of_admin.post(path_of(customer), body)

    send(["warm@acme.test", UserFactory().email])
    few = [UserFactory().email for _ in range(2)] + [f"few{n}@acme.test" for n in range(2)]
    many = [UserFactory().email for _ in range(40)] + [f"many{n}@acme.test" for n in range(40)]
    assert statements(lambda: send(few)) == statements(lambda: send(many)) < 90


def test_validation_of_rows_costs_no_statement(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    def refused(rows: list[Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client_of_admin.post(path_of(customer), {"enrollments_info": rows}).status_code == 400
        return len(captured)

    assert refused([{}]) == refused([{}] * 500)
