"""Customers that somebody deletes while a change of theirs is on its way (contract: enterprise-customers 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from enterprise.models import EnterpriseCustomer
from enterprise.services import branding, invite_keys, universal_link
from tests.factories import EnterpriseCustomerFactory, operator

pytestmark = pytest.mark.django_db

API = "/enterprise/api/v1"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex")


@pytest.fixture
def delete_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """`delete_before(service, name)`: the customer is gone when that function begins its work."""

    def arrange(service: Any, name: str) -> None:
        work = getattr(service, name)

        def late(customer: EnterpriseCustomer, *args: Any, **kwargs: Any) -> Any:
            EnterpriseCustomer.all_objects.filter(pk=customer.pk).delete()
            return work(customer, *args, **kwargs)

        monkeypatch.setattr(service, name, late)

    return arrange


@pytest.mark.parametrize(
    ("service", "name", "method", "path", "sent"),
    [
        (
            universal_link,
            "switch",
            "patch",
            "enterprise-customer/{0}/toggle_universal_link/",
            {"enable_universal_link": True},
        ),
        (invite_keys, "create", "post", "enterprise-customer-invite-key/", {"enterprise_customer_uuid": "{0}"}),
        (
            branding,
            "update",
            "patch",
            "enterprise-customer-branding/update-branding/{0}/",
            {"primary_color": "#123456"},
        ),
    ],
)
def test_a_customer_that_is_deleted_meanwhile_is_not_found(
    as_user: Any,
    customer: EnterpriseCustomer,
    delete_before: Callable[[Any, str], None],
    service: Any,
    name: str,
    method: str,
    path: str,
    sent: dict[str, Any],
) -> None:
    delete_before(service, name)
    body = {key: value.format(customer.pk) if isinstance(value, str) else value for key, value in sent.items()}
    call = getattr(as_user(operator()), method)
    response = call(f"{API}/{path.format(customer.pk)}", body, format="multipart")
    assert (response.status_code, response.json()) == (
        404,
        {"detail": "No EnterpriseCustomer matches the given query."},
    )
