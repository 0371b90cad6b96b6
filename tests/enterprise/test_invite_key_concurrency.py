"""Invite keys used and made at the same time (contract: enterprise-customers 2 and 4.7)."""

from __future__ import annotations

import pytest

from config.api.exceptions import Refusal
from enterprise.models import EnterpriseCustomerInviteKey, EnterpriseCustomerUser
from enterprise.services import invite_keys
from tests.factories import EnterpriseCustomerFactory, InviteKeyFactory, UserFactory, customer_admin
from tests.parallel import at_once, concurrent_writers

pytestmark = [pytest.mark.django_db(transaction=True), concurrent_writers]

KEYS = "/enterprise/api/v1/enterprise-customer-invite-key/"


def test_the_last_places_of_a_key_are_given_away_once(as_user):
    key = InviteKeyFactory(usage_limit=3)
    clients = [as_user(UserFactory()) for _ in range(10)]
    statuses = []
    calls = [
        lambda client=client: statuses.append(client.post(f"{KEYS}{key.pk}/link-user/").status_code)
        for client in clients
    ]
    assert at_once(*calls) == []
    assert sorted(statuses) == [201] * 3 + [422] * 7
    assert EnterpriseCustomerUser.objects.filter(invite_key=key).count() == 3


def test_one_learner_who_joins_many_times_at_once_is_linked_once(as_user):
    key, account = InviteKeyFactory(), UserFactory()
    clients = [as_user(account) for _ in range(6)]
    statuses = []
    calls = [
        lambda client=client: statuses.append(client.post(f"{KEYS}{key.pk}/link-user/").status_code)
        for client in clients
    ]
    assert at_once(*calls) == []
    assert sorted(statuses) == [200] * 5 + [201]
    assert EnterpriseCustomerUser.all_objects.get().history.count() == 1


def test_learners_who_join_two_customers_crosswise_do_not_lock_each_other_out(as_user):
    keys = [InviteKeyFactory(), InviteKeyFactory()]
    accounts = [UserFactory() for _ in range(4)]
    calls = [
        lambda key=key, account=account: invite_keys.link_user(key, account)
        for place, account in enumerate(accounts)
        for key in (keys if place % 2 else keys[::-1])
    ]
    assert at_once(*calls) == []
    assert EnterpriseCustomerUser.objects.count() == 8
    assert EnterpriseCustomerUser.objects.filter(active=True).count() == 4


def test_the_hundredth_key_is_made_once(as_user):
    customer = EnterpriseCustomerFactory()
    InviteKeyFactory.create_batch(98, enterprise_customer=customer)
    clients = [as_user(customer_admin(customer)) for _ in range(5)]
    statuses = []
    sent = {"enterprise_customer_uuid": str(customer.pk)}
    calls = [lambda client=client: statuses.append(client.post(KEYS, sent).status_code) for client in clients]
    assert at_once(*calls) == []
    assert sorted(statuses) == [201] * 2 + [422] * 3
    assert EnterpriseCustomerInviteKey.objects.count() == 100


def test_a_key_that_is_switched_off_meanwhile_stays_off(as_user):
    key = InviteKeyFactory()
    raised = at_once(
        lambda: invite_keys.change(key, {"is_active": False}),
        *(lambda: invite_keys.change(key, {"is_active": True}),) * 4,
    )
    assert all(isinstance(error, Refusal) and error.status == 422 for error in raised)
    key.refresh_from_db()
    assert not key.is_active
