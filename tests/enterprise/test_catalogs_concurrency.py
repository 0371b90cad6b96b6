"""Catalogs that are made at the same time (contract: enterprise-customers 4.4, 9)."""

from __future__ import annotations

import pytest

from enterprise.models import EnterpriseCustomerCatalog
from tests import factories
from tests.parallel import at_once, concurrent_writers

pytestmark = [pytest.mark.django_db(transaction=True), concurrent_writers]
URL = "/enterprise/api/v1/enterprise_customer_catalog/"


def test_identical_requests_at_once_make_one_catalog(as_user):
    staff, customer = factories.UserFactory(staff=True), factories.EnterpriseCustomerFactory()
    query = factories.CatalogQueryFactory()
    given = {"title": "Mine", "enterprise_customer": str(customer.pk), "enterprise_catalog_query": query.pk}
    clients, answers = [as_user(staff) for _ in range(6)], []

    raised = at_once(*(lambda client=client: answers.append(client.post(URL, given)) for client in clients))

    assert raised == []
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert EnterpriseCustomerCatalog.objects.get().history.count() == 1
