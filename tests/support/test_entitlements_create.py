"""POST /api/entitlements/v1/entitlements/, and who may write (contract: support, 4.1)."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.sites.models import Site

from enrollments.models import UserOrgTag
from enterprise.models.customers import own_site_id
from support.models import CourseEntitlement, CourseEntitlementSupportDetail
from tests.factories import (
    CourseEntitlementFactory,
    EntitlementPolicyFactory,
    UserFactory,
)
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import agent
from tests.support.entitlements import COURSE, URL, one, patch
from tests.support.scenes import enrolled, run_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return run_with("audit", "verified", id="course-v1:Oak+BIO1+2024")


def post(client, **body):
    return client.post(URL, {"user": "mira", "course_uuid": COURSE, "mode": "verified", **body}, format="json")


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
def test_whoever_is_no_agent_may_not_write_not_even_their_own(as_user, fields):
    caller = UserFactory(username="mira", **fields)
    own = CourseEntitlementFactory(user=caller)
    client = as_user(caller)
    answers = [post(client), patch(client, own, mode="x"), client.put(one(own), {}), client.delete(one(own))]
    assert [answer.status_code for answer in answers] == [403] * 4
    own.refresh_from_db()
    assert (own.mode, own.expired_at, CourseEntitlement.objects.count()) == ("verified", None, 1)


def test_an_agent_without_the_right_flag_and_staff_may_write(as_user, desk, mira):
    assert post(desk).status_code == 201
    assert post(as_user(UserFactory(staff=True))).status_code == 201


def test_a_session_needs_a_csrf_token(by_session, sue, mira):
    answer = post(by_session(sue, enforce_csrf_checks=True))
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed")


def test_a_session_may_write_from_a_page_of_an_origin_that_is_let_in(by_session, sue, mira, settings):
    settings.CORS_ORIGIN_WHITELIST = ["https://tools.example.org"]
    client = by_session(sue, enforce_csrf_checks=True)
    token = client.get("/csrf/api/v1/token", secure=True).json()["csrfToken"]

    def status_from(page: str) -> int:
        body = {"user": "mira", "course_uuid": COURSE, "mode": "verified"}
        headers = {"Referer": page, "X-CSRFToken": token}
        return client.post(URL, body, format="json", secure=True, headers=headers).status_code

    assert status_from("https://elsewhere.example.org/") == 403
    assert status_from("https://tools.example.org/support") == 201


# --- POST -------------------------------------------------------------------------------------------------------------


def test_a_new_entitlement_is_answered_as_it_is_stored(desk, mira):
    answer = post(desk, order_number="OAK-1", expired_at="2031-05-06T07:08:09Z", refund_locked=True)
    assert answer.status_code == 201
    row = CourseEntitlement.objects.get()
    assert answer.json() == desk.get(one(row)).json()
    assert (row.user, str(row.course_uuid), row.mode, row.order_number) == (mira, COURSE, "verified", "OAK-1")
    assert (answer.json()["expired_at"], row.refund_locked) == ("2031-05-06T07:08:09Z", True)
    assert row.history.count() == 1


def test_form_fields_are_taken_too(desk, mira):
    answer = desk.post(URL, {"user": "mira", "course_uuid": COURSE, "mode": "verified"})
    assert (answer.status_code, answer.json()["refund_locked"]) == (201, False)


@pytest.mark.parametrize("missing", ["user", "course_uuid", "mode"])
def test_user_course_and_mode_are_required(desk, mira, missing):
    body = {"user": "mira", "course_uuid": COURSE, "mode": "verified"}
    del body[missing]
    answer = desk.post(URL, body, format="json")
    assert (answer.status_code, answer.json()) == (400, {missing: ["This field is required."]})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user", "nobody"),
        ("user", None),
        ("user", ["mira"]),
        ("user", "m" * 10_000),
        ("course_uuid", "x"),
        ("course_uuid", 5),
        ("mode", "m" * 101),
        ("mode", ""),
        ("order_number", "n" * 129),
        ("expired_at", "soon"),
        ("refund_locked", "perhaps"),
        ("support_details", "create"),
        ("support_details", {"action": "create"}),
        ("support_details", ["create"]),
        ("support_details", [{}]),
        ("support_details", [None]),
        ("support_details", [{"action": "a" * 16}]),
        ("support_details", [{"action": "create", "comments": ["x"]}]),
        ("email_opt_in", "perhaps"),
    ],
)
def test_a_bad_value_is_refused_at_its_field(desk, mira, field, value):
    answer = post(desk, **{field: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not CourseEntitlement.objects.exists()


@pytest.mark.parametrize("body", ["[]", "null", "3", '"x"', "{", '{"user": "\\u0000"}'])
def test_a_body_that_is_no_object_is_refused(desk, body):
    assert desk.post(URL, body, content_type="application/json").status_code == 400


def test_an_order_number_is_used_once_in_a_course(desk, mira):
    assert post(desk, order_number="OAK-1").status_code == 201
    again = post(desk, order_number="OAK-1")
    assert (again.status_code, list(again.json())) == (400, ["non_field_errors"])
    assert post(desk, order_number="OAK-1", course_uuid=str(uuid.uuid4())).status_code == 201
    assert CourseEntitlement.objects.count() == 2


@pytest.mark.parametrize("number", [None, ""])
def test_entitlements_without_an_order_number_may_repeat(desk, mira, number):
    answers = [post(desk, order_number=number) for _ in range(2)]
    assert [answer.json()["order_number"] for answer in answers] == [None, None]


def test_the_policy_of_site_and_mode_is_chosen(desk, mira):
    own, other = Site.objects.get(pk=own_site_id()), Site.objects.create(domain="other.example", name="other")
    chosen = {}

    def policy_of(**body):
        answer = post(desk, **body)
        return CourseEntitlement.objects.get(uuid=answer.json()["uuid"]).policy

    assert policy_of() is None
    EntitlementPolicyFactory(site=other, mode="verified")
    EntitlementPolicyFactory(mode="professional", site=other)
    assert policy_of() is None
    chosen["all"] = EntitlementPolicyFactory()
    assert policy_of() == chosen["all"]
    chosen["mode"] = EntitlementPolicyFactory(mode="verified")
    assert policy_of() == chosen["mode"]
    chosen["site"] = EntitlementPolicyFactory(site=own)
    assert policy_of() == chosen["site"]
    chosen["both"] = EntitlementPolicyFactory(site=own, mode="verified")
    assert policy_of() == chosen["both"]
    assert policy_of(mode="no-id-professional") == chosen["site"]
    professional = EntitlementPolicyFactory(site=own, mode="professional")
    assert policy_of(mode="no-id-professional") == professional
    assert policy_of(mode="professional") == professional


@pytest.mark.parametrize("wanted", [True, False])
def test_the_answer_to_mail_is_stored_for_the_organisation_of_the_course(desk, mira, run, wanted):
    post(desk, course_uuid=str(run.course.uuid), email_opt_in=wanted)
    tag = UserOrgTag.objects.get()
    assert (tag.user, tag.org, tag.key, tag.value) == (mira, "Acme", "email-optin", str(wanted))


def test_without_an_answer_to_mail_a_stored_one_stays(desk, mira, run):
    UserOrgTag.objects.create(user=mira, org="Acme", key="email-optin", value="True")
    post(desk, course_uuid=str(run.course.uuid))
    assert UserOrgTag.objects.get().value == "True"


def test_support_details_are_noted_and_nothing_else_is_done(desk, sue, mira, run):
    enrollment = enrolled(run, mira)
    details = [{"action": "create", "comments": "goodwill"}, {"action": "reissue", "unenrolled_run": run.pk}]
    shown = post(desk, course_uuid=str(run.course.uuid), support_details=details).json()
    assert [(each["support_user"], each["action"], each["comments"]) for each in shown["support_details"]] == [
        ("sue", "reissue", None),
        ("sue", "create", "goodwill"),
    ]
    assert shown["support_details"][0]["unenrolled_run"] == run.pk
    enrollment.refresh_from_db()
    assert (enrollment.mode, enrollment.is_active) == ("audit", True)
    assert "enrollment_course_run" not in shown
    assert CourseEntitlementSupportDetail.history.count() == 2


@pytest.mark.parametrize("mode", ["audit", "honor"])
def test_without_details_the_one_free_enrollment_is_upgraded_and_linked(desk, mira, run, mode):
    enrollment = enrolled(run, mira, mode=mode)
    enrolled(run)
    shown = post(desk, course_uuid=str(run.course.uuid)).json()
    assert shown["enrollment_course_run"] == run.pk
    enrollment.refresh_from_db()
    assert enrollment.mode == "verified"
    assert enrollment.history.first().mode == "verified"


@pytest.mark.parametrize(
    "fields", [{"is_active": False}, {"mode": "verified"}, {"mode": "professional"}], ids=["inactive", "paid", "other"]
)
def test_an_enrollment_that_is_inactive_or_paid_is_not_upgraded(desk, mira, run, fields):
    enrollment = enrolled(run, mira, **fields)
    assert "enrollment_course_run" not in post(desk, course_uuid=str(run.course.uuid)).json()
    enrollment.refresh_from_db()
    assert enrollment.mode == fields.get("mode", "audit")


def test_of_two_free_enrollments_none_is_upgraded(desk, mira, run):
    enrollments = [enrolled(run, mira), enrolled(run_with("audit", "verified", course=run.course), mira)]
    assert "enrollment_course_run" not in post(desk, course_uuid=str(run.course.uuid)).json()
    for enrollment in enrollments:
        enrollment.refresh_from_db()
        assert enrollment.mode == "audit"


def test_no_enrollment_is_moved_to_a_mode_that_its_run_does_not_offer(desk, mira, run):
    enrollment = enrolled(run, mira)
    post(desk, course_uuid=str(run.course.uuid), mode="professional")
    enrollment.refresh_from_db()
    assert enrollment.mode == "audit"


# --- Two at once ------------------------------------------------------------------------------------------------------


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_two_simultaneous_posts_with_one_order_number_one_is_refused(as_user):
    UserFactory(username="mira")
    client = as_user(agent())
    answers = []
    assert at_once(*[lambda: answers.append(post(client, order_number="N"))] * 2) == []
    assert sorted(answer.status_code for answer in answers) == [201, 400]
    assert CourseEntitlement.objects.count() == 1
