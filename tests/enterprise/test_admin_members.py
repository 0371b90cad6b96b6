"""`GET {uuid}/admins` (contract: enterprise-admins-groups-sso, Admin members)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerAdmin, EnterpriseCustomerUser
from enterprise.serializers.people import AdminMemberSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    AdminRecordFactory,
    LearnerFactory,
    PendingAdminFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
    recorded_admin,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(as_user: Any) -> APIClient:
    return as_user(operator())


def path_of(customer: Any) -> str:
    return f"/enterprise/api/v1/{getattr(customer, 'pk', customer)}/admins"


def emails(response: Any) -> list[str]:
    assert response.status_code == 200, response.data
    return [row["email"] for row in response.json()["results"]]


@pytest.mark.parametrize("name", CALLERS)
def test_who_sees_the_dashboard_of_a_customer_reads_its_admins(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str
) -> None:
    account = caller(name, acme, bolt)
    response = (as_user(account) if account else client).get(path_of(acme))
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "superuser"):
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "Missing: enterprise.can_access_admin_dashboard"}


def test_admins_and_invited_admins_are_one_list(boss: APIClient, acme: EnterpriseCustomer) -> None:
    record = recorded_admin(acme, email="ida@blue.example", profile__name="Ida Moe")
    EnterpriseCustomerAdmin.objects.update(created=datetime(2030, 1, 15, tzinfo=UTC))
    kai = PendingAdminFactory(
        enterprise_customer=acme, user_email="kai@blue.example", created=datetime(2031, 3, 2, tzinfo=UTC)
    )
    body = boss.get(path_of(acme)).json()
    assert body == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": kai.pk,
                "name": "",
                "email": "kai@blue.example",
                "invited_date": "Mar 02, 2031",
                "joined_date": None,
                "status": "Pending",
            },
            {
                "id": record.enterprise_customer_user_id,
                "name": "Ida Moe",
                "email": "ida@blue.example",
                "invited_date": None,
                "joined_date": "Jan 15, 2030",
                "status": "Admin",
            },
        ],
    }
    assert body["results"][0].keys() == AdminMemberSerializer().fields.keys()


def test_an_admin_has_a_record_an_active_link_and_the_role_for_this_very_customer(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    recorded_admin(acme, email="ann@blue.example")
    recorded_admin(acme, email="off@blue.example", is_active=False)
    customer_admin(acme)  # no record
    idle = recorded_admin(acme).enterprise_customer_user_id
    EnterpriseCustomerUser.all_objects.filter(pk=idle).update(active=False)
    AdminRecordFactory(enterprise_customer_user__enterprise_customer=acme)  # no role
    everywhere = AdminRecordFactory(enterprise_customer_user__enterprise_customer=acme).enterprise_customer_user
    RoleAssignmentFactory(user=everywhere.user_fk, role="enterprise_admin", applies_to_all_contexts=True)
    RoleAssignmentFactory(user=everywhere.user_fk, role="enterprise_admin", enterprise_customer=bolt)
    recorded_admin(bolt)
    PendingAdminFactory(enterprise_customer=bolt)
    assert emails(boss.get(path_of(acme))) == ["ann@blue.example", "off@blue.example"]


def test_the_name_is_that_of_the_profile_else_the_first_name_else_the_user_name(
    boss: APIClient, acme: EnterpriseCustomer
) -> None:
    recorded_admin(acme, username="c", first_name="Cy", profile__name="Cyd")
    recorded_admin(acme, username="b", first_name="Bo", profile__name="")
    recorded_admin(acme, username="a", profile=None)
    UserFactory(email="Dee@blue.example", profile__name="Dee")
    PendingAdminFactory(enterprise_customer=acme, user_email="dee@blue.example")
    rows = boss.get(path_of(acme), {"ordering": "status,name"}).json()["results"]
    assert [row["name"] for row in rows] == ["Bo", "Cyd", "a", "Dee"]


def test_user_query_finds_names_of_admins_but_only_addresses_of_invited_ones(
    boss: APIClient, acme: EnterpriseCustomer
) -> None:
    recorded_admin(acme, email="ida@blue.example", profile__name="Kai Moe")
    UserFactory(email="dee@red.example", profile__name="Kai Dee")
    PendingAdminFactory(enterprise_customer=acme, user_email="dee@red.example")
    PendingAdminFactory(enterprise_customer=acme, user_email="kai@red.example")
    assert emails(boss.get(path_of(acme), {"user_query": " KAI "})) == ["kai@red.example", "ida@blue.example"]
    assert emails(boss.get(path_of(acme), {"user_query": "BLUE"})) == ["ida@blue.example"]


@pytest.fixture
def four(acme: EnterpriseCustomer) -> EnterpriseCustomer:
    """Admins ann (2030) and ben (2029), invited cid (2031) and dan (2028)."""
    for name, year in (("ann", 2030), ("ben", 2029)):
        record = recorded_admin(acme, email=f"{name}@x.example", profile__name=name.title())
        EnterpriseCustomerAdmin.objects.filter(pk=record.pk).update(created=datetime(year, 5, 1, tzinfo=UTC))
    for name, year in (("cid", 2031), ("dan", 2028)):
        PendingAdminFactory(
            enterprise_customer=acme, user_email=f"{name}@x.example", created=datetime(year, 5, 1, tzinfo=UTC)
        )
    return acme


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        (None, "cid dan ann ben"),
        ("email", "ann ben cid dan"),
        ("-email", "dan cid ben ann"),
        ("-name,email", "ben ann cid dan"),
        ("joined_date,email", "cid dan ben ann"),
        ("-joined_date,email", "ann ben cid dan"),
        ("invited_date,email", "ann ben dan cid"),
        ("-invited_date,-email", "cid dan ben ann"),
        ("status,-email", "ben ann dan cid"),
        ("nonsense,-email", "dan cid ben ann"),
        ("nonsense", "cid dan ann ben"),
    ],
)
def test_the_list_is_ordered_by_what_is_asked_for(
    boss: APIClient, four: EnterpriseCustomer, ordering: str | None, expected: str
) -> None:
    found = emails(boss.get(path_of(four), {"ordering": ordering} if ordering else {}))
    assert found == [f"{name}@x.example" for name in expected.split()]


def test_pages_are_cut_and_linked(boss: APIClient, four: EnterpriseCustomer) -> None:
    body = boss.get(path_of(four), {"page_size": 3}).json()
    assert (body["count"], len(body["results"]), body["previous"]) == (4, 3, None)
    assert "page=2" in body["next"]
    assert len(emails(boss.get(body["next"]))) == 1
    assert boss.get(path_of(four), {"page": 9}).status_code == 404


def test_an_unknown_customer_has_no_admins(boss: APIClient) -> None:
    assert boss.get(path_of(uuid.uuid4())).json() == {"count": 0, "next": None, "previous": None, "results": []}


def test_a_path_uuid_that_cannot_be_parsed_is_not_found_after_the_permission(
    as_user: Any, boss: APIClient, acme: EnterpriseCustomer
) -> None:
    response = boss.get(path_of("nonsense"))
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    assert as_user(customer_admin(acme)).get(path_of("nonsense")).status_code == 403


def test_the_address_has_no_trailing_slash(boss: APIClient, acme: EnterpriseCustomer) -> None:
    assert boss.get(f"{path_of(acme)}/").status_code == 404


def test_a_page_costs_the_same_statements_whatever_its_rows(
    boss: APIClient, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    for _ in range(6):
        recorded_admin(acme)
        PendingAdminFactory(enterprise_customer=acme)
    LearnerFactory(enterprise_customer=acme)
    for size in (1, 10):
        with django_assert_num_queries(3):  # account, page, count
            assert len(emails(boss.get(path_of(acme), {"page_size": size}))) == size
