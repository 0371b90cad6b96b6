"""GET enterprise-group/{uuid}/learners/, and what a member is (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser, EnterpriseGroup, EnterpriseGroupMembership
from enterprise.queries import long_lists
from enterprise.serializers.groups import MembershipSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.enterprise.group_learners.calls import API, MISSING, MOMENT, assign_to, member, remove_from, waiting
from tests.factories import EnterpriseCourseEnrollmentFactory, EnterpriseCustomerFactory, GroupFactory, UserFactory

pytestmark = pytest.mark.django_db
NOT_FOUND = {"detail": "Not found."}


def learners_of(group: Any) -> str:
    return f"{API}/enterprise-group/{getattr(group, 'pk', group)}/learners"


def emails(response: Any) -> list[str]:
    assert response.status_code == 200, response.data
    return [row["member_details"]["user_email"] for row in response.json()["results"]]


# --- The list -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("call", ["read", "status", "assign", "remove"])
def test_who_sees_the_dashboard_and_acts_for_the_customer_works_on_members(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    flex: EnterpriseGroup,
    name: str,
    call: str,
) -> None:
    account = caller(name, acme, bolt)
    asker = as_user(account) if account else client
    response = {
        "read": lambda: asker.get(learners_of(flex)),
        "status": lambda: asker.patch(learners_of(flex), {"learner": "a@x.io", "status": "pending"}),
        "assign": lambda: asker.post(assign_to(flex), {"learner_emails": ["a@x.io"]}),
        "remove": lambda: asker.post(remove_from(flex), {"learner_emails": ["a@x.io"]}),
    }[call]()
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name == "admin" or (name == "staff" and call == "read"):
        assert response.status_code in (200, 201)
    elif name in ("operator", "superuser"):  # not linked: the group is invisible
        assert (response.status_code, response.json()) == (404, NOT_FOUND)
    else:
        assert (response.status_code, response.json()) == (403, MISSING)


def test_an_unknown_group_is_not_found_for_who_holds_the_role_somewhere(as_user: Any, boss: APIClient) -> None:
    for named in (uuid.uuid4(), "nonsense"):
        for asker, status in ((boss, 404), (as_user(UserFactory()), 403)):
            for response in (
                asker.get(learners_of(named)),
                asker.patch(learners_of(named), {}),
                asker.post(assign_to(named), {}),
                asker.post(remove_from(named), {}),
            ):
                assert response.status_code == status
                assert response.json() == (NOT_FOUND if status == 404 else MISSING)


def test_a_member_with_an_account_is_shown(boss: APIClient, flex: EnterpriseGroup) -> None:
    row = member(flex, "lou@blue.example", "Lou Fay")
    for run in ("T1", "T2"):
        EnterpriseCourseEnrollmentFactory(
            enterprise_customer_user=row.enterprise_customer_user, course_id=f"course-v1:Acme+C1+{run}"
        )
    body = boss.get(learners_of(flex)).json()
    assert body == {
        "next": None,
        "previous": None,
        "count": 1,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": [
            {
                "enterprise_customer_user_id": row.enterprise_customer_user_id,
                "lms_user_id": row.enterprise_customer_user.user_id,
                "pending_enterprise_customer_user_id": None,
                "enterprise_group_membership_uuid": str(row.pk),
                "member_details": {"user_email": "lou@blue.example", "user_name": "Lou Fay"},
                "recent_action": "Accepted: February 03, 2031",
                "status": "accepted",
                "activated_at": "2031-02-03T04:05:06Z",
                "enrollments": 2,
                "group_name": "Cohort A",
                "group_uuid": str(flex.pk),
            }
        ],
    }
    assert body["results"][0].keys() == MembershipSerializer().fields.keys()


def test_a_pending_member_is_shown(boss: APIClient, budget: EnterpriseGroup) -> None:
    row = waiting(budget, "kai@blue.example", created=MOMENT)
    shown = boss.get(learners_of(budget)).json()["results"][0]
    assert shown == {
        "enterprise_customer_user_id": None,
        "lms_user_id": None,
        "pending_enterprise_customer_user_id": row.pending_enterprise_customer_user_id,
        "enterprise_group_membership_uuid": str(row.pk),
        "member_details": {"user_email": "kai@blue.example"},
        "recent_action": "Invited: February 03, 2031",
        "status": "pending",
        "activated_at": None,
        "enrollments": 0,
        "group_name": "Budget",
        "group_uuid": str(budget.pk),
    }


def test_the_name_is_that_of_the_profile_else_first_and_last_name(boss: APIClient, flex: EnterpriseGroup) -> None:
    row = member(flex, "lou@blue.example")
    account = row.enterprise_customer_user.user_fk
    account.first_name, account.last_name = "Lou", "Fay"
    account.save()
    shown = boss.get(learners_of(flex)).json()["results"][0]
    assert shown["member_details"]["user_name"] == "Lou Fay"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Accepted: February 03, 2031"),
        ({"errored_at": MOMENT + timedelta(days=40), "status": "email_error"}, "Errored: March 15, 2031"),
        (
            {"is_removed": True, "status": "removed", "removed_at": MOMENT + timedelta(days=1)},
            "Removed: February 04, 2031",
        ),
        (
            {"is_removed": True, "removed_at": MOMENT, "errored_at": MOMENT + timedelta(days=2)},
            "Errored: February 05, 2031",
        ),
        ({"activated_at": None, "created": MOMENT - timedelta(days=3)}, "Invited: January 31, 2031"),
    ],
)
def test_the_recent_action_is_the_last_thing_that_happened(
    boss: APIClient, flex: EnterpriseGroup, fields: dict[str, Any], text: str
) -> None:
    member(flex, "lou@blue.example", **fields)
    shown = boss.get(learners_of(flex), {"show_removed": "true"}).json()["results"][0]
    assert shown["recent_action"] == text


def test_a_status_may_be_null_and_a_membership_of_nobody_is_not_shown(boss: APIClient, flex: EnterpriseGroup) -> None:
    row = member(flex, "lou@blue.example", status=None)
    gone = waiting(flex, "kai@blue.example")
    gone.pending_enterprise_customer_user.delete()
    body = boss.get(learners_of(flex)).json()
    assert (body["count"], body["results"][0]["status"]) == (1, None)
    assert body["results"][0]["enterprise_group_membership_uuid"] == str(row.pk)


def test_removed_members_are_shown_on_request_and_pending_ones_alone(boss: APIClient, budget: EnterpriseGroup) -> None:
    member(budget, "live@x.io")
    member(budget, "gone@x.io", is_removed=True, status="removed")
    waiting(budget, "kai@x.io")
    waiting(budget, "left@x.io", is_removed=True, status="removed")
    get = lambda **query: set(emails(boss.get(learners_of(budget), query)))  # noqa: E731
    assert get() == get(show_removed="false") == {"live@x.io", "kai@x.io"}
    assert get(show_removed="true") == {"live@x.io", "gone@x.io", "kai@x.io", "left@x.io"}
    assert get(pending_users_only="true") == get(pending_users_only="true", show_removed="true") == {"kai@x.io"}


def test_user_query_finds_parts_of_names_and_addresses_of_linked_learners(
    boss: APIClient, flex: EnterpriseGroup
) -> None:
    member(flex, "lou@blue.example", "Ann Fay")
    member(flex, "kim@red.example", "Kim")
    hidden = member(flex, "fay@red.example", "Fay").enterprise_customer_user
    EnterpriseCustomerUser.objects.filter(pk=hidden.pk).update(linked=False)
    waiting(flex, "fay.kai@red.example")
    get = lambda text: set(emails(boss.get(learners_of(flex), {"user_query": text})))  # noqa: E731
    assert get("FAY") == {"lou@blue.example", "fay.kai@red.example"}
    assert get("BLUE") == {"lou@blue.example"}
    nameless = member(flex, "x@red.example").enterprise_customer_user.user_fk.username
    assert get(nameless.upper()) == {"x@red.example"}


def test_learners_keeps_exactly_these_addresses(boss: APIClient, budget: EnterpriseGroup) -> None:
    member(budget, "lou@x.io")
    waiting(budget, "kai@x.io")
    waiting(budget, "lee@x.io")
    get = lambda *learners: set(emails(boss.get(learners_of(budget), {"learners": learners})))  # noqa: E731
    assert get("lou@x.io", "kai@x.io", "no@x.io") == {"lou@x.io", "kai@x.io"}
    assert get("LOU@x.io") == set()
    response = boss.get(learners_of(budget), {"learners": ["no"]})
    assert (response.status_code, response.json()) == (400, {"learners": {"0": ["Enter a valid email address."]}})


def test_members_are_sorted_as_asked(boss: APIClient, budget: EnterpriseGroup) -> None:
    second = member(budget, "b@x.io", activated_at=MOMENT)
    first = waiting(budget, "a@x.io", created=MOMENT + timedelta(days=5))
    third = member(budget, "c@x.io", errored_at=MOMENT - timedelta(days=400), status="email_error")
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=second.enterprise_customer_user)
    for row in (second, third, first):
        row.save()
    get = lambda **query: [email[0] for email in emails(boss.get(learners_of(budget), query))]  # noqa: E731
    assert get() == get(is_reversed="true") == ["a", "c", "b"]  # the latest changed first
    assert get(sort_by="member_details") == ["a", "b", "c"]
    assert get(sort_by="member_details", is_reversed="true") == ["c", "b", "a"]
    assert get(sort_by="status") == ["b", "c", "a"]
    # By the moment, not by the text: an error of long ago, an acceptance, an invitation.
    assert get(sort_by="recent_action") == ["c", "b", "a"]
    assert get(sort_by="recent_action", is_reversed="true") == ["a", "b", "c"]
    assert get(sort_by="enrollment_count") == ["a", "c", "b"]
    assert get(sort_by="enrollment_count", is_reversed="true") == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"sort_by": "x"}, {"sort_by": ['"x" is not a valid choice.']}),
        ({"is_reversed": "x"}, {"is_reversed": ["Must be a valid boolean."]}),
        ({"show_removed": "x"}, {"show_removed": ["Must be a valid boolean."]}),
        ({"user_query": "x" * 321}, {"user_query": ["Ensure this field has no more than 320 characters."]}),
    ],
)
def test_bad_parameters_are_named(
    boss: APIClient, flex: EnterpriseGroup, query: dict[str, str], errors: dict[str, Any]
) -> None:
    response = boss.get(learners_of(flex), query)
    assert (response.status_code, response.json()) == (400, errors)


def test_pages_are_cut_from_either_end(boss: APIClient, flex: EnterpriseGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.db.reads.EitherEnd.NEAR", 2)
    rows = [member(flex, f"{n}@x.io") for n in range(7)]
    expected = [row.enterprise_customer_user.user_fk.email for row in reversed(rows)]
    walked = []
    for page in range(1, 5):
        walked += emails(boss.get(learners_of(flex), {"page": page, "page_size": 2}))
    assert walked == expected
    assert boss.get(learners_of(flex), {"page": 5, "page_size": 2}).status_code == 404


@pytest.mark.parametrize("sort_by", ["", "enrollment_count", "status", "recent_action"])
def test_a_long_list_is_kept_until_a_member_or_an_enrollment_comes_or_goes(
    boss: APIClient, budget: EnterpriseGroup, monkeypatch: pytest.MonkeyPatch, sort_by: str
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 6)
    rows = [member(budget, f"{number}@x.io") for number in range(6)]
    asked = {"sort_by": sort_by, "is_reversed": "true"} if sort_by else {}

    def page() -> tuple[int, str]:
        answer = boss.get(learners_of(budget), {**asked, "page_size": 2})
        return answer.json()["count"], emails(answer)[0]

    assert len({page() for _ in range(3)}) == 1
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=rows[3].enterprise_customer_user)
    assert page()[0] == 6
    if sort_by == "enrollment_count":
        assert page() == (6, "3@x.io")
    member(budget, "6@x.io")
    assert [page()[0] for _ in range(2)] == [7, 7]
    sent = {"learner_emails": ["3@x.io", "6@x.io"]}
    assert boss.post(remove_from(budget), sent).json()["records_deleted"] == 2
    assert page()[0] == 5
    assert page()[1] not in ("3@x.io", "6@x.io")


def test_a_page_costs_the_same_statements_whatever_its_rows(
    boss: APIClient, budget: EnterpriseGroup, django_assert_num_queries: Any
) -> None:
    for number in range(6):
        EnterpriseCourseEnrollmentFactory(
            enterprise_customer_user=member(budget, f"{number}@x.io").enterprise_customer_user
        )
        waiting(budget, f"p{number}@x.io")
    for query in ({}, {"sort_by": "enrollment_count"}, {"user_query": "x.io"}):
        for size in (1, 10):
            with django_assert_num_queries(5):  # account, group, ids, count, rows
                assert len(emails(boss.get(learners_of(budget), {**query, "page_size": size}))) == size


def test_slashes_are_optional_and_both_spellings_reach_the_same(boss: APIClient, budget: EnterpriseGroup) -> None:
    member(budget, "lou@x.io")
    for address in (learners_of(budget), learners_of(budget).replace("-group", "_group")):
        assert emails(boss.get(address)) == emails(boss.get(f"{address}/")) == ["lou@x.io"]
    for address in (assign_to(budget), assign_to(budget).replace("_group", "-group")):
        for slash in ("", "/"):
            assert boss.post(f"{address}{slash}", {"learner_emails": ["kai@x.io"]}).status_code == 201
    for address in (remove_from(budget), remove_from(budget).replace("_group", "-group")):
        for slash in ("", "/"):
            assert boss.post(f"{address}{slash}", {"learner_emails": ["kai@x.io"]}).status_code == 200


# --- Status -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["email_error", "internal_api_error", "pending", "accepted", "removed"])
def test_a_status_is_noted_and_only_errors_carry_the_moment(
    boss: APIClient, budget: EnterpriseGroup, status: str
) -> None:
    row = waiting(budget, "Kai@x.io", errored_at=MOMENT)
    other = waiting(GroupFactory(enterprise_customer=EnterpriseCustomerFactory()), "kai@x.io")
    removed = waiting(budget, "left@x.io", is_removed=True, status="removed")
    sent = {"learner": "kai@x.io", "status": status, "errored_at": "2000-01-01T00:00:00Z"}
    response = boss.patch(learners_of(budget), sent)
    assert response.status_code == 201
    assert response.json() == "Successfully updated learner record for learner email kai@x.io"
    row.refresh_from_db()
    assert row.status == status
    is_error = status.endswith("_error")
    assert (row.errored_at is not None) is is_error
    assert not is_error or timezone.now() - row.errored_at < timedelta(minutes=1)
    assert row.history.filter(history_type="~", status=status).count() == 1
    assert boss.patch(learners_of(budget), {"learner": "left@x.io", "status": status}).status_code == 201
    for each in (other, removed):
        before = each.status
        each.refresh_from_db()
        assert each.status == before


def test_a_status_of_nobody_is_noted_all_the_same(boss: APIClient, flex: EnterpriseGroup) -> None:
    member(flex, "lou@x.io")  # has an account: not pending
    response = boss.patch(learners_of(flex), {"learner": "lou@x.io", "status": "email_error"}, format="multipart")
    assert response.status_code == 201
    assert EnterpriseGroupMembership.objects.get().status == "accepted"


def test_a_bad_status_is_refused(boss: APIClient, flex: EnterpriseGroup) -> None:
    response = boss.patch(learners_of(flex), {})
    required = ["This field is required."]
    assert (response.status_code, response.json()) == (400, {"learner": required, "status": required})
    response = boss.patch(learners_of(flex), {"learner": "kai@x.io", "status": "lost"})
    assert (response.status_code, response.json()) == (400, {"status": ['"lost" is not a valid choice.']})
