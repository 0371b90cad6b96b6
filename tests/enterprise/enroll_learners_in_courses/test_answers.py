"""How .../enroll_learners_in_courses/ answers, the mails it sends and what it costs (contract: enterprise-learners)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.response import Response
from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, CourseOverview, User
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser, PendingEnrollment
from tests.enterprise.enroll_learners_in_courses.calls import Enroll, path_of, row
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db


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
