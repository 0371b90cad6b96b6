"""`GET enterprise-customer-support/{uuid}` (contract: enterprise-admins-groups-sso, Members and support users)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.db.reads import EitherEnd
from enrollments.services import retirement
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries import long_lists
from enterprise.serializers.people import SupportUserSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    LearnerFactory,
    PendingAdminFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
)

pytestmark = pytest.mark.django_db


def path_of(customer: Any) -> str:
    return f"/enterprise/api/v1/enterprise-customer-support/{getattr(customer, 'pk', customer)}"


def shown(response: Any) -> list[str]:
    """User names, and addresses of those who wait."""
    assert response.status_code == 200, response.data
    return [
        row["enterprise_customer_user"]["username"]
        if row["enterprise_customer_user"]
        else row["pending_enterprise_customer_user"]["user_email"]
        for row in response.json()["results"]
    ]


@pytest.mark.parametrize("name", CALLERS)
def test_staff_admins_and_who_provisions_read_everybody_a_customer_knows(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str
) -> None:
    account = caller(name, acme, bolt)
    response = (as_user(account) if account else client).get(path_of(acme))
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "provisioning admin", "staff", "superuser"):
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "Missing: enterprise.can_access_admin_dashboard"}


def test_a_learner_is_shown_with_account_and_roles_in_the_order_of_their_making(
    staff: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    joined = datetime(2029, 8, 18, 6, 28, 42, 888281, tzinfo=UTC)
    lou = UserFactory(username="lou", email="lou@blue.example", first_name="Lou", last_name="Fay", date_joined=joined)
    LearnerFactory(enterprise_customer=acme, user=lou)
    for role in ("enterprise_learner", "enterprise_admin"):
        RoleAssignmentFactory(user=lou, role=role, enterprise_customer=acme)
    RoleAssignmentFactory(user=lou, role="enterprise_catalog_admin", enterprise_customer=bolt)
    body = staff.get(path_of(acme)).json()
    assert {name: body[name] for name in body if name != "results"} == {
        "count": 1,
        "num_pages": 1,
        "next": None,
        "previous": None,
    }
    assert body["results"] == [
        {
            "enterprise_customer_user": {
                "id": lou.pk,
                "username": "lou",
                "first_name": "Lou",
                "last_name": "Fay",
                "email": "lou@blue.example",
                "is_staff": False,
                "is_active": True,
                "date_joined": "2029-08-18T06:28:42.888281Z",
            },
            "pending_enterprise_customer_user": None,
            "role_assignments": ["enterprise_learner", "enterprise_admin"],
            "is_admin": True,
        }
    ]
    assert body["results"][0].keys() == SupportUserSerializer().fields.keys()


def test_a_pending_learner_says_whether_an_admin_of_this_customer_is_invited(
    staff: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    PendingLearnerFactory(enterprise_customer=acme, user_email="Kai@blue.example")
    PendingAdminFactory(enterprise_customer=acme, user_email="kai@blue.example")
    PendingLearnerFactory(enterprise_customer=acme, user_email="lee@blue.example")
    PendingAdminFactory(enterprise_customer=bolt, user_email="lee@blue.example")
    first, second = staff.get(path_of(acme)).json()["results"]
    assert first == {
        "enterprise_customer_user": None,
        "pending_enterprise_customer_user": {
            "is_pending_admin": True,
            "is_pending_learner": True,
            "user_email": "Kai@blue.example",
        },
        "role_assignments": None,
        "is_admin": False,
    }
    assert second["pending_enterprise_customer_user"]["is_pending_admin"] is False


def test_unlinked_and_inactive_learners_are_shown_others_customers_are_not(
    staff: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    LearnerFactory(enterprise_customer=acme, user__username="gone", linked=False, active=False)
    LearnerFactory(enterprise_customer=acme, user__username="idle", active=False, user__is_active=False)
    LearnerFactory(enterprise_customer=bolt)
    PendingLearnerFactory(enterprise_customer=bolt)
    assert shown(staff.get(path_of(acme))) == ["gone", "idle"]
    assert staff.get(path_of(acme)).json()["results"][0]["role_assignments"] == []


@pytest.fixture
def crowd(acme: EnterpriseCustomer) -> EnterpriseCustomer:
    """Admins `b` and (invited) `c@`, learners `a` and (pending) `d@`."""
    customer_admin(acme, username="b", email="b@blue.example")
    LearnerFactory(enterprise_customer=acme, user__username="a", user__email="z@blue.example")
    PendingLearnerFactory(enterprise_customer=acme, user_email="c@blue.example")
    PendingAdminFactory(enterprise_customer=acme, user_email="c@blue.example")
    PendingLearnerFactory(enterprise_customer=acme, user_email="d@blue.example")
    return acme


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("", ["b", "c@blue.example", "a", "d@blue.example"]),
        ("nonsense", ["b", "c@blue.example", "a", "d@blue.example"]),
        ("administrator", ["d@blue.example", "a", "b", "c@blue.example"]),
        ("learner", ["d@blue.example", "a", "b", "c@blue.example"]),
        ("-administrator", ["b", "c@blue.example", "d@blue.example", "a"]),
        ("-learner", ["b", "c@blue.example", "d@blue.example", "a"]),
        ("details", ["a", "b", "c@blue.example", "d@blue.example"]),
        ("-details", ["d@blue.example", "c@blue.example", "b", "a"]),
    ],
)
def test_the_list_is_ordered_by_admins_or_details_and_then_by_address(
    staff: APIClient, crowd: EnterpriseCustomer, ordering: str, expected: list[str]
) -> None:
    assert shown(staff.get(path_of(crowd), {"ordering": ordering} if ordering else {})) == expected


def test_user_query_finds_parts_of_address_and_user_name_ignoring_case(
    staff: APIClient, crowd: EnterpriseCustomer
) -> None:
    assert shown(staff.get(path_of(crowd), {"user_query": "Z@BLUE"})) == ["a"]
    assert shown(staff.get(path_of(crowd), {"user_query": "C@"})) == ["c@blue.example"]
    assert shown(staff.get(path_of(crowd), {"user_query": "B"})) == ["b", "c@blue.example", "a", "d@blue.example"]


def test_the_count_of_a_long_list_of_pending_learners_alone_follows_them(
    staff: APIClient, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 12)
    waiting = [PendingLearnerFactory(enterprise_customer=acme) for _ in range(12)]
    count = lambda: staff.get(path_of(acme)).json()["count"]  # noqa: E731
    assert [count() for _ in range(3)] == [12, 12, 12]
    waiting[0].delete()
    assert count() == 11


def test_a_page_has_eight_rows_whatever_is_asked_for(staff: APIClient, acme: EnterpriseCustomer) -> None:
    LearnerFactory.create_batch(9, enterprise_customer=acme)
    body = staff.get(path_of(acme), {"page_size": 100}).json()
    assert (len(body["results"]), body["count"], body["num_pages"]) == (8, 9, 2)
    assert "page=2" in body["next"]
    assert staff.get(path_of(acme), {"page": 3}).status_code == 404


def test_a_text_that_is_no_uuid_is_not_found_an_unknown_customer_knows_nobody(staff: APIClient) -> None:
    response = staff.get(path_of("nonsense"))
    assert (response.status_code, response.json()) == (404, {"detail": "Could not find enterprise uuid nonsense"})
    assert staff.get(path_of(uuid.uuid4())).json()["results"] == []


def test_a_page_costs_the_same_statements_whatever_its_rows(
    staff: APIClient, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    def add() -> None:
        customer_admin(acme)
        PendingLearnerFactory(enterprise_customer=acme)

    add()
    with django_assert_num_queries(3):  # account, page, roles; a page that is not full counts itself
        assert len(shown(staff.get(path_of(acme)))) == 2
    for _ in range(7):
        add()
    with django_assert_num_queries(4):
        assert len(shown(staff.get(path_of(acme)))) == 8


@pytest.mark.parametrize("ordering", ["", "learner", "-learner", "details", "-details"])
def test_pages_of_a_long_list_follow_one_another_without_gap_or_repetition(
    staff: APIClient, acme: EnterpriseCustomer, ordering: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EitherEnd, "NEAR", 20)  # rows; the pages after them are read from the end
    for number in range(5):
        customer_admin(acme, username=f"d{number}", email=f"{number}a@blue.example")
        PendingAdminFactory(enterprise_customer=acme, user_email=f"h{number}@blue.example")
        PendingLearnerFactory(enterprise_customer=acme, user_email=f"H{number}@blue.example")
    for number in range(30):
        LearnerFactory(
            enterprise_customer=acme, user__username=f"c{number:02}", user__email=f"{90 - number}b@blue.example"
        )
    for number in range(13):
        PendingLearnerFactory(enterprise_customer=acme, user_email=f"c{number:02}x@blue.example")
    query = {"ordering": ordering} if ordering else {}
    rows = []
    for number in range(1, 8):
        page = staff.get(path_of(acme), {**query, "page": number}).json()
        rows += page["results"]
    assert (page["count"], page["num_pages"], len(rows)) == (53, 7, 53)

    def place(row: dict[str, Any]) -> tuple[bool, str, str]:
        learner, waiting = row["enterprise_customer_user"], row["pending_enterprise_customer_user"]
        if learner:
            return row["is_admin"], learner["username"], learner["email"]
        return waiting["is_pending_admin"], waiting["user_email"], waiting["user_email"]

    places = [place(row) for row in rows]
    keys: dict[str, Any] = {
        "": lambda each: (not each[0], each[1], each[2]),
        "learner": lambda each: (each[0], each[2]),
        "-learner": lambda each: (not each[0], each[2]),
    }
    expected = sorted(set(places), key=keys.get(ordering, lambda each: each[1]))
    assert places == (expected[::-1] if ordering == "-details" else expected)


@pytest.mark.parametrize("text", ["Fay", "%", "b_ue", "\\", "\n", "a\n"])
def test_user_query_finds_nobody_by_name_and_takes_every_sign_for_itself(
    staff: APIClient, acme: EnterpriseCustomer, text: str
) -> None:
    lou = LearnerFactory(enterprise_customer=acme, user__username="lou", user__email="lou@blue.example").user_fk
    lou.profile.name = "Lou Fay"
    lou.profile.save()
    assert shown(staff.get(path_of(acme), {"user_query": text})) == []


def test_a_learner_is_listed_and_found_by_the_new_address_and_user_name(
    staff: APIClient, acme: EnterpriseCustomer
) -> None:
    account = LearnerFactory(enterprise_customer=acme, user__username="z", user__email="old@blue.example").user_fk
    LearnerFactory(enterprise_customer=acme, user__username="m", user__email="m@blue.example")
    account.email, account.username = "new@blue.example", "a"
    account.save()
    assert shown(staff.get(path_of(acme))) == ["a", "m"]
    assert shown(staff.get(path_of(acme), {"user_query": "new@"})) == ["a"]
    assert shown(staff.get(path_of(acme), {"user_query": "old@"})) == []


def test_a_retired_address_is_found_nowhere(staff: APIClient, acme: EnterpriseCustomer) -> None:
    account = LearnerFactory(enterprise_customer=acme, user__username="lou", user__email="lou@blue.example").user_fk
    retirement.begin(account)
    link = EnterpriseCustomerUser.all_objects.get(user_id=account.pk)
    assert shown(staff.get(path_of(acme), {"user_query": "lou@blue"})) == []
    assert "lou@blue.example" not in (link.member_email + link.member_search).lower()
