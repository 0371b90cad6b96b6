"""`GET enterprise-customer-members/{uuid}` (contract: enterprise-admins-groups-sso, Members and support users)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from time import sleep
from typing import Any

import pytest
from django.core.cache import caches
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries import long_lists
from enterprise.serializers.people import MemberSerializer
from enterprise.services import links
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
)

pytestmark = pytest.mark.django_db

MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}


def path_of(customer: Any) -> str:
    return f"/enterprise/api/v1/enterprise-customer-members/{getattr(customer, 'pk', customer)}"


def member(customer: EnterpriseCustomer, name: str = "", **fields: Any) -> EnterpriseCustomerUser:
    """A learner who holds the role, with a name in the profile."""
    account = UserFactory(profile__name=name, **fields)
    RoleAssignmentFactory(user=account, role="enterprise_learner", enterprise_customer=customer)
    return LearnerFactory(enterprise_customer=customer, user=account)


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.data
    return [row["enterprise_customer_user"]["name"] for row in response.json()["results"]]


# --- Who ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
def test_admins_operators_and_staff_read_the_members_of_a_customer(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str
) -> None:
    account = caller(name, acme, bolt)
    response = (as_user(account) if account else client).get(path_of(acme))
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "staff", "superuser"):
        assert response.status_code == 200
    else:
        assert (response.status_code, response.json()) == (403, MISSING)


def test_the_permission_is_asked_before_the_query(as_user: Any, acme: EnterpriseCustomer) -> None:
    assert as_user(UserFactory()).get(path_of(acme), {"sort_by": "x"}).json() == MISSING


# --- What ---------------------------------------------------------------------------------------------------------


def test_a_member_is_shown_with_account_and_number_of_enrollments(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    link = member(acme, "Lou Fay", email="lou@blue.example", date_joined=datetime(2029, 8, 18, 6, 28, tzinfo=UTC))
    elsewhere = LearnerFactory(enterprise_customer=bolt, user=link.user_fk, active=False)
    for run in ("T1", "T2"):
        EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=f"course-v1:Acme+C1+{run}")
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=elsewhere)
    body = as_user(customer_admin(acme)).get(path_of(acme)).json()
    assert body == {
        "count": 1,
        "num_pages": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "enterprise_customer_user": {
                    "user_id": link.user_id,
                    "email": "lou@blue.example",
                    "joined_org": "Aug 18, 2029",
                    "name": "Lou Fay",
                },
                "enrollments": 2,
            }
        ],
    }
    assert body["results"][0].keys() == MemberSerializer().fields.keys()


def test_members_are_linked_and_active_and_hold_the_learner_role_for_this_customer(
    staff: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    member(acme, "Ann")
    for column in ("linked", "active"):
        link = member(acme, f"Not {column}")
        EnterpriseCustomerUser.all_objects.filter(pk=link.pk).update(**{column: False})
    LearnerFactory(enterprise_customer=acme)  # without any role
    other = LearnerFactory(enterprise_customer=acme)
    RoleAssignmentFactory(user=other.user_fk, role="enterprise_learner", enterprise_customer=bolt)
    RoleAssignmentFactory(user=other.user_fk, role="enterprise_admin", enterprise_customer=acme)
    member(bolt, "Ben")
    assert names(staff.get(path_of(acme))) == ["Ann"]


def test_the_name_is_that_of_the_profile_else_the_user_name(staff: APIClient, acme: EnterpriseCustomer) -> None:
    member(acme, "", username="zoe")
    member(acme, "Ann")
    bare = UserFactory(username="mia", profile=None)
    RoleAssignmentFactory(user=bare, role="enterprise_learner", enterprise_customer=acme)
    LearnerFactory(enterprise_customer=acme, user=bare)
    assert names(staff.get(path_of(acme))) == ["Ann", "mia", "zoe"]


def test_the_name_follows_the_account(staff: APIClient, acme: EnterpriseCustomer) -> None:
    account = member(acme, "Ann").user_fk
    account.profile.name = "Bea"
    account.profile.save()
    assert names(staff.get(path_of(acme))) == ["Bea"]
    account.profile.name = ""
    account.profile.save()
    account.username = "cleo"
    account.save()
    assert names(staff.get(path_of(acme))) == ["cleo"]


def test_learners_linked_in_sets_have_their_names(staff: APIClient, acme: EnterpriseCustomer) -> None:
    accounts = [UserFactory(profile__name=name) for name in ("Ann", "Ben")]
    links.link_accounts(acme, accounts)
    assert names(staff.get(path_of(acme))) == ["Ann", "Ben"]


@pytest.mark.parametrize("text", ["FAY", "lou@", "BLUE.example"])
def test_user_query_finds_parts_of_name_and_address_ignoring_case(
    staff: APIClient, acme: EnterpriseCustomer, text: str
) -> None:
    member(acme, "Lou Fay", email="lou@blue.example")
    member(acme, "Kim", email="kim@red.example")
    assert names(staff.get(path_of(acme), {"user_query": text})) == ["Lou Fay"]


def test_user_id_narrows_unless_a_user_query_is_given(staff: APIClient, acme: EnterpriseCustomer) -> None:
    ann, _ = member(acme, "Ann"), member(acme, "Ben")
    assert names(staff.get(path_of(acme), {"user_id": ann.user_id})) == ["Ann"]
    assert names(staff.get(path_of(acme), {"user_id": ann.user_id, "user_query": "Ben"})) == ["Ben"]
    assert names(staff.get(path_of(acme), {"user_id": 10**30})) == []


def test_members_are_sorted_by_name_or_by_the_date_of_the_account(staff: APIClient, acme: EnterpriseCustomer) -> None:
    for name, year in (("Ann", 2029), ("Cid", 2027), ("Ben", 2031)):
        member(acme, name, date_joined=datetime(year, 1, 1, tzinfo=UTC))
    get = lambda **query: names(staff.get(path_of(acme), query))  # noqa: E731
    assert get() == get(sort_by="name") == get(is_reversed="true") == ["Ann", "Ben", "Cid"]
    assert get(sort_by="name", is_reversed="true") == ["Cid", "Ben", "Ann"]
    assert get(sort_by="joined_org") == ["Cid", "Ann", "Ben"]
    assert get(sort_by="joined_org", is_reversed="true") == ["Ben", "Ann", "Cid"]


def test_bad_parameters_are_named(staff: APIClient, acme: EnterpriseCustomer) -> None:
    response = staff.get(path_of(acme), {"sort_by": "x", "user_id": "y", "is_reversed": "z", "user_query": "a" * 251})
    assert response.status_code == 400
    assert response.json() == {
        "sort_by": ['"x" is not a valid choice.'],
        "user_id": ["A valid integer is required."],
        "is_reversed": ["Must be a valid boolean."],
        "user_query": ["Ensure this field has no more than 250 characters."],
    }


def test_pages_are_cut_and_linked(staff: APIClient, acme: EnterpriseCustomer) -> None:
    for name in ("Ann", "Ben", "Cid"):
        member(acme, name)
    body = staff.get(path_of(acme), {"page_size": 2, "page": 2}).json()
    assert (body["count"], body["num_pages"], body["next"]) == (3, 2, None)
    assert body["previous"].endswith("?page_size=2")
    past = staff.get(path_of(acme), {"page": 2})
    assert (past.status_code, past.json()) == (404, {"detail": "Invalid page."})
    for size in (1000, 1001, 5000):
        assert len(names(staff.get(path_of(acme), {"page_size": size}))) == 3
    assert len(names(staff.get(path_of(acme), {"page_size": "x"}))) == 3


@pytest.mark.parametrize("named", [uuid.uuid4(), "nonsense"])
def test_an_unknown_customer_has_no_members(staff: APIClient, named: Any) -> None:
    empty = {"count": 0, "num_pages": 1, "next": None, "previous": None, "results": []}
    assert staff.get(path_of(named)).json() == empty
    assert staff.get(path_of(named), {"page": 2}).status_code == 404


def test_the_address_has_no_trailing_slash(staff: APIClient, acme: EnterpriseCustomer) -> None:
    assert staff.get(f"{path_of(acme)}/").status_code == 404
    assert staff.post(path_of(acme)).status_code == 405


# --- How much it costs --------------------------------------------------------------------------------------------


def test_a_page_costs_the_same_statements_whatever_its_rows(
    as_user: Any, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    boss = as_user(customer_admin(acme))
    for number in range(12):
        EnterpriseCourseEnrollmentFactory(enterprise_customer_user=member(acme, f"Member {number}"))
    for size in (1, 10, 12):
        with django_assert_num_queries(4):  # account, ids, count, rows
            assert len(boss.get(path_of(acme), {"page_size": size}).json()["results"]) == size
    with django_assert_num_queries(4):
        boss.get(path_of(acme), {"page_size": 3, "user_query": "member", "sort_by": "joined_org"})


def test_the_count_of_a_long_list_is_kept_until_something_changes(
    staff: APIClient, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 12)
    for number in range(12):
        member(acme, f"Member {number}")
    count = lambda: staff.get(path_of(acme)).json()["count"]  # noqa: E731
    assert [count() for _ in range(3)] == [12, 12, 12]
    link = member(acme, "One more")
    assert count() == 13
    User.objects.get(pk=link.user_id).enterprise_role_assignments.get().delete()
    assert count() == 12


@pytest.mark.parametrize("choose", ["select", "bulk"])
def test_who_acts_for_another_customer_from_now_on_leaves_the_kept_count(
    staff: APIClient,
    as_user: Any,
    by_session: Any,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    monkeypatch: pytest.MonkeyPatch,
    choose: str,
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 12)
    learners = [member(acme, f"Member {number}") for number in range(12)]
    account = User.objects.get(pk=learners[0].user_id)
    LearnerFactory(enterprise_customer=bolt, user=account)
    RoleAssignmentFactory(user=account, role="enterprise_learner", enterprise_customer=bolt)
    boss = as_user(customer_admin(bolt))
    count = lambda: staff.get(path_of(acme)).json()["count"]  # noqa: E731
    assert [count() for _ in range(3)] == [12, 12, 12]
    if choose == "select":
        sent = {"enterprise": str(bolt.pk)}
        assert by_session(account).post("/enterprise/select/active/", sent).status_code == 200
    else:
        row = {"email": account.email, "course_run_key": CourseRunFactory().pk, "course_mode": "audit"}
        sent = {"enrollments_info": [{**row, "license_uuid": str(uuid.uuid4())}]}
        path = f"/enterprise/api/v1/enterprise-customer/{bolt.pk}/enroll_learners_in_courses/"
        answer = boss.post(path, sent, format="json")
        assert answer.status_code in (201, 202), answer.content
    assert not EnterpriseCustomerUser.objects.get(pk=learners[0].pk).active
    assert count() == 11


def test_the_count_of_a_long_search_is_kept_until_something_changes(
    staff: APIClient, acme: EnterpriseCustomer, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 12)
    for number in range(12):
        member(acme, f"Member {number}")
    count = lambda text: staff.get(path_of(acme), {"user_query": text}).json()["count"]  # noqa: E731
    assert [count("member") for _ in range(3)] == [12, 12, 12]
    assert [count("member 11") for _ in range(3)] == [1, 1, 1]
    member(acme, "One more member")
    assert (count("member"), count("MEMBER "), count("one more")) == (13, 13, 1)
    with django_assert_num_queries(3):  # account, what is newest in the history, rows
        staff.get(path_of(acme), {"user_query": "member"})


@pytest.mark.parametrize(
    ("beginning", "asked"),
    [(100, {}), (100, {"is_reversed": True, "sort_by": "name"}), (100, {"sort_by": "joined_org"}), (5, {})],
)
def test_the_pages_of_a_long_search_are_those_of_a_short_one(
    staff: APIClient, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch, beginning: int, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(long_lists, "BEGINNING", beginning)
    for number in range(14):
        member(acme, f"Member {number:02}")

    def pages() -> list[list[str]]:
        sent = {"user_query": "member", "page_size": 4, **asked}
        return [names(staff.get(path_of(acme), {**sent, "page": page})) for page in (1, 2, 3, 4, "last")]

    short = pages()
    monkeypatch.setattr(long_lists, "LONG", 12)
    assert [pages() for _ in range(3)] == [short] * 3
    member(acme, "Member 00")
    longer = pages()
    assert longer != short
    monkeypatch.setattr(long_lists, "LONG", 100)
    caches["long_lists"].clear()
    assert longer == pages()


def test_a_new_name_has_its_place_in_a_long_search_when_the_time_is_over(
    staff: APIClient, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 12)
    monkeypatch.setattr(long_lists, "KEPT_SECONDS", 0.3)
    links = [member(acme, f"Member {number:02}") for number in range(12)]
    first = lambda: names(staff.get(path_of(acme), {"user_query": "member"}))[0]  # noqa: E731
    assert [first() for _ in range(3)] == ["Member 00"] * 3
    profile = User.objects.get(pk=links[5].user_id).profile
    profile.name = "A member"
    profile.save()
    sleep(0.3)
    assert first() == "A member"


@pytest.mark.parametrize("text", ["loulou", "%", "F_y", "\\", "Fay\nlou"])
def test_user_query_finds_nobody_by_user_name_and_takes_every_sign_for_itself(
    staff: APIClient, acme: EnterpriseCustomer, text: str
) -> None:
    member(acme, "Lou Fay", username="loulou", email="lou@blue.example")
    assert names(staff.get(path_of(acme), {"user_query": text})) == []


def test_user_query_finds_a_name_of_two_lines_by_both(staff: APIClient, acme: EnterpriseCustomer) -> None:
    member(acme, "Lou\nFay", email="x@blue.example")
    assert names(staff.get(path_of(acme), {"user_query": "lou"})) == ["Lou\nFay"]
    assert names(staff.get(path_of(acme), {"user_query": "fay"})) == ["Lou\nFay"]
    assert names(staff.get(path_of(acme), {"user_query": "u\nf"})) == ["Lou\nFay"]


def test_members_are_found_by_a_new_address(staff: APIClient, acme: EnterpriseCustomer) -> None:
    link = member(acme, "Lou Fay", email="old@blue.example")
    account = User.objects.get(pk=link.user_id)
    account.email = "new@blue.example"
    account.save()
    assert names(staff.get(path_of(acme), {"user_query": "new@"})) == ["Lou Fay"]
    assert names(staff.get(path_of(acme), {"user_query": "old@"})) == []
