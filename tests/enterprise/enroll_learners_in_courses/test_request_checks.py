"""Which bodies and rows .../enroll_learners_in_courses/ refuses (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import BulkJob, EnterpriseCustomer, PendingEnterpriseCustomerUser
from tests.enterprise.enroll_learners_in_courses.calls import LICENSE, TRANSACTION, path_of, row

pytestmark = pytest.mark.django_db


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
