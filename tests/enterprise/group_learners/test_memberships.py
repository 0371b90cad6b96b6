"""GET enterprise-group-membership/: the groups of one learner (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseGroup
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.enterprise.group_learners.calls import API, MISSING, MOMENT, member
from tests.factories import GroupFactory, GroupMembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def memberships_of(client: APIClient, user_id: Any, customer: Any) -> Any:
    query = {"lms_user_id": user_id, "enterprise_uuid": str(getattr(customer, "pk", customer))}
    return client.get(f"{API}/enterprise-group-membership", query)


def test_a_learner_reads_the_own_flex_memberships_removed_ones_too(
    as_user: Any, acme: EnterpriseCustomer, flex: EnterpriseGroup, budget: EnterpriseGroup
) -> None:
    row = member(flex, "lou@x.io", "Lou")
    link = row.enterprise_customer_user
    GroupMembershipFactory(group=budget, enterprise_customer_user=link, status="accepted")
    left = GroupMembershipFactory(
        group=GroupFactory(enterprise_customer=acme), enterprise_customer_user=link, is_removed=True, removed_at=MOMENT
    )
    member(flex, "kim@x.io")
    body = memberships_of(as_user(link.user_fk), link.user_id, acme).json()
    assert [each["enterprise_group_membership_uuid"] for each in body["results"]] == [str(left.pk), str(row.pk)]
    assert body["results"][1]["group_name"] == "Cohort A"
    assert body["results"][0]["recent_action"] == "Removed: February 03, 2031"
    assert (body["count"], body["start"]) == (2, 0)
    slashed = as_user(link.user_fk).get(
        f"{API}/enterprise-group-membership/", {"lms_user_id": link.user_id, "enterprise_uuid": str(acme.pk)}
    )
    assert slashed.json()["count"] == 2


@pytest.mark.parametrize("name", CALLERS)
def test_others_memberships_are_for_staff_and_who_sees_the_dashboard(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    flex: EnterpriseGroup,
    name: str,
) -> None:
    user_id = member(flex, "lou@x.io").enterprise_customer_user.user_id
    account = caller(name, acme, bolt)
    response = memberships_of(as_user(account) if account else client, user_id, acme)
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "staff", "superuser"):
        assert (response.status_code, response.json()["count"]) == (200, 1)
    else:
        assert (response.status_code, response.json()) == (403, MISSING)


def test_both_parameters_are_asked_for_first(as_user: Any, acme: EnterpriseCustomer) -> None:
    stranger = as_user(UserFactory())
    for query in ({}, {"lms_user_id": 1}, {"enterprise_uuid": str(acme.pk)}):
        response = stranger.get(f"{API}/enterprise-group-membership", query)
        assert response.status_code == 400
        assert response.json() == {"error": "Both 'lms_user_id' and 'enterprise_uuid' are required parameters."}
    assert list(memberships_of(stranger, "x", acme).json()) == ["lms_user_id"]
    assert list(memberships_of(stranger, 1, "x").json()) == ["enterprise_uuid"]


def test_nobodys_memberships_are_an_empty_page(as_user: Any, acme: EnterpriseCustomer) -> None:
    staff = as_user(UserFactory(staff=True))
    for user_id in (0, 10**30):
        assert memberships_of(staff, user_id, acme).json()["results"] == []


def test_what_no_client_uses_does_not_exist(as_user: Any, flex: EnterpriseGroup) -> None:
    root = as_user(UserFactory(superuser=True))
    row = member(flex, "lou@x.io")
    assert root.post(f"{API}/enterprise-group-membership").status_code == 405
    assert root.get(f"{API}/enterprise-group-membership/{row.pk}/").status_code == 404
    assert root.get(f"{API}/enterprise_group/{flex.pk}/get_learners/").status_code == 404
