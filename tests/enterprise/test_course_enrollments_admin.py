"""`enterprise-course-enrollment-admin`: one learner's enrollments by status, for staff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from config.api.fields import wire_time
from enrollments.models import GeneratedCertificate
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.serializers.course_enrollments import STATUSES, LearnersEnrollmentSerializer
from tests.factories import (
    CourseEnrollmentFactory,
    CourseFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

PATH = "/enterprise/api/v1/enterprise-course-enrollment-admin"
BOTH = {"error": "Both 'lms_user_id' and 'enterprise_uuid' are required parameters."}
NO_LINK = {"detail": "No EnterpriseCustomerUser matches the given query."}
NOBODY = {status: [] for status in ("in_progress", "upcoming", "completed", "saved_for_later", "unenrolled")}
DAY = timedelta(days=1)


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme", enable_audit_data_reporting=True)


@pytest.fixture
def link(customer: EnterpriseCustomer) -> EnterpriseCustomerUser:
    return LearnerFactory(enterprise_customer=customer, user=UserFactory(username="mia"))


@pytest.fixture
def ask(staff: APIClient, link: EnterpriseCustomerUser) -> Any:
    def get(**query: Any) -> Any:
        about = {"lms_user_id": link.user_id, "enterprise_uuid": link.enterprise_customer_id}
        return staff.get(PATH, {**about, **query})

    return get


def enrolled(link: EnterpriseCustomerUser, run: str, mode: str = "verified", **values: Any) -> Any:
    CourseEnrollmentFactory(user=link.user_fk, course_id=run, mode=mode, is_active=values.pop("is_active", True))
    return EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run, **values)


# --- Who, and what must be asked -----------------------------------------------------------------------------------


def test_only_staff_may_ask(client: APIClient, as_user: Any, customer: EnterpriseCustomer) -> None:
    assert client.get(PATH).status_code == 401
    for user in (UserFactory(), customer_admin(customer), operator(), UserFactory(superuser=True)):
        answer = as_user(user).get(PATH)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "You do not have permission to perform this action."}


@pytest.mark.parametrize("missing", ["lms_user_id", "enterprise_uuid"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_parameters_are_needed(staff: APIClient, link: EnterpriseCustomerUser, missing: str, slash: str) -> None:
    query = {"lms_user_id": link.user_id, "enterprise_uuid": link.enterprise_customer_id}
    assert staff.get(PATH + slash, query).status_code == 200
    for about in ({**query, missing: ""}, {name: query[name] for name in query if name != missing}):
        answer = staff.get(PATH + slash, about)
        assert (answer.status_code, answer.json()) == (400, BOTH)


@pytest.mark.parametrize(
    "query",
    [{"lms_user_id": value} for value in ("0", "99999", "x", "-1", "1.0", "²", "9" * 30)]
    + [{"enterprise_uuid": value} for value in ("x", "00000000-0000-4000-8000-000000000000")],
)
def test_who_is_not_linked_is_not_found(ask: Any, query: dict[str, str]) -> None:
    answer = ask(**query)
    assert (answer.status_code, answer.json()) == (404, NO_LINK)


def test_a_learner_who_was_unlinked_or_belongs_to_another_customer_is_not_found(
    ask: Any, link: EnterpriseCustomerUser
) -> None:
    assert ask(enterprise_uuid=EnterpriseCustomerFactory().pk).json() == NO_LINK
    link.linked = False
    link.save()
    assert ask().json() == NO_LINK


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_can_only_be_read(staff: APIClient, method: str) -> None:
    assert getattr(staff, method)(PATH).status_code == 405


# --- Rows ----------------------------------------------------------------------------------------------------------


def test_a_row_tells_everything_about_the_enrollment(ask: Any, link: EnterpriseCustomerUser) -> None:
    course = CourseFactory(key="Acme+Sail101", course_type="verified-audit")
    start, end = datetime(2020, 1, 1, tzinfo=UTC), timezone.now().replace(microsecond=0) + 30 * DAY
    run = "course-v1:Acme+Sail101+T1"
    CourseRunFactory(id=run, course=course, display_name="Sailing", org="Acme", start=start, end=end, self_paced=True)
    row = enrolled(link, run, is_active=False)
    row.created = datetime(2031, 2, 3, 4, 5, 6, 123456, tzinfo=UTC)
    row.save()
    body = ask().json()
    assert (body["count"], body["next"], body["previous"]) == (1, None, None)
    assert list(body) == ["count", "next", "previous", "results"]
    assert {status: len(rows) for status, rows in body["results"].items()} == {
        **dict.fromkeys(NOBODY, 0),
        "in_progress": 1,
    }
    (shown,) = body["results"]["in_progress"]
    assert shown == {
        "id": row.pk,
        "created": "2031-02-03T04:05:06.123456+00:00",
        "modified": wire_time(row.modified),
        "course_id": run,
        "saved_for_later": False,
        "unenrolled": None,
        "unenrolled_at": None,
        "enterprise_customer_user": link.pk,
        "source": None,
        "course_run_id": run,
        "course_run_status": "in_progress",
        "start_date": "2020-01-01T00:00:00Z",
        "end_date": wire_time(end),
        "display_name": "Sailing",
        "org_name": "Acme",
        "pacing": "self",
        "is_revoked": False,
        "is_enrollment_active": False,
        "mode": "verified",
        "course_key": "Acme+Sail101",
        "course_type": "verified-audit",
        "product_source": "edx",
        "enroll_by": None,
    }
    assert list(shown) == list(LearnersEnrollmentSerializer().fields)


def test_a_run_without_a_course_shows_no_course_and_an_unknown_one_nothing_of_itself(
    ask: Any, link: EnterpriseCustomerUser
) -> None:
    CourseRunFactory(id="course-v1:Acme+A+T1", course=None)
    enrolled(link, "course-v1:Acme+A+T1")
    enrolled(link, "course-v1:Acme+B+T1")
    alone, unknown = ask().json()["results"]["in_progress"]
    for shown in (alone, unknown):
        assert not {"course_key", "course_type", "product_source", "enroll_by"} & shown.keys()
    assert (alone["pacing"], alone["org_name"]) == ("instructor", "Acme")
    about_the_run = ("start_date", "end_date", "display_name", "org_name", "pacing")
    assert {unknown[name] for name in about_the_run} == {None}


@pytest.mark.parametrize(
    ("values", "run", "passed", "status"),
    [
        ({"unenrolled": True, "saved_for_later": True}, {}, True, "unenrolled"),
        ({"unenrolled": False, "saved_for_later": True}, {}, True, "saved_for_later"),
        ({}, {"end": -DAY}, False, "completed"),
        ({}, {}, True, "completed"),
        ({}, {"start": DAY}, True, "completed"),
        ({}, {"start": -DAY, "end": DAY}, False, "in_progress"),
        ({}, {"start": None}, False, "in_progress"),
        ({}, {"start": DAY}, False, "upcoming"),
        ({}, None, False, "in_progress"),
        ({}, None, True, "completed"),
        ({"saved_for_later": True}, None, True, "saved_for_later"),
    ],
)
def test_the_status_is_told_by_flags_then_end_or_certificate_then_start(
    ask: Any, link: EnterpriseCustomerUser, values: Any, run: dict[str, Any] | None, passed: bool, status: str
) -> None:
    key = "course-v1:Acme+Sail+T1"
    if run is not None:
        CourseRunFactory(id=key, **{name: gap and timezone.now() + gap for name, gap in run.items()})
    enrolled(link, key, **values)
    certificate = "downloadable" if passed else "notpassing"
    GeneratedCertificate.objects.create(user=link.user_fk, course_id=key, status=certificate)
    results = ask().json()["results"]
    assert [row["course_run_status"] for row in results[status]] == [status]
    assert sum(map(len, results.values())) == 1


@pytest.mark.parametrize(
    ("details", "status", "dates"),
    [
        ({}, "in_progress", (None, None)),
        ({"start_date": "2001-01-01T00:00:00Z", "end_date": "2002-01-01T00:00:00"}, "completed", None),
        ({"start_date": "2999-01-01T00:00:00Z", "registration_deadline": "2998-01-01T00:00:00Z"}, "upcoming", None),
        ({"start_date": 7, "end_date": "soon"}, "in_progress", (None, None)),
    ],
)
def test_executive_education_goes_by_the_dates_of_the_course(
    ask: Any, link: EnterpriseCustomerUser, details: dict[str, Any], status: str, dates: Any
) -> None:
    course = CourseFactory(
        key="Acme+Exec",
        course_type="executive-education-2u",
        additional_metadata={"additional_metadata": details},
    )
    past = timezone.now() - 10 * DAY
    CourseRunFactory(id="course-v1:Acme+Exec+T1", course=course, start=past, end=past + DAY)
    enrolled(link, "course-v1:Acme+Exec+T1")
    results = ask().json()["results"]
    (shown,) = results[status]
    assert shown["product_source"] == "2u"
    if dates:
        assert (shown["start_date"], shown["end_date"]) == (wire_time(past), wire_time(past + DAY))
    else:
        assert shown["start_date"] == details["start_date"]
    assert shown["enroll_by"] == details.get("registration_deadline")


def test_a_revoked_license_shows_and_revoked_credit_does_not(ask: Any, link: EnterpriseCustomerUser) -> None:
    by_license, by_credit = (enrolled(link, f"course-v1:Acme+{name}+T1") for name in "AB")
    LicenseFactory(enterprise_course_enrollment=by_license, is_revoked=True)
    LearnerCreditFactory(enterprise_course_enrollment=by_credit, is_revoked=True)
    assert [row["is_revoked"] for row in ask().json()["results"]["in_progress"]] == [True, False]


def test_rows_need_a_plain_enrollment_and_the_customers_wish_for_audit_ones(
    ask: Any, link: EnterpriseCustomerUser, customer: EnterpriseCustomer
) -> None:
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id="course-v1:Acme+None+T1")
    for name, mode in (("A", "audit"), ("B", "honor"), ("C", "verified")):
        enrolled(link, f"course-v1:Acme+{name}+T1", mode)
    assert [row["mode"] for row in ask().json()["results"]["in_progress"]] == ["audit", "honor", "verified"]
    customer.enable_audit_data_reporting = False
    customer.save()
    body = ask().json()
    assert (body["count"], [row["mode"] for row in body["results"]["in_progress"]]) == (1, ["verified"])


def test_a_customer_without_data_sharing_shows_nothing(
    ask: Any, link: EnterpriseCustomerUser, customer: EnterpriseCustomer
) -> None:
    enrolled(link, "course-v1:Acme+A+T1")
    customer.enable_data_sharing_consent = False
    customer.save()
    answer = ask()
    assert answer.status_code == 200
    assert answer.json() == {"count": 0, "next": None, "previous": None, "results": NOBODY}


def test_the_page_is_cut_first_and_grouped_then(ask: Any, link: EnterpriseCustomerUser) -> None:
    for place, flagged in enumerate([True, False, True]):
        enrolled(link, f"course-v1:Acme+C{place}+T1", saved_for_later=flagged)
    first = ask(page_size=2).json()
    assert (first["count"], first["previous"]) == (3, None)
    assert {status: len(rows) for status, rows in first["results"].items() if rows} == {
        "in_progress": 1,
        "saved_for_later": 1,
    }
    second = ask(page_size=2, page=2).json()
    assert second["next"] is None
    assert {status: len(rows) for status, rows in second["results"].items() if rows} == {"saved_for_later": 1}
    assert ask(page_size=2, page=3).json() == {"detail": "Invalid page."}
    assert set(first["results"]) == set(STATUSES)


def test_other_learners_and_other_customers_stay_out(ask: Any, link: EnterpriseCustomerUser) -> None:
    elsewhere = LearnerFactory(enterprise_customer=EnterpriseCustomerFactory(), user=link.user_fk)
    colleague = LearnerFactory(enterprise_customer=link.enterprise_customer, user=UserFactory())
    for other in (elsewhere, colleague):
        enrolled(other, "course-v1:Acme+A+T1")
    assert ask().json()["count"] == 0
    assert EnterpriseCourseEnrollment.objects.count() == 2


def test_a_page_costs_six_statements_whatever_its_rows(ask: Any, link: EnterpriseCustomerUser) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            ask(page_size=5)
        return len(captured)

    CourseRunFactory(id="course-v1:Acme+X+T1")
    enrolled(link, "course-v1:Acme+X+T1")
    assert cost() == 5  # the account, the link, the page, runs, certificates
    for place in range(12):
        enrolled(link, CourseRunFactory(id=f"course-v1:Acme+C{place}+T1").pk)
    assert cost() == 6  # and the count
