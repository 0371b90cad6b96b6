"""Members of groups (contract: enterprise-admins-groups-sso, Groups; EnterpriseGroupMembership, Life cycle)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone
from rest_framework.test import APIClient

from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    EnterpriseGroup,
    EnterpriseGroupMembership,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.serializers.groups import MembershipSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    CatalogFactory,
    CourseFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    GroupFactory,
    GroupMembershipFactory,
    LearnerFactory,
    PendingLearnerFactory,
    UserFactory,
    customer_admin,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

API = "/enterprise/api/v1"
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NOT_FOUND = {"detail": "Not found."}
EITHER_OR = "Must supply `remove_all` or `learner_email` but not both"
MOMENT = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", contact_email="help@acme.example")


@pytest.fixture
def bolt() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Bolt")


@pytest.fixture
def flex(acme: EnterpriseCustomer) -> EnterpriseGroup:
    return GroupFactory(enterprise_customer=acme, name="Cohort A")


@pytest.fixture
def budget(acme: EnterpriseCustomer) -> EnterpriseGroup:
    return GroupFactory(enterprise_customer=acme, name="Budget", group_type="budget")


@pytest.fixture
def boss(as_user: Any, acme: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(acme, email="boss@acme.example"))


def learners_of(group: Any) -> str:
    return f"{API}/enterprise-group/{getattr(group, 'pk', group)}/learners"


def assign_to(group: Any) -> str:
    return f"{API}/enterprise_group/{getattr(group, 'pk', group)}/assign_learners"


def remove_from(group: Any) -> str:
    return f"{API}/enterprise_group/{getattr(group, 'pk', group)}/remove_learners"


def member(group: EnterpriseGroup, email: str, name: str = "", **fields: Any) -> EnterpriseGroupMembership:
    """An accepted member with an account."""
    account = UserFactory(email=email, profile__name=name)
    link = LearnerFactory(enterprise_customer=group.enterprise_customer, user=account)
    values = {"status": "accepted", "activated_at": MOMENT, **fields}
    return GroupMembershipFactory(group=group, enterprise_customer_user=link, **values)


def waiting(group: EnterpriseGroup, email: str, **fields: Any) -> EnterpriseGroupMembership:
    """A member whose address waits for an account."""
    pending = PendingLearnerFactory(enterprise_customer=group.enterprise_customer, user_email=email)
    return GroupMembershipFactory(group=group, pending_enterprise_customer_user=pending, **fields)


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


# --- Assign -------------------------------------------------------------------------------------------------------


def test_accounts_become_members_and_learners_where_they_are_none(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, flex: EnterpriseGroup
) -> None:
    known = LearnerFactory(enterprise_customer=acme, user__email="Lou@x.io")
    newcomer = LearnerFactory(enterprise_customer=bolt, user__email="kim@x.io")
    response = boss.post(assign_to(flex), {"learner_emails": ["lou@x.io", "KIM@x.io"]})
    assert response.status_code == 201
    assert response.json() == {
        "records_processed": 2,
        "new_learners": 0,
        "existing_learners": 2,
        "non_org_rejected": 0,
    }
    rows = EnterpriseGroupMembership.objects.all()
    assert {row.enterprise_customer_user.user_id for row in rows} == {known.user_id, newcomer.user_id}
    assert all(row.status == "accepted" and row.activated_at and not row.errored_at for row in rows)
    link = EnterpriseCustomerUser.objects.get(enterprise_customer=acme, user_id=newcomer.user_id)
    assert (link.active, link.linked, link.user_fk_id) == (True, True, newcomer.user_id)
    newcomer.refresh_from_db()
    assert newcomer.active is False
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(
        user_id=newcomer.user_id, enterprise_customer=acme, role__name="enterprise_learner"
    ).exists()
    assert EnterpriseGroupMembership.history.filter(history_type="+").count() == 2


def test_a_budget_group_lets_addresses_wait_a_flex_group_turns_them_away(
    boss: APIClient, flex: EnterpriseGroup, budget: EnterpriseGroup
) -> None:
    sent = {"learner_emails": ["Kai@x.io", "kai@x.io", "lee@x.io"]}
    assert boss.post(assign_to(flex), sent).json() == {
        "records_processed": 0,
        "new_learners": 0,
        "existing_learners": 0,
        "non_org_rejected": 2,
    }
    assert not PendingEnterpriseCustomerUser.objects.exists()
    for _ in range(2):  # repeating says the same and makes nothing
        assert boss.post(assign_to(budget), sent).json() == {
            "records_processed": 2,
            "new_learners": 2,
            "existing_learners": 0,
            "non_org_rejected": 0,
        }
    rows = EnterpriseGroupMembership.objects.all()
    assert {row.pending_enterprise_customer_user.user_email for row in rows} == {"kai@x.io", "lee@x.io"}
    assert {(row.status, row.activated_at) for row in rows} == {("pending", None)}
    assert EnterpriseGroupMembership.history.count() == 2


def test_a_pending_learner_of_the_customer_is_used_whatever_the_capitals(
    boss: APIClient, acme: EnterpriseCustomer, budget: EnterpriseGroup
) -> None:
    pending = PendingLearnerFactory(enterprise_customer=acme, user_email="Kai@x.io")
    boss.post(assign_to(budget), {"learner_emails": ["kai@x.io"]})
    assert EnterpriseGroupMembership.objects.get().pending_enterprise_customer_user == pending


def test_who_was_unlinked_is_passed_over_and_not_counted(
    boss: APIClient, acme: EnterpriseCustomer, flex: EnterpriseGroup
) -> None:
    link = LearnerFactory(enterprise_customer=acme, user__email="lou@x.io", linked=False, active=False)
    assert boss.post(assign_to(flex), {"learner_emails": ["lou@x.io"]}).json()["records_processed"] == 0
    link.refresh_from_db()
    assert link.linked is False
    assert not EnterpriseGroupMembership.objects.exists()


def test_removed_memberships_are_revived(boss: APIClient, flex: EnterpriseGroup, budget: EnterpriseGroup) -> None:
    old = {"is_removed": True, "status": "removed", "removed_at": MOMENT, "errored_at": MOMENT}
    account = member(flex, "lou@x.io", **old)
    former = waiting(flex, "kai@x.io", **old)
    left = waiting(budget, "lee@x.io", **old)
    assert boss.post(assign_to(flex), {"learner_emails": ["lou@x.io", "kai@x.io", "no@x.io"]}).json() == {
        "records_processed": 2,
        "new_learners": 1,
        "existing_learners": 1,
        "non_org_rejected": 1,  # a revived one is not turned away
    }
    assert boss.post(assign_to(budget), {"learner_emails": ["lee@x.io"]}).json()["new_learners"] == 1
    for row, status in ((account, "accepted"), (former, "pending"), (left, "pending")):
        row.refresh_from_db()
        assert (row.is_removed, row.removed_at, row.errored_at, row.status) == (False, None, None, status)
        assert row.history.filter(history_type="~").count() == 1
    assert EnterpriseGroupMembership.objects.count() == 3


def test_a_live_membership_stays_as_it_is(boss: APIClient, flex: EnterpriseGroup) -> None:
    row = member(flex, "lou@x.io", status="email_error", errored_at=MOMENT)
    assert boss.post(assign_to(flex), {"learner_emails": ["lou@x.io"]}).json()["existing_learners"] == 1
    row.refresh_from_db()
    assert (row.status, row.errored_at) == ("email_error", MOMENT)
    assert not row.history.filter(history_type="~").exists()


def test_only_the_first_thousand_addresses_count(boss: APIClient, budget: EnterpriseGroup) -> None:
    sent = {"learner_emails": [f"{n}@x.io" for n in range(1003)]}
    assert boss.post(assign_to(budget), sent).json()["new_learners"] == 1000
    assert boss.post(remove_from(budget), sent).json() == {"records_deleted": 1000}


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({}, {"learner_emails": ["This field is required."]}),
        ({"learner_emails": []}, {"learner_emails": ["This list may not be empty."]}),
        ({"learner_emails": ["no"]}, {"learner_emails": {"0": ["Enter a valid email address."]}}),
        ({"learner_emails": ["a@x.io"], "catalog_uuid": "x"}, {"catalog_uuid": ["Must be a valid UUID."]}),
    ],
)
def test_bad_bodies_assign_nobody(
    boss: APIClient, budget: EnterpriseGroup, sent: dict[str, Any], errors: dict[str, Any]
) -> None:
    response = boss.post(assign_to(budget), sent)
    assert (response.status_code, response.json()) == (400, errors)
    assert not EnterpriseGroupMembership.objects.exists()


def test_a_bad_date_is_refused_null_is_none(boss: APIClient, budget: EnterpriseGroup) -> None:
    sent = {"learner_emails": ["a@x.io"], "act_by_date": "soon", "remove_all": True}
    response = boss.post(assign_to(budget), sent)
    assert response.status_code == 400
    assert response.json()["act_by_date"][0].startswith("Datetime has wrong format. Use one of these formats instead:")
    sent |= {"act_by_date": None, "catalog_uuid": None}
    assert boss.post(assign_to(budget), sent).status_code == 201


def test_a_failure_in_the_middle_assigns_nobody(
    boss: APIClient, flex: EnterpriseGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory(email="lou@x.io")

    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("enterprise.services.groups._insert", broken)
    assert boss.post(assign_to(flex), {"learner_emails": ["lou@x.io"]}).status_code == 500
    assert not EnterpriseCustomerUser.objects.filter(user_fk__email="lou@x.io").exists()


def test_assigning_many_costs_no_more_statements(
    boss: APIClient, budget: EnterpriseGroup, django_assert_max_num_queries: Any
) -> None:
    for number in (2, 200):
        accounts = [UserFactory(email=f"{number}-{n}@x.io").email for n in range(number // 2)]
        sent = {"learner_emails": accounts + [f"new{number}-{n}@x.io" for n in range(number // 2)]}
        # SQLite makes a hundred links in two statements.
        with django_assert_max_num_queries(32 if number == 2 else 33):
            assert boss.post(assign_to(budget), sent).json()["records_processed"] == number


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_two_assignments_at_once_make_each_member_once(as_user: Any, budget: EnterpriseGroup) -> None:
    account, statuses = customer_admin(budget.enterprise_customer), []
    sent = [UserFactory(email=f"{n}@x.io").email for n in range(10)] + [f"new{n}@x.io" for n in range(10)]
    clients = [as_user(account) for _ in range(4)]
    calls = [
        lambda each=each, turn=turn: statuses.append(
            each.post(assign_to(budget), {"learner_emails": sent[:: 1 if turn % 2 else -1]}).status_code
        )
        for turn, each in enumerate(clients)
    ]
    assert at_once(*calls) == []
    assert statuses == [201] * 4
    assert EnterpriseGroupMembership.objects.count() == 20


# --- Remove -------------------------------------------------------------------------------------------------------


def test_members_are_removed_by_address_whatever_the_capitals(boss: APIClient, budget: EnterpriseGroup) -> None:
    account, pending, kept = member(budget, "Lou@x.io"), waiting(budget, "Kai@x.io"), member(budget, "kim@x.io")
    elsewhere = GroupMembershipFactory(
        group=GroupFactory(enterprise_customer=budget.enterprise_customer),
        enterprise_customer_user=account.enterprise_customer_user,
        status="accepted",
    )
    response = boss.post(remove_from(budget), {"learner_emails": ["lou@X.io", "kai@x.io", "no@x.io"]})
    assert (response.status_code, response.json()) == (200, {"records_deleted": 2})
    for row in (account, pending):
        row.refresh_from_db()
        assert (row.is_removed, row.status, row.errored_at) == (True, "removed", None)
        assert timezone.now() - row.removed_at < timedelta(minutes=1)
        assert row.history.filter(history_type="~", status="removed").count() == 1
    for row in (kept, elsewhere):
        row.refresh_from_db()
        assert row.is_removed is False
    assert boss.post(remove_from(budget), {"learner_emails": ["lou@x.io"]}).json() == {"records_deleted": 0}
    assert PendingEnterpriseCustomerUser.objects.count() == 1


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_everybody_is_removed_at_once(boss: APIClient, budget: EnterpriseGroup, form: str) -> None:
    member(budget, "lou@x.io")
    waiting(budget, "kai@x.io")
    response = boss.post(remove_from(budget), {"remove_all": True}, format=form)
    assert (response.status_code, response.json()) == (200, {"records_deleted": 2})
    assert not EnterpriseGroupMembership.objects.exists()


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        ({}, EITHER_OR),
        ({"remove_all": False}, EITHER_OR),
        ({"remove_all": True, "learner_emails": ["a@x.io"]}, EITHER_OR),
        ({"learner_emails": []}, {"learner_emails": ["This list may not be empty."]}),
        ({"learner_emails": ["no"]}, {"learner_emails": {"0": ["Enter a valid email address."]}}),
        ({"remove_all": True, "catalog_uuid": "x"}, {"catalog_uuid": ["Must be a valid UUID."]}),
    ],
)
def test_bad_bodies_remove_nobody(boss: APIClient, flex: EnterpriseGroup, sent: dict[str, Any], body: Any) -> None:
    member(flex, "a@x.io")
    response = boss.post(remove_from(flex), sent)
    assert (response.status_code, response.json()) == (400, body)
    assert EnterpriseGroupMembership.objects.count() == 1


def test_a_failed_removal_is_noted_on_the_memberships(
    boss: APIClient, flex: EnterpriseGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = member(flex, "lou@x.io")

    def broken(*args: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("enterprise.services.group_mails.removals", broken)
    sent = {"learner_emails": ["lou@x.io"], "catalog_uuid": str(uuid.uuid4())}
    assert boss.post(remove_from(flex), sent).status_code == 500
    row.refresh_from_db()
    assert (row.is_removed, row.status) == (False, "internal_api_error")
    assert row.errored_at is not None


# --- Mails --------------------------------------------------------------------------------------------------------


@pytest.fixture
def catalog(acme: EnterpriseCustomer, settle_content: Any) -> Any:
    CourseFactory.create_batch(3)
    made = CatalogFactory(enterprise_customer=acme, content_filter={"content_type": "course"})
    settle_content()
    return made


@pytest.fixture
def invite(boss: APIClient, catalog: Any, django_capture_on_commit_callbacks: Any) -> Any:
    """`invite(group, "a@x.io")` assigns with both optional values, unless others are given."""

    def call(group: EnterpriseGroup, *addresses: str, **fields: Any) -> Any:
        sent = {"act_by_date": "2031-05-02T00:00:00Z", "catalog_uuid": str(catalog.pk), **fields}
        with django_capture_on_commit_callbacks(execute=True):
            return boss.post(assign_to(group), {"learner_emails": addresses, **sent})

    return call


def test_new_members_are_told_what_they_may_choose_from_and_until_when(invite: Any, budget: EnterpriseGroup) -> None:
    UserFactory(email="lou@x.io")
    assert invite(budget, "lou@x.io", "kai@x.io").status_code == 201
    assert {letter.to[0] for letter in mail.outbox} == {"lou@x.io", "kai@x.io"}
    letter = mail.outbox[0]
    assert "Acme" in letter.subject
    assert "3 courses and programs until May 02, 2031" in letter.body
    assert 'href="mailto:help@acme.example"' in letter.alternatives[0].content


def test_no_mail_goes_out_without_both_values_nor_to_old_or_revived_members(
    invite: Any, budget: EnterpriseGroup
) -> None:
    invite(budget, "a@x.io", act_by_date=None)
    invite(budget, "b@x.io", catalog_uuid=None)
    invite(budget, "a@x.io")
    waiting(budget, "c@x.io", is_removed=True)
    invite(budget, "c@x.io")
    assert mail.outbox == []
    invite(budget, "d@x.io", "a@x.io")
    assert [letter.to for letter in mail.outbox] == [["d@x.io"]]


def test_removed_members_are_told_if_a_catalog_is_given(
    boss: APIClient, budget: EnterpriseGroup, catalog: Any, django_capture_on_commit_callbacks: Any
) -> None:
    member(budget, "lou@x.io")
    waiting(budget, "kai@x.io")
    waiting(budget, "lee@x.io")
    with django_capture_on_commit_callbacks(execute=True):
        boss.post(remove_from(budget), {"learner_emails": ["lee@x.io"]})
        boss.post(remove_from(budget), {"remove_all": True, "catalog_uuid": str(catalog.pk)})
    assert {letter.to[0] for letter in mail.outbox} == {"lou@x.io", "kai@x.io"}
    assert "3 courses and programs" in mail.outbox[0].body


def test_a_catalog_that_is_not_known_marks_nothing_and_sends_nothing(invite: Any, budget: EnterpriseGroup) -> None:
    invite(budget, "kai@x.io", catalog_uuid=str(uuid.uuid4()))
    assert mail.outbox == []
    assert EnterpriseGroupMembership.objects.get().status == "pending"
    assert OutboxMessage.objects.get().state == OutboxMessage.State.FAILED


def test_a_mail_that_cannot_be_sent_marks_the_membership_until_it_is_sent(
    invite: Any, budget: EnterpriseGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory(email="lou@x.io")
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", lambda *args: 1 / 0)
        invite(budget, "lou@x.io", "kai@x.io")
    rows = EnterpriseGroupMembership.objects
    assert {row.status for row in rows.all()} == {"email_error"}
    assert all(row.errored_at for row in rows.all())
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    outbox.deliver()
    assert len(mail.outbox) == 2
    assert {row.errored_at for row in rows.all()} == {None}
    assert rows.get(enterprise_customer_user__isnull=False).status == "accepted"
    assert rows.get(enterprise_customer_user__isnull=True).status == "pending"


# --- One learner's groups -------------------------------------------------------------------------------------------


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


# --- Life cycle -----------------------------------------------------------------------------------------------------


def test_a_saved_account_takes_up_its_membership_and_clears_the_error(budget: EnterpriseGroup) -> None:
    row = waiting(budget, "Kai@x.io", status="email_error", errored_at=MOMENT)
    account = UserFactory(email="kai@x.io")
    row.refresh_from_db()
    assert (row.status, row.errored_at, row.pending_enterprise_customer_user) == ("accepted", None, None)
    assert row.enterprise_customer_user.user_id == account.pk
    assert row.activated_at is not None


def test_memberships_that_nobody_takes_up_are_deleted_after_ninety_days(
    acme: EnterpriseCustomer, bolt: EnterpriseCustomer, budget: EnterpriseGroup
) -> None:
    old = timezone.now() - timedelta(days=91)
    waiting(budget, "old@x.io", created=old)
    waiting(budget, "left@x.io", created=old, is_removed=True)
    theirs = waiting(GroupFactory(enterprise_customer=bolt), "old@x.io", created=old)
    kept = [waiting(budget, "new@x.io"), member(budget, "lou@x.io", created=old), theirs]
    said = StringIO()
    call_command("remove_expired_pending_group_memberships", "-e", str(acme.pk), stdout=said)
    assert "2 memberships deleted" in said.getvalue()
    assert set(EnterpriseGroupMembership.all_objects.all()) == set(kept)
    left = PendingEnterpriseCustomerUser.objects.values_list("user_email", flat=True)
    assert sorted(left) == ["new@x.io", "old@x.io"]
    assert EnterpriseGroupMembership.history.filter(history_type="-").count() == 2
    call_command("remove_expired_pending_group_memberships", stdout=said)
    assert not EnterpriseGroupMembership.all_objects.filter(pk=theirs.pk).exists()
    for named in ("nonsense", str(uuid.uuid4())):
        with pytest.raises(CommandError):
            call_command("remove_expired_pending_group_memberships", "-e", named)
