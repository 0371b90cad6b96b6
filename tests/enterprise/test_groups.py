"""`enterprise_group` (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.api.fields import wire_time
from enterprise.models import EnterpriseCustomer, EnterpriseGroup, EnterpriseGroupMembership
from enterprise.serializers.groups import GroupSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    FeatureRoleAssignmentFactory,
    GroupFactory,
    GroupMembershipFactory,
    LearnerFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

LIST = "/enterprise/api/v1/enterprise_group/"
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NO_SUCH_GROUP = {"detail": "No EnterpriseGroup matches the given query."}
TAKEN = {
    "non_field_errors": ["A group with this name already exists. Please enter a unique name to create a new group."]
}


@pytest.fixture
def group(acme: EnterpriseCustomer) -> EnterpriseGroup:
    return GroupFactory(enterprise_customer=acme, name="Cohort A")


@pytest.fixture
def boss(as_user: Any, acme: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(acme))


def path_of(group: Any) -> str:
    return f"{LIST}{getattr(group, 'pk', group)}/"


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.data
    return [row["name"] for row in response.json()["results"]]


# --- Read ---------------------------------------------------------------------------------------------------------


def test_a_group_is_shown_with_the_number_of_its_accepted_members(boss: APIClient, group: EnterpriseGroup) -> None:
    for status in ("accepted", "accepted", "pending", "email_error"):
        link = LearnerFactory(enterprise_customer=group.enterprise_customer)
        GroupMembershipFactory(group=group, enterprise_customer_user=link, status=status)
    gone = GroupMembershipFactory(
        group=group, enterprise_customer_user=LearnerFactory(), status="accepted", is_removed=True
    )
    GroupMembershipFactory(group=GroupFactory(), enterprise_customer_user=gone.enterprise_customer_user)
    shown = {
        "enterprise_customer": str(group.enterprise_customer_id),
        "name": "Cohort A",
        "uuid": str(group.pk),
        "accepted_members_count": 2,
        "group_type": "flex",
        "created": wire_time(group.created),
    }
    body = boss.get(LIST).json()
    assert body == {
        "next": None,
        "previous": None,
        "count": 1,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": [shown],
    }
    assert boss.get(path_of(group)).json() == shown
    assert shown.keys() == GroupSerializer().fields.keys()


@pytest.mark.parametrize("name", CALLERS)
def test_staff_see_all_groups_others_those_of_the_customer_they_act_for(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    group: EnterpriseGroup,
    name: str,
) -> None:
    GroupFactory(enterprise_customer=bolt, name="Bolts")
    account = caller(name, acme, bolt)
    response = (as_user(account) if account else client).get(LIST)
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
        return
    seen = {"staff": {"Cohort A", "Bolts"}, "learner": {"Cohort A"}, "admin": {"Cohort A"}}
    seen |= {"foreign learner": {"Bolts"}, "foreign admin": {"Bolts"}}
    assert set(names(response)) == seen.get(name, set())
    detail = as_user(account).get(path_of(group))
    if "Cohort A" in seen.get(name, set()):
        assert detail.status_code == 200
    else:
        assert (detail.status_code, detail.json()) == (404, NO_SUCH_GROUP)


def test_a_link_that_is_not_active_shows_no_groups(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, group: EnterpriseGroup
) -> None:
    account = customer_admin(acme)
    LearnerFactory(enterprise_customer=bolt, user=account)
    account.enterprise_links.filter(enterprise_customer=acme).update(active=False)
    assert names(as_user(account).get(LIST)) == []


def test_groups_are_narrowed_by_learner_and_customer(
    staff: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    link, waiting = LearnerFactory(enterprise_customer=acme), PendingLearnerFactory(enterprise_customer=bolt, id=99_999)
    for name, customer, member in (
        ("a", acme, {"enterprise_customer_user": link}),
        ("b", bolt, {"pending_enterprise_customer_user": waiting}),
        ("c", bolt, {}),
    ):
        made = GroupFactory(enterprise_customer=customer, name=name)
        if member:
            GroupMembershipFactory(group=made, **member)
    removed = GroupFactory(enterprise_customer=bolt, name="d")
    GroupMembershipFactory(group=removed, enterprise_customer_user=link, is_removed=True)
    get = lambda **query: set(names(staff.get(LIST, query)))  # noqa: E731
    assert get(learner_ids=link.pk) == {"a"}
    assert get(learner_ids=[link.pk, waiting.pk]) == {"a", "b"}
    assert get(enterprise_uuids=bolt.pk) == {"b", "c", "d"}
    assert get(enterprise_uuids=[acme.pk, bolt.pk], learner_ids=link.pk) == {"a"}
    assert get(learner_ids=10**30) == set()
    detail = staff.get(path_of(removed), {"learner_ids": link.pk})
    assert (detail.status_code, detail.json()) == (404, NO_SUCH_GROUP)


def test_a_group_with_several_matching_members_is_shown_once(staff: APIClient, group: EnterpriseGroup) -> None:
    links = LearnerFactory.create_batch(3, enterprise_customer=group.enterprise_customer)
    for link in links:
        GroupMembershipFactory(group=group, enterprise_customer_user=link)
    assert names(staff.get(LIST, {"learner_ids": [link.pk for link in links]})) == ["Cohort A"]


@pytest.mark.parametrize(("word", "shown"), [("", False), ("false", False), ("0", False), ("true", True), ("1", True)])
def test_include_deleted_is_a_boolean(staff: APIClient, acme: EnterpriseCustomer, word: str, shown: bool) -> None:
    old = GroupFactory(enterprise_customer=acme, name="Old", is_removed=True)
    query = {"include_deleted": word} if word else {}
    assert names(staff.get(LIST, query)) == (["Old"] if shown else [])
    assert staff.get(path_of(old), query).status_code == (200 if shown else 404)


def test_groups_are_ordered_by_their_change_or_as_asked(staff: APIClient, acme: EnterpriseCustomer) -> None:
    for name in "bca":
        GroupFactory(enterprise_customer=acme, name=name)
    EnterpriseGroup.objects.get(name="b").save()
    assert names(staff.get(LIST)) == ["b", "a", "c"]
    assert names(staff.get(LIST, {"ordering": "name"})) == ["a", "b", "c"]
    assert names(staff.get(LIST, {"ordering": "-name"})) == ["c", "b", "a"]
    assert names(staff.get(LIST, {"ordering": "created"})) == ["b", "c", "a"]
    assert names(staff.get(LIST, {"ordering": "nonsense"})) == ["b", "a", "c"]


@pytest.mark.parametrize("query", [{"learner_ids": "x"}, {"enterprise_uuids": "x"}, {"include_deleted": "x"}])
def test_bad_parameters_are_named(staff: APIClient, query: dict[str, str]) -> None:
    response = staff.get(LIST, query)
    assert (response.status_code, list(response.json())) == (400, list(query))


def test_both_spellings_reach_the_same_groups(boss: APIClient, group: EnterpriseGroup) -> None:
    for address in (LIST, path_of(group)):
        assert boss.get(address.replace("_group", "-group")).json() == boss.get(address).json()
    other = boss.post(
        LIST.replace("_", "-"), {"enterprise_customer": str(group.enterprise_customer_id), "name": "B"}
    ).json()
    assert boss.patch(path_of(other["uuid"]).replace("_", "-"), {"name": "C"}).json()["name"] == "C"
    assert boss.delete(path_of(other["uuid"]).replace("_", "-")).status_code == 204


def test_a_list_costs_the_same_statements_whatever_its_rows(
    boss: APIClient, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    for number in range(11):
        made = GroupFactory(enterprise_customer=acme, name=f"Group {number}")
        link = LearnerFactory(enterprise_customer=acme)
        GroupMembershipFactory(group=made, enterprise_customer_user=link, status="accepted")
    for size in (1, 10):
        with django_assert_num_queries(3):  # account, page, count
            assert len(names(boss.get(LIST, {"page_size": size}))) == size


# --- Create -------------------------------------------------------------------------------------------------------


def body_of(customer: Any, name: str = "New", **fields: Any) -> dict[str, Any]:
    return {"enterprise_customer": str(getattr(customer, "pk", customer)), "name": name, **fields}


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("form", ["json", "multipart"])
def test_who_sees_the_dashboard_of_a_customer_makes_its_groups_in_either_encoding(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str, form: str
) -> None:
    account = caller(name, acme, bolt)
    response = (as_user(account) if account else client).post(LIST, body_of(acme), format=form)
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "superuser"):
        assert response.status_code == 201
    else:
        assert (response.status_code, response.json()) == (403, MISSING)
        assert not EnterpriseGroup.objects.exists()


def test_a_group_is_made(boss: APIClient, acme: EnterpriseCustomer) -> None:
    response = boss.post(LIST, body_of(acme, members=[], group_type="budget"))
    made = EnterpriseGroup.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "enterprise_customer": str(acme.pk),
        "name": "New",
        "uuid": str(made.pk),
        "accepted_members_count": 0,
        "group_type": "budget",
        "created": wire_time(made.created),
    }
    assert boss.post(LIST, body_of(acme, "Flexible")).json()["group_type"] == "flex"
    assert EnterpriseGroup.history.count() == 2


def test_bad_bodies_are_refused_by_field(boss: APIClient, acme: EnterpriseCustomer) -> None:
    for body, errors in (
        ({}, {"enterprise_customer": ["This field is required."], "name": ["This field is required."]}),
        (body_of(acme, "n" * 256), {"name": ["Ensure this field has no more than 255 characters."]}),
        (body_of(acme, group_type="zz"), {"group_type": ['"zz" is not a valid choice.']}),
    ):
        response = boss.post(LIST, body)
        assert (response.status_code, response.json()) == (400, errors)
    assert boss.post(LIST, [1]).status_code == 400


def test_a_malformed_or_unknown_customer_is_named(as_user: Any) -> None:
    everywhere = as_user(operator())
    for named in ("zz", uuid.uuid4()):
        response = everywhere.post(LIST, body_of(named))
        assert (response.status_code, list(response.json())) == (400, ["enterprise_customer"])


def test_a_name_is_unique_within_a_customer(
    as_user: Any, boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    assert boss.post(LIST, body_of(acme)).status_code == 201
    response = boss.post(LIST, body_of(acme))
    assert (response.status_code, response.json()) == (400, TAKEN)
    assert as_user(customer_admin(bolt)).post(LIST, body_of(bolt)).status_code == 201
    assert boss.delete(path_of(EnterpriseGroup.objects.get(enterprise_customer=acme))).status_code == 204
    assert boss.post(LIST, body_of(acme)).status_code == 201


def test_a_removed_group_gives_its_name_back_even_if_the_body_then_fails(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    old = GroupFactory(enterprise_customer=acme, name="New", is_removed=True)
    GroupMembershipFactory(group=old, enterprise_customer_user=LearnerFactory(enterprise_customer=acme))
    theirs = GroupFactory(enterprise_customer=bolt, name="New", is_removed=True)
    assert boss.post(LIST, body_of(acme, group_type="zz")).status_code == 400
    assert list(EnterpriseGroup.all_objects.all()) == [theirs]
    assert EnterpriseGroup.history.filter(history_type="-", uuid=old.pk).exists()
    assert boss.post(LIST, body_of(acme)).status_code == 201


# --- Update -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_admins_of_the_customer_who_act_for_it_change_and_delete_its_groups(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    group: EnterpriseGroup,
    name: str,
    method: str,
) -> None:
    account = caller(name, acme, bolt)
    asker = as_user(account) if account else client
    body = body_of(acme) if method == "put" else {"name": "New"}
    response = getattr(asker, method)(path_of(group), body)
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name == "admin":
        assert response.status_code == (204 if method == "delete" else 200)
    elif name in ("operator", "superuser"):  # linked nowhere
        if name == "superuser" and method == "put":  # the roles that the body's customer asks for have no exemption
            assert (response.status_code, response.json()) == (401, "Unauthorized")
        else:
            assert (response.status_code, response.json()) == (404, NO_SUCH_GROUP)
    else:
        assert (response.status_code, response.json()) == (403, MISSING)
    assert EnterpriseGroup.objects.filter(name="Cohort A").exists() is (name != "admin")


def test_an_unknown_group_is_not_found_for_who_holds_the_role_somewhere(as_user: Any, boss: APIClient) -> None:
    for named, body in ((uuid.uuid4(), NO_SUCH_GROUP), ("nonsense", {"detail": "Not found."})):
        for method in ("patch", "delete"):
            response = getattr(boss, method)(path_of(named), {"name": "x"})
            assert (response.status_code, response.json()) == (404, body)
            assert getattr(as_user(UserFactory()), method)(path_of(named)).json() == MISSING


def test_a_group_is_changed(boss: APIClient, acme: EnterpriseCustomer, group: EnterpriseGroup) -> None:
    assert boss.patch(path_of(group), {"name": "Cohort B"}).json()["name"] == "Cohort B"
    answer = boss.put(path_of(group), body_of(acme, "Cohort C", group_type="budget")).json()
    assert (answer["name"], answer["group_type"]) == ("Cohort C", "budget")
    assert boss.put(path_of(group), {"name": "x"}).json() == {"enterprise_customer": ["This field is required."]}
    assert group.history.filter(history_type="~").count() == 2


def test_a_group_moves_only_to_a_customer_whose_dashboard_the_caller_sees(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, group: EnterpriseGroup
) -> None:
    account = customer_admin(acme)
    for named in (bolt.pk, "nonsense"):
        response = as_user(account).patch(path_of(group), {"enterprise_customer": str(named)})
        assert (response.status_code, response.json()) == (401, "Unauthorized")
    RoleAssignmentFactory(user=account, role="enterprise_admin", enterprise_customer=bolt)
    assert as_user(account).patch(path_of(group), {"enterprise_customer": str(bolt.pk)}).status_code == 200
    group.refresh_from_db()
    assert group.enterprise_customer == bolt


def test_a_dashboard_role_in_the_database_counts_for_the_own_customer(
    as_user: Any, acme: EnterpriseCustomer, group: EnterpriseGroup
) -> None:
    account = LearnerFactory(enterprise_customer=acme).user_fk
    FeatureRoleAssignmentFactory(user=account, role="dashboard_admin")
    response = as_user(account).patch(path_of(group), {"enterprise_customer": str(acme.pk), "name": "B"})
    assert response.status_code == 200


def test_a_new_name_must_be_free_removed_groups_do_not_count(
    boss: APIClient, acme: EnterpriseCustomer, group: EnterpriseGroup
) -> None:
    GroupFactory(enterprise_customer=acme, name="Taken")
    GroupFactory(enterprise_customer=acme, name="Old", is_removed=True)
    response = boss.patch(path_of(group), {"name": "Taken"})
    assert (response.status_code, response.json()) == (400, TAKEN)
    assert boss.patch(path_of(group), {"name": "Old"}).status_code == 200
    assert boss.patch(path_of(group), {"group_type": "zz"}).status_code == 400


def test_a_deleted_group_is_gone_with_its_memberships(
    boss: APIClient, acme: EnterpriseCustomer, group: EnterpriseGroup, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        link = LearnerFactory(enterprise_customer=acme)
        GroupMembershipFactory(group=group, enterprise_customer_user=link, is_removed=bool(number % 2))
    with django_assert_max_num_queries(12):
        response = boss.delete(path_of(group))
    assert (response.status_code, response.content) == (204, b"")
    assert not EnterpriseGroup.all_objects.exists()
    assert not EnterpriseGroupMembership.all_objects.exists()
    assert EnterpriseGroup.history.filter(history_type="-").count() == 1
    assert EnterpriseGroupMembership.history.filter(history_type="-").count() == 12
    assert boss.delete(path_of(group)).status_code == 404
