"""The rules of links hold when many calls meet (contract: enterprise-learners, Data model; roles-and-permissions 8)."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.services import claims, links
from tests import factories
from tests.parallel import at_once, concurrent_writers

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True), concurrent_writers]

API = "/enterprise/api/v1"
AT_ONCE = 25
CUSTOMERS = ("acme", "bolt", "calm")


@pytest.fixture(autouse=True)
def no_limit(settings: Any) -> None:
    settings.USER_RATE = ""


@pytest.fixture
def customers() -> list[EnterpriseCustomer]:
    return [factories.EnterpriseCustomerFactory(slug=slug) for slug in CUSTOMERS]


@pytest.fixture
def accounts() -> list[User]:
    return [factories.UserFactory() for _ in range(4)]


def carried_out(calls: list[Callable[[], Any]]) -> list[int]:
    """The statuses of calls, of which AT_ONCE begin together."""
    statuses: list[int] = []
    for first in range(0, len(calls), AT_ONCE):
        raised = at_once(
            *(lambda call=call: statuses.append(call().status_code) for call in calls[first : first + AT_ONCE])
        )
        assert raised == []
    assert len(statuses) == len(calls)
    return statuses


def assert_rules_hold(customers: list[EnterpriseCustomer], accounts: list[User]) -> None:
    for account in accounts:
        stored = list(EnterpriseCustomerUser.all_objects.filter(user_id=account.pk))
        assert len({link.enterprise_customer_id for link in stored}) == len(stored)
        assert sum(link.active for link in stored) <= 1
        assert not any(link.active for link in stored if not link.linked)
        held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account, role__name="enterprise_learner")
        linked = {link.enterprise_customer_id for link in stored if link.linked}
        assert sorted(held.values_list("enterprise_customer_id", flat=True)) == sorted(linked)
        for link in stored:
            assert_history_is_complete(link)
    strangers = EnterpriseCustomerUser.all_objects.exclude(enterprise_customer__in=customers)
    assert not strangers.filter(user_id__in=[account.pk for account in accounts]).exists()


def assert_history_is_complete(link: EnterpriseCustomerUser) -> None:
    """Born once, then one row for each change, the last one as the link stands now.

    Links that another one made inactive have no row of that (the contract wants none).
    """
    rows = list(link.history.order_by("history_id"))
    assert [row.history_type for row in rows] == ["+", *"~" * (len(rows) - 1)]
    assert (rows[-1].linked, rows[-1].is_relinkable) == (link.linked, link.is_relinkable)
    assert rows[-1].active or not link.active
    for before, after in pairwise(rows):
        assert before.linked or after.linked, "unlinked twice in a row"


def test_fifty_calls_that_link_and_unlink_leave_one_active_link_the_right_roles_and_the_whole_history(
    as_user, customers, accounts
):
    staff = factories.UserFactory(is_staff=True, is_superuser=True)
    admins = [factories.customer_admin(customer) for customer in customers]
    bystander = factories.LearnerFactory(user=accounts[0], active=False)
    kept = SystemWideEnterpriseUserRoleAssignment.objects.filter(user__in=admins).count()
    chance = random.Random(7)

    def post_link(client: APIClient, customer: EnterpriseCustomer, account: User) -> Any:
        active = chance.random() < 0.8
        body = {"enterprise_customer": str(customer.pk), "username": account.username, "active": active}
        return partial(client.post, f"{API}/enterprise-learner/", body)

    def post_list(client: APIClient, customer: EnterpriseCustomer) -> Any:
        chosen = chance.sample(accounts, 3)
        body = [{"enterprise_customer": str(customer.pk), "user_email": account.email} for account in chosen]
        return partial(client.post, f"{API}/link_pending_enterprise_users/{customer.pk}", body)

    def unlink(customer: EnterpriseCustomer, account: User) -> Any:
        class Done:
            status_code = 204

        def call() -> Done:
            links.unlink_all(customer, [account.email], chance.random() < 0.5)
            return Done()

        return call

    calls: list[Callable[[], Any]] = []
    for _ in range(50):
        customer, account = chance.choice(customers), chance.choice(accounts)
        way = chance.randrange(5)
        if way < 2:
            calls.append(post_link(as_user(staff), customer, account))
        elif way == 2:
            calls.append(post_list(as_user(admins[customers.index(customer)]), customer))
        else:
            calls.append(unlink(customer, account))

    assert set(carried_out(calls)) <= {201, 204}

    EnterpriseCustomerUser.all_objects.filter(pk=bystander.pk).get()
    others = [*customers, bystander.enterprise_customer]
    bystander_rows = EnterpriseCustomerUser.all_objects.filter(pk=bystander.pk)
    assert (bystander_rows.get().linked, bystander_rows.get().modified) == (True, bystander.modified)
    bystander_rows.delete()
    assert_rules_hold(others, accounts)
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(user__in=admins).count() == kept


def test_identical_posts_make_one_link_and_all_succeed(as_user, customers, accounts):
    staff = factories.UserFactory(is_staff=True, is_superuser=True)
    body = {"enterprise_customer": str(customers[0].pk), "username": accounts[0].username}
    clients = [as_user(staff) for _ in range(AT_ONCE)]
    statuses = carried_out([partial(client.post, f"{API}/enterprise-learner/", body) for client in clients])
    assert set(statuses) == {201}
    link = EnterpriseCustomerUser.all_objects.get(user_id=accounts[0].pk)
    assert link.history.count() == 1
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(user=accounts[0]).count() == 1


def test_overlapping_lists_of_new_addresses_make_each_pending_learner_once(as_user, customers):
    """Their orders differ, and so does the spelling: no list fails, and nobody waits for another in a circle."""
    staff = factories.UserFactory(staff=True)
    chance = random.Random(7)
    addresses = [f"{name}{n}@world.test" for n in range(20) for name in ("a-b", "ab", "A.c")]

    def body() -> list[dict[str, str]]:
        chosen = [(customer, email) for customer in customers for email in chance.sample(addresses, 30)]
        chance.shuffle(chosen)
        return [
            {"enterprise_customer": str(customer.pk), "user_email": chance.choice([email, email.upper()])}
            for customer, email in chosen
        ]

    clients = [as_user(staff) for _ in range(AT_ONCE)]
    calls = [partial(client.post, f"{API}/pending-enterprise-learner/", body()) for client in clients]
    assert set(carried_out(calls)) <= {201, 204}
    keys = PendingEnterpriseCustomerUser.objects.values_list("enterprise_customer_id", "user_email")
    assert len({(customer_id, email.lower()) for customer_id, email in keys}) == len(keys)
    assert PendingEnterpriseCustomerUser.history.count() == len(keys)


def test_an_address_that_is_deleted_and_added_at_once_ends_in_one_of_both_states(as_user, customers):
    staff = factories.UserFactory(staff=True)
    path = f"{API}/pending-enterprise-learner/"
    for _ in range(3):
        pending = factories.PendingLearnerFactory(enterprise_customer=customers[0], user_email="a@world.test")
        body = {"enterprise_customer": str(customers[0].pk), "user_email": "A@world.test"}
        calls: list[Callable[[], Any]] = [partial(as_user(staff).delete, f"{path}{pending.pk}/") for _ in range(6)]
        calls += [partial(as_user(staff).post, path, body) for _ in range(6)]
        statuses = carried_out(calls)
        assert set(statuses) <= {201, 204, 404}
        assert PendingEnterpriseCustomerUser.objects.count() <= 1
        assert PendingEnterpriseCustomerUser.history.filter(id=pending.pk, history_type="-").count() == 1
        PendingEnterpriseCustomerUser.objects.all().delete()


def test_deleting_a_link_many_times_deletes_it_once(as_user, customers, accounts):
    staff = factories.UserFactory(is_staff=True, is_superuser=True)
    link, _ = links.link_account(customers[0], accounts[0])
    path = f"{API}/enterprise-learner/{link.pk}/"
    statuses = carried_out([partial(as_user(staff).delete, path) for _ in range(8)])
    assert sorted(statuses) == [204, *[404] * 7]
    assert EnterpriseCustomerUser.history.filter(user_id=accounts[0].pk, history_type="-").count() == 1
    assert not SystemWideEnterpriseUserRoleAssignment.objects.filter(user=accounts[0]).exists()


def test_claims_at_sign_in_and_posts_by_staff_meet_in_one_link(as_user, customers, accounts):
    staff = factories.UserFactory(is_staff=True, is_superuser=True)
    for account in accounts:
        for customer in customers:
            factories.PendingLearnerFactory(enterprise_customer=customer, user_email=account.email.upper())

    class Done:
        status_code = 200

    def claim(account: User) -> Done:
        claims.claim([account])
        return Done()

    calls: list[Callable[[], Any]] = [partial(claim, account) for account in accounts for _ in range(3)]
    for account in accounts:
        body = [{"enterprise_customer": str(customer.pk), "user_email": account.email} for customer in customers]
        calls.append(partial(as_user(staff).post, f"{API}/pending-enterprise-learner/", body))
    assert set(carried_out(calls)) <= {200, 201, 204}
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert_rules_hold(customers, accounts)
    assert EnterpriseCustomerUser.objects.count() == len(customers) * len(accounts)
