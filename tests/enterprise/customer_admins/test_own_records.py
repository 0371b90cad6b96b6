"""`enterprise-customer-admin`: a caller's own records, and new admins (contract: enterprise-admins-groups-sso)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from enterprise.serializers.customer_admins import CustomerAdminSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.enterprise.customer_admins.calls import OWN, create, roles_of
from tests.factories import (
    AdminRecordFactory,
    LearnerFactory,
    PendingAdminFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    TourFlowFactory,
    UserFactory,
    customer_admin,
    operator,
    provisioning_admin,
    recorded_admin,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
NO_SUCH_ADMIN = {"detail": "No EnterpriseCustomerAdmin matches the given query."}


# --- A caller's own records ---------------------------------------------------------------------------------------


def test_an_admin_reads_the_own_record(
    ida: APIClient, record: EnterpriseCustomerAdmin, bolt: EnterpriseCustomer
) -> None:
    recorded_admin(bolt)
    flow = TourFlowFactory()
    record.completed_tour_flows.add(flow)
    shown = {
        "uuid": str(record.pk),
        "enterprise_customer_user": record.enterprise_customer_user_id,
        "last_login": None,
        "completed_tour_flows": [str(flow.pk)],
        "onboarding_tour_dismissed": False,
        "onboarding_tour_completed": False,
    }
    assert ida.get(OWN).json() == {"count": 1, "next": None, "previous": None, "results": [shown]}
    assert ida.get(f"{OWN}{record.pk}/").json() == shown
    assert shown.keys() == CustomerAdminSerializer().fields.keys()


def test_others_records_and_those_of_inactive_links_do_not_exist(
    as_user: Any, client: APIClient, ida: APIClient, record: EnterpriseCustomerAdmin, bolt: EnterpriseCustomer
) -> None:
    theirs = recorded_admin(bolt)
    for response in (ida.get(f"{OWN}{theirs.pk}/"), as_user(operator()).get(f"{OWN}{record.pk}/")):
        assert (response.status_code, response.json()) == (404, NO_SUCH_ADMIN)
    assert as_user(UserFactory(superuser=True)).get(OWN).json()["results"] == []
    EnterpriseCustomerUser.objects.filter(pk=record.enterprise_customer_user_id).update(active=False)
    assert ida.get(OWN).json()["count"] == 0
    assert ida.patch(f"{OWN}{record.pk}/", {"onboarding_tour_completed": True}).json() == NO_SUCH_ADMIN
    response = ida.get(f"{OWN}nonsense/")
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    assert (client.get(OWN).status_code, client.get(OWN).json()) == (401, ANONYMOUS)


def test_records_are_neither_made_nor_deleted_here(ida: APIClient, record: EnterpriseCustomerAdmin) -> None:
    response = ida.post(OWN, {"enterprise_customer_user": 1})
    assert (response.status_code, response.json()) == (405, {"detail": 'Method "POST" not allowed.'})
    assert ida.delete(OWN).status_code == ida.delete(f"{OWN}{record.pk}/").status_code == 405


def test_a_list_costs_the_same_statements_whatever_its_rows(
    as_user: Any, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    account = customer_admin(acme)
    AdminRecordFactory(enterprise_customer_user=account.enterprise_links.get())
    client = as_user(account)
    with django_assert_num_queries(3):  # account, records, their tours
        client.get(OWN)
    for _ in range(3):
        AdminRecordFactory(enterprise_customer_user=LearnerFactory(user=account)).completed_tour_flows.add(
            TourFlowFactory()
        )
    with django_assert_num_queries(3):
        assert client.get(OWN).json()["count"] == 4


def test_an_admin_notes_tours_and_the_last_sign_in(ida: APIClient, record: EnterpriseCustomerAdmin) -> None:
    first, second = TourFlowFactory(), TourFlowFactory()
    record.completed_tour_flows.add(first)
    sent = {
        "last_login": "2031-02-03T04:05:06Z",
        "completed_tour_flows": [str(second.pk)],
        "onboarding_tour_dismissed": True,
        "onboarding_tour_completed": True,
        "uuid": str(uuid.uuid4()),
    }
    response = ida.patch(f"{OWN}{record.pk}/", sent)
    expected = {
        **sent,
        "uuid": str(record.pk),
        "enterprise_customer_user": record.enterprise_customer_user_id,
    }
    assert (response.status_code, response.json()) == (200, expected)
    assert ida.get(f"{OWN}{record.pk}/").json() == expected
    assert ida.patch(f"{OWN}{record.pk}/", {"onboarding_tour_dismissed": False}).json() == {
        **expected,
        "onboarding_tour_dismissed": False,
    }
    form = ida.patch(f"{OWN}{record.pk}/", {"completed_tour_flows": [str(first.pk)]}, format="multipart")
    assert form.json()["completed_tour_flows"] == [str(first.pk)]


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({"completed_tour_flows": ["x"]}, {"completed_tour_flows": ["“x” is not a valid UUID."]}),
        (
            {"completed_tour_flows": "x"},
            {"completed_tour_flows": ['Expected a list of items but got type "str".']},
        ),
        (
            {"completed_tour_flows": ["99999999-0000-4000-8000-000000000009"]},
            {"completed_tour_flows": ['Invalid pk "99999999-0000-4000-8000-000000000009" - object does not exist.']},
        ),
        ({"onboarding_tour_completed": "x"}, {"onboarding_tour_completed": ["Must be a valid boolean."]}),
        ({"enterprise_customer_user": 0}, {"enterprise_customer_user": ["This field may not be changed."]}),
        ({"enterprise_customer_user": 10**30}, {"enterprise_customer_user": ["This field may not be changed."]}),
        ({"enterprise_customer_user": "x"}, {"enterprise_customer_user": ["A valid integer is required."]}),
    ],
)
def test_bad_values_change_nothing(
    ida: APIClient, record: EnterpriseCustomerAdmin, sent: dict[str, Any], errors: dict[str, Any]
) -> None:
    response = ida.patch(f"{OWN}{record.pk}/", {"onboarding_tour_dismissed": True, **sent})
    assert (response.status_code, response.json()) == (400, errors)
    record.refresh_from_db()
    assert record.onboarding_tour_dismissed is False


def test_a_put_names_the_learner_link(ida: APIClient, record: EnterpriseCustomerAdmin) -> None:
    response = ida.put(f"{OWN}{record.pk}/", {"onboarding_tour_dismissed": True})
    assert response.json() == {"enterprise_customer_user": ["This field is required."]}
    sent = {"enterprise_customer_user": record.enterprise_customer_user_id, "onboarding_tour_dismissed": True}
    assert ida.put(f"{OWN}{record.pk}/", sent).json()["onboarding_tour_dismissed"] is True
    assert ida.put(f"{OWN}{record.pk}/", [1]).status_code == 400


def test_a_completed_tour_is_noted_once(ida: APIClient, record: EnterpriseCustomerAdmin) -> None:
    flow = TourFlowFactory(title="First steps", active=False)
    for _ in range(2):
        response = ida.post(f"{OWN}{record.pk}/complete_tour_flow/", {"flow_uuid": str(flow.pk)})
        assert (response.status_code, response.json()) == (
            200,
            {"status": "success", "message": "Successfully added tour flow First steps to completed flows"},
        )
    assert list(record.completed_tour_flows.all()) == [flow]


def test_a_tour_that_is_missing_or_unknown_is_refused_after_the_record(
    ida: APIClient, record: EnterpriseCustomerAdmin, bolt: EnterpriseCustomer
) -> None:
    post = lambda body, pk=record.pk: ida.post(f"{OWN}{pk}/complete_tour_flow/", body)  # noqa: E731
    assert post({}, recorded_admin(bolt).pk).json() == NO_SUCH_ADMIN
    for body in ({}, {"flow_uuid": ""}, {"flow_uuid": None}, [1]):
        assert (post(body).status_code, post(body).json()) == (400, {"error": "flow_uuid is required"})
    for named in (str(uuid.uuid4()), "nonsense", 5):
        response = post({"flow_uuid": named})
        assert response.status_code == 404
        assert response.json() == {"detail": "No OnboardingFlow matches the given query."}


# --- create_admin_by_email ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
def test_only_who_provisions_customers_makes_admins(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str
) -> None:
    UserFactory(email="lou@blue.example")
    account = caller(name, acme, bolt)
    response = create(as_user(account) if account else client, acme)
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("provisioning admin", "superuser"):
        assert response.status_code == 201
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "Missing: provisioning.has_enterprise_customer_admin_access"}


def test_an_account_becomes_an_admin_with_link_record_and_role(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    lou = UserFactory(email="lou@blue.example")
    elsewhere = LearnerFactory(enterprise_customer=bolt, user=lou)
    boss = as_user(provisioning_admin())
    response = create(boss, acme)
    record = EnterpriseCustomerAdmin.objects.get()
    link = EnterpriseCustomerUser.objects.get(enterprise_customer=acme)
    assert response.status_code == 201
    assert response.json() == {
        "uuid": str(record.pk),
        "enterprise_customer_user": link.pk,
        "last_login": None,
        "completed_tour_flows": [],
        "onboarding_tour_dismissed": False,
        "onboarding_tour_completed": False,
    }
    assert (link.user_id, link.active, link.linked) == (lou.pk, True, True)
    elsewhere.refresh_from_db()
    assert elsewhere.active is False
    assert roles_of(lou, acme) == {"enterprise_learner", "enterprise_admin"}
    again = create(boss, acme)
    assert (again.status_code, again.json()) == (200, response.json())


def test_a_missing_role_comes_back_and_an_inactive_link_stays_inactive(as_user: Any, acme: EnterpriseCustomer) -> None:
    lou = UserFactory(email="lou@blue.example")
    link = LearnerFactory(enterprise_customer=acme, user=lou, active=False)
    AdminRecordFactory(enterprise_customer_user=link)
    assert create(as_user(provisioning_admin()), acme).status_code == 200
    assert "enterprise_admin" in roles_of(lou, acme)
    link.refresh_from_db()
    assert link.active is False


def test_the_invitation_goes_and_the_pending_learner_stays(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    UserFactory(email="lou@blue.example")
    PendingAdminFactory(enterprise_customer=acme, user_email="Lou@blue.example")
    PendingLearnerFactory(enterprise_customer=acme, user_email="lou@blue.example")
    PendingAdminFactory(enterprise_customer=bolt, user_email="lou@blue.example")
    assert create(as_user(provisioning_admin()), acme).status_code == 201
    assert [row.enterprise_customer for row in PendingEnterpriseCustomerAdminUser.objects.all()] == [bolt]
    assert PendingEnterpriseCustomerAdminUser.history.filter(history_type="-").count() == 1
    assert PendingEnterpriseCustomerUser.objects.count() == 1


def test_what_is_missing_or_unknown_is_refused_in_order(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    UserFactory(email="lou@blue.example")
    boss = as_user(provisioning_admin())
    post = lambda body: boss.post(f"{OWN}create_admin_by_email/", body)  # noqa: E731
    for body in ({}, [1], {"enterprise_customer_uuid": str(acme.pk)}):
        assert (post(body).status_code, post(body).json()) == (400, {"error": "email is required"})
    response = post({"email": "lou@blue.example"})
    assert (response.status_code, response.json()) == (400, {"error": "enterprise_customer_uuid is required"})
    for email in ("nobody@blue.example", "LOU@blue.example"):  # exactly that address
        response = create(boss, uuid.uuid4(), email)
        assert response.status_code == 404
        assert response.json() == {"error": f"User with email {email} does not exist"}
    for named in (uuid.uuid4(), "nonsense"):
        response = create(boss, named)
        assert response.status_code == 404
        assert response.json() == {"error": f"EnterpriseCustomer with uuid {named} does not exist"}
    scoped = UserFactory()
    RoleAssignmentFactory(user=scoped, role="enterprise_provisioning_admin", enterprise_customer=bolt)
    assert create(as_user(scoped), acme).status_code == 403
    assert as_user(scoped).post(f"{OWN}create_admin_by_email/", {"email": "x"}).status_code == 400


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_two_calls_at_once_make_one_admin(as_user: Any, acme: EnterpriseCustomer) -> None:
    UserFactory(email="lou@blue.example")
    boss, statuses = provisioning_admin(), []
    clients = [as_user(boss) for _ in range(4)]
    assert at_once(*[lambda each=each: statuses.append(create(each, acme).status_code) for each in clients]) == []
    assert sorted(statuses) == [200, 200, 200, 201]
