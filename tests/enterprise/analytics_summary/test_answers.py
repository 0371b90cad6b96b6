"""`POST analytics-summary/{customer}`: who may ask, and the texts of the local summariser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import ChatGPTResponse, EnterpriseCustomer
from tests.enterprise.analytics_summary.figures import ELSEWHERE, ENGAGEMENT_FIGURES, PROGRESS_FIGURES, path_of
from tests.factories import (
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}


# --- Who may ask ----------------------------------------------------------------------------------------------------


def test_anonymous_callers_are_told_to_sign_in_before_anything_else(client: APIClient, ask: Any) -> None:
    answer = client.post(path_of("nonsense"), {})
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "Authentication credentials were not provided."},
    )


def test_others_than_the_admins_of_the_customer_are_refused(
    ask: Any, as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer
) -> None:
    learner = UserFactory()
    LearnerFactory(enterprise_customer=customer, user=learner)
    callers = [learner, customer_admin(other), UserFactory(staff=True), UserFactory()]
    for caller in callers:
        answer = ask(client=as_user(caller))
        assert (answer.status_code, answer.json()) == (403, MISSING)
    assert not ChatGPTResponse.objects.exists()


def test_admins_operators_superusers_and_holders_of_the_database_role_may(
    ask: Any, as_user: Any, by_session: Any, customer: EnterpriseCustomer
) -> None:
    in_database = UserFactory()
    LearnerFactory(enterprise_customer=customer, user=in_database)
    FeatureRoleAssignmentFactory(user=in_database, role="dashboard_admin")
    clients = [
        as_user(customer_admin(customer)),
        as_user(operator()),
        as_user(UserFactory(superuser=True)),
        by_session(in_database),
    ]
    assert [ask(client=each).status_code for each in clients] == [200, 200, 200, 200]


def test_an_unknown_customer_is_forbidden_to_its_admins_and_missing_for_operators(ask: Any, as_user: Any) -> None:
    everywhere = as_user(operator())
    for wrong, missing in ((ELSEWHERE, NO_CUSTOMER), ("nonsense", {"detail": "Not found."})):
        assert ask(of=wrong).status_code == 403
        answer = ask(of=wrong, client=everywhere)
        assert (answer.status_code, answer.json()) == (404, missing)


def test_the_customer_is_looked_up_before_the_body_is_read(as_user: Any) -> None:
    assert as_user(operator()).post(path_of(ELSEWHERE), {}).status_code == 404


def test_a_customer_that_is_not_active_is_found(ask: Any, as_user: Any) -> None:
    asleep = EnterpriseCustomerFactory(active=False)
    assert ask(of=asleep.pk, client=as_user(operator())).status_code == 200


def test_no_rate_limits_the_callers(ask: Any, settings: Any) -> None:
    settings.USER_RATE = "1/minute"
    assert [ask().status_code, ask().status_code] == [200, 200]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_post_is_served(boss: APIClient, customer: EnterpriseCustomer, method: str) -> None:
    answer = getattr(boss, method)(path_of(customer.pk))
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


def test_the_path_has_no_slash_at_its_end(boss: APIClient, customer: EnterpriseCustomer) -> None:
    assert boss.post(f"{path_of(customer.pk)}/", {}).status_code == 404


# --- The body -------------------------------------------------------------------------------------------------------


def test_both_parts_are_needed(boss: APIClient, customer: EnterpriseCustomer) -> None:
    answer = boss.post(path_of(customer.pk), {})
    needed = ["This field is required."]
    assert answer.status_code == 400
    assert answer.json() == {"errors": {"learner_progress": needed, "learner_engagement": needed}}


@pytest.mark.parametrize(
    ("part", "field"),
    [("learner_progress", field) for field in PROGRESS_FIGURES]
    + [("learner_engagement", field) for field in ENGAGEMENT_FIGURES],
)
def test_every_member_is_needed(boss: APIClient, customer: EnterpriseCustomer, part: str, field: str) -> None:
    body = {"learner_progress": dict(PROGRESS_FIGURES), "learner_engagement": dict(ENGAGEMENT_FIGURES)}
    del body[part][field]
    answer = boss.post(path_of(customer.pk), body)
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": {part: {field: ["This field is required."]}}},
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("enterprise_customer_uuid", "zz", "Must be a valid UUID."),
        ("enterprise_customer_name", "", "This field may not be blank."),
        ("enterprise_customer_name", "x" * 256, "Ensure this field has no more than 255 characters."),
        ("active_subscription_plan", "perhaps", "Must be a valid boolean."),
        ("assigned_licenses", 1.5, "A valid integer is required."),
        ("assigned_licenses", True, "A valid integer is required."),
        ("assigned_licenses", None, "This field may not be null."),
        ("assigned_licenses_percentage", "many", "A valid number is required."),
        ("assigned_licenses_percentage", "nan", "A valid number is required."),
        ("assigned_licenses_percentage", "1e999", "A valid number is required."),
        ("active_enrollments", [], "A valid integer is required."),
    ],
)
def test_a_member_of_the_wrong_kind_is_named(ask: Any, field: str, value: Any, message: str) -> None:
    answer = ask(progress={field: value})
    assert (answer.status_code, answer.json()) == (400, {"errors": {"learner_progress": {field: [message]}}})
    assert not ChatGPTResponse.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 7, None, {"learner_progress": [], "learner_engagement": "x"}])
def test_a_body_of_another_shape_is_refused_in_the_same_way(
    boss: APIClient, customer: EnterpriseCustomer, body: Any
) -> None:
    answer = boss.post(path_of(customer.pk), json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]


def test_malformed_json_is_refused(boss: APIClient, customer: EnterpriseCustomer) -> None:
    answer = boss.post(path_of(customer.pk), "{", content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error")


def test_figures_of_any_size_and_sign_get_a_text(ask: Any) -> None:
    huge = {name: 10**90 for name in PROGRESS_FIGURES if name.startswith(("assigned", "activated", "active_e", "at_"))}
    assert ask({**huge, "assigned_licenses_percentage": 1e300, "activated_licenses_percentage": -1}).status_code == 200
    negative = {name: -5 for name in ENGAGEMENT_FIGURES if name.startswith(("enrolls", "passed", "engage", "hours"))}
    assert ask(engagement=negative).status_code == 200
    assert ask(engagement={**negative, "enrolls": 10**90, "passed": -(10**90), "enrolls_prior": 1}).status_code == 200


# --- What the local texts say ---------------------------------------------------------------------------------------


def test_the_texts_say_what_the_figures_say(ask: Any) -> None:
    assert ask().json() == {
        "learner_progress": (
            "Acme has assigned 40 licenses (80%), of which 30 are activated (75%). "
            "10 licenses still wait to be activated. "
            "There are 50 active enrollments, some of them at risk: 5 with less than one hour of study (10%), "
            "10 in a course that ends soon (20%) and 1 without recent activity (2%). "
            "The group in a course that ends soon deserves attention first: a reminder of the end date helps most."
        ),
        "learner_engagement": (
            "Engagement at Acme is mixed: 2 of 4 measures grew and 1 declined. "
            "Enrollments rose by 50% from 10 to 15 (+5). "
            "Passed courses fell by 25% from 4 to 3 (-1). "
            "Active learners stayed at 8. "
            "Hours of study rose by 100% from 60 to 120 (+60). "
            "For every 100 enrollments, 20 courses were passed."
        ),
    }


@pytest.mark.parametrize(
    ("figures", "said", "unsaid"),
    [
        ({"active_subscription_plan": False}, "Acme has no active subscription plan at present.", "license"),
        ({"assigned_licenses": 0}, "Assigning licenses is the first step to take.", "activated it"),
        ({"activated_licenses": 40}, "Every learner with a license has activated it.", "wait"),
        ({"activated_licenses": 3}, "37 learners should be reminded to activate the license.", "still wait"),
        ({"activated_licenses": 39}, "1 license still waits to be activated.", "licenses still"),
        ({"active_enrollments": 0}, "No learner is enrolled in a course at the moment.", "at risk"),
        ({"at_risk_enrollment_dormant": 30}, "The group without recent activity needs attention now", "first"),
        (
            {f"at_risk_enrollment_{kind}": 0 for kind in ("less_than_one_hour", "end_date_soon", "dormant")},
            "There are 50 active enrollments, and none of them is at risk.",
            "attention",
        ),
    ],
)
def test_the_progress_text_follows_the_figures(ask: Any, figures: Any, said: str, unsaid: str) -> None:
    text = ask(progress=figures).json()["learner_progress"]
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"active_contract": False}, "Acme has no active contract at present."),
        ({"passed": 4}, "Engagement at Acme has grown against the period before."),
        ({"enrolls": 9, "hours": 10}, "Engagement at Acme has declined against the period before."),
        ({"enrolls": 10, "passed": 4, "hours": 60}, "Engagement at Acme is the same as in the period before."),
        ({"enrolls_prior": 0}, "Enrollments rose from 0 to 15 (+15)."),
        ({"enrolls": 0}, "Nobody enrolled in this period."),
        (
            dict.fromkeys([name for name in ENGAGEMENT_FIGURES if name.startswith(("enr", "pas", "eng", "hou"))], 0),
            "Nothing has happened at Acme in this period or the one before.",
        ),
    ],
)
def test_the_engagement_text_follows_the_figures(ask: Any, figures: Any, said: str) -> None:
    assert said in ask(engagement=figures).json()["learner_engagement"]
