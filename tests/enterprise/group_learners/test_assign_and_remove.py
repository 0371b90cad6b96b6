"""People come into a group, leave it and change meanwhile (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone
from rest_framework.test import APIClient

from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    EnterpriseGroup,
    EnterpriseGroupMembership,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from tests.enterprise.group_learners.calls import MOMENT, assign_to, member, remove_from, waiting
from tests.factories import (
    GroupFactory,
    GroupMembershipFactory,
    LearnerFactory,
    PendingLearnerFactory,
    UserFactory,
    customer_admin,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
EITHER_OR = "Must supply `remove_all` or `learner_email` but not both"


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


def test_repeating_the_call_returns_the_same_numbers_for_a_revived_member_of_a_flex_group(
    boss: APIClient, flex: EnterpriseGroup
) -> None:
    waiting(flex, "kai@x.io", is_removed=True, status="removed", removed_at=MOMENT)
    for _ in range(2):
        assert boss.post(assign_to(flex), {"learner_emails": ["kai@x.io", "no@x.io"]}).json() == {
            "records_processed": 1,
            "new_learners": 1,
            "existing_learners": 0,
            "non_org_rejected": 1,
        }
    assert EnterpriseGroupMembership.objects.count() == 1


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
