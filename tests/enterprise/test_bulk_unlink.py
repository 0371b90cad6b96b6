"""Unlinking many learners as a job (contract: enterprise-customers, unlink_users; bulk engine)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollments.models import User
from enterprise.bulk import engine
from enterprise.models import (
    BulkJob,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.services import bulk_unlink
from tests import factories

pytestmark = pytest.mark.django_db
ASYNC = {"prefer": "respond-async"}


@pytest.fixture
def admin(customer):
    return factories.customer_admin(customer)


def path_of(customer):
    return f"/enterprise/api/v1/enterprise-customer/{customer.pk}/unlink_users/"


def test_callers_who_will_not_wait_get_a_job(as_user, customer, admin, django_capture_on_commit_callbacks):
    boss = as_user(admin)
    link = factories.LearnerFactory(enterprise_customer=customer)
    elsewhere = factories.LearnerFactory(user=link.user_fk, active=False)
    waiting = factories.PendingLearnerFactory(enterprise_customer=customer)
    emails = [link.user_fk.email, waiting.user_email.upper(), "stranger@learners.example", link.user_fk.email.upper()]

    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(path_of(customer), {"user_emails": emails}, format="json", headers=ASYNC)

    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["total"]) == ("unlink", 3)
    assert boss.get(answer["Location"]).json()["state"] == "finished"
    rows = boss.get(f"{answer['Location']}rows/").json()["results"]
    assert [(each["email"], each["state"], each["created"]) for each in rows] == [
        (link.user_fk.email, "succeeded", True),
        (waiting.user_email.upper(), "succeeded", True),
        ("stranger@learners.example", "succeeded", False),
    ]
    assert rows[2]["reason"]["code"] == "nobody-to-unlink"
    stored = EnterpriseCustomerUser.all_objects.get(pk=link.pk)
    assert (stored.linked, stored.active, stored.is_relinkable) == (False, False, False)
    assert stored.history.first().history_user == admin
    assert EnterpriseCustomerUser.objects.filter(pk=elsewhere.pk).exists()
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_a_job_needs_what_the_request_needs(client, as_user, customer, admin):
    body = {"user_emails": ["a@learners.example"]}
    stranger = as_user(factories.customer_admin(factories.EnterpriseCustomerFactory()))

    assert client.post(path_of(customer), body, format="json", headers=ASYNC).status_code == 401
    assert stranger.post(path_of(customer), body, format="json", headers=ASYNC).status_code == 403
    wrong = as_user(admin).post(path_of(customer), {"user_emails": ["nobody"]}, format="json", headers=ASYNC)
    assert wrong.status_code == 400
    assert not BulkJob.objects.exists()


def test_a_chunk_costs_the_same_number_of_statements_whatever_its_size(settings):
    counts = {}
    for size in (100, 500):
        settings.BULK_JOB_CHUNK_SIZE = size
        customer = factories.EnterpriseCustomerFactory()
        prefix = uuid4().hex[:8]
        people = User.objects.bulk_create(
            User(username=f"{prefix}-{n}", email=f"{prefix}-{n}@learners.example") for n in range(size // 2)
        )
        EnterpriseCustomerUser.all_objects.bulk_create(
            EnterpriseCustomerUser(enterprise_customer=customer, user_id=each.pk, user_fk=each) for each in people
        )
        factories.RoleAssignmentFactory(user=people[0], role="enterprise_learner", enterprise_customer=customer)
        waiting = PendingEnterpriseCustomerUser.objects.bulk_create(
            PendingEnterpriseCustomerUser(enterprise_customer=customer, user_email=f"w{n}-{prefix}@learners.example")
            for n in range(size // 4)
        )
        emails = [each.email for each in people] + [each.user_email for each in waiting]
        emails += [f"s{n}-{prefix}@learners.example" for n in range(size - len(emails))]
        work = engine._Engine(bulk_unlink.submit(customer, people[0], emails, True).pk)
        with CaptureQueriesContext(connection) as captured:
            assert work.next_chunk()
        counts[size] = len([each for each in captured.captured_queries if "SAVEPOINT" not in each["sql"]])
        assert BulkJob.objects.get(pk=work.job.pk).done == size
        assert not EnterpriseCustomerUser.objects.filter(enterprise_customer=customer).exists()

    assert counts[100] == counts[500] <= 25
    assert not SystemWideEnterpriseUserRoleAssignment.objects.filter(role__name="enterprise_learner").exists()
