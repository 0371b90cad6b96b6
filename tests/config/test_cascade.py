"""Deleting rows with what hangs on them (config.db.cascade); customers are the large case, in tests/enterprise."""

from __future__ import annotations

import pytest
from django.db.models import ProtectedError

from config.db.cascade import count_dependants, delete_with_dependants
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerType, EnterpriseCustomerUser
from tests.factories import CatalogFactory, EnterpriseCustomerFactory, LearnerFactory

pytestmark = pytest.mark.django_db


def test_a_protected_row_keeps_everything():
    kind = EnterpriseCustomerType.objects.create(name="Partner")
    customer = EnterpriseCustomerFactory(customer_type=kind)
    with pytest.raises(ProtectedError):
        delete_with_dependants(EnterpriseCustomerType, [kind.pk])
    assert EnterpriseCustomer.objects.get().pk == customer.pk
    assert EnterpriseCustomerType.objects.filter(pk=kind.pk).exists()


def test_relations_that_become_null_do_so():
    link = LearnerFactory()
    key = link.enterprise_customer.invite_keys.create()
    EnterpriseCustomerUser.all_objects.filter(pk=link.pk).update(invite_key=key)
    delete_with_dependants(type(key), [key.pk])
    link.refresh_from_db()
    assert (link.invite_key, type(key).all_objects.count()) == (None, 0)


def test_what_would_go_is_counted_and_nothing_goes():
    link = LearnerFactory()
    CatalogFactory(enterprise_customer=link.enterprise_customer)
    CatalogFactory()
    counts = count_dependants(EnterpriseCustomer, [link.enterprise_customer_id])
    assert {model.__name__: number for model, number in counts.items()} == {
        "EnterpriseCustomer": 1,
        "EnterpriseCustomerUser": 1,
        "EnterpriseCustomerCatalog": 1,
    }
    assert EnterpriseCustomer.objects.count() == 2


def test_no_ids_delete_nothing():
    EnterpriseCustomerFactory()
    delete_with_dependants(EnterpriseCustomer, [])
    assert EnterpriseCustomer.objects.count() == 1
