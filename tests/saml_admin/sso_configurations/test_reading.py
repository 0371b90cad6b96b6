"""Who sees and who changes SSO configurations (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from config.api.fields import wire_time
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerSsoConfiguration, EnterpriseCustomerUser
from saml_admin.serializers.sso_configurations import SHOWN, SsoConfigurationSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import LearnerFactory, customer_admin, operator
from tests.saml_admin.sso_configurations.configurations import LIST, body_of, configuration_of, is_empty, path_of

pytestmark = pytest.mark.django_db
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}


# --- Who ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("method", ["list", "get", "post", "put", "delete"])
def test_admins_who_are_linked_and_staff_with_the_role_work_on_configurations(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    door: EnterpriseCustomerSsoConfiguration,
    name: str,
    method: str,
) -> None:
    account = caller(name, acme, bolt)
    asker = as_user(account) if account else client
    response = {
        "list": lambda: asker.get(LIST),
        "get": lambda: asker.get(path_of(door)),
        "post": lambda: asker.post(LIST, body_of(acme)),
        "put": lambda: asker.put(path_of(door), {"display_name": "New"}),
        "delete": lambda: asker.delete(path_of(door)),
    }[method]()
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name == "admin":
        assert response.status_code == (201 if method == "post" else 200)
    elif name in ("operator", "superuser", "foreign admin"):  # hold the role, and are not linked here
        if method == "list":
            assert response.json() == []
        else:
            assert is_empty(response, 403 if method == "post" else 404)
    else:
        assert (response.status_code, response.json()) == (403, MISSING)


def test_the_permission_is_asked_for_the_customer_of_the_query_else_of_the_first_link(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration
) -> None:
    account = customer_admin(acme)
    assert as_user(account).get(LIST, {"enterprise_customer": str(bolt.pk)}).json() == MISSING
    LearnerFactory(enterprise_customer=bolt, user=account)  # active, so it comes first from here on
    EnterpriseCustomerUser.objects.filter(user_id=account.pk, enterprise_customer=acme).update(active=False)
    assert as_user(account).get(LIST).json() == MISSING
    assert [row["uuid"] for row in as_user(account).get(LIST, {"enterprise_customer": str(acme.pk)}).json()] == [
        str(door.pk)
    ]


def test_a_role_elsewhere_does_not_open_the_customers_one_only_learns_with(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    theirs = configuration_of(bolt)
    account = customer_admin(acme)
    LearnerFactory(enterprise_customer=bolt, user=account)
    query = f"?enterprise_customer={acme.pk}"
    admin = as_user(account)
    assert admin.get(f"{LIST}{query}").json() == []
    for response in (
        admin.get(f"{path_of(theirs)}{query}"),
        admin.put(f"{path_of(theirs)}{query}", {"display_name": "Mine"}),
        admin.delete(f"{path_of(theirs)}{query}"),
        admin.post(f"{LIST}{query}", body_of(bolt)),
    ):
        assert (response.status_code, response.json()) == (403, MISSING)


@pytest.mark.parametrize("staff", [False, True])
def test_an_inactive_link_is_refused_with_an_empty_body(
    as_user: Any, acme: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration, staff: bool
) -> None:
    account = customer_admin(acme, is_staff=staff)
    EnterpriseCustomerUser.objects.filter(user_id=account.pk).update(active=False)
    admin = as_user(account)
    for response in (
        admin.get(path_of(door)),
        admin.put(path_of(door), {}),
        admin.delete(path_of(door)),
        admin.post(LIST, body_of(acme)),
    ):
        assert is_empty(response, 403)
    assert len(admin.get(LIST).json()) == 1


def test_staff_with_the_role_work_on_all_customers(
    as_user: Any, bolt: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration
) -> None:
    root = as_user(operator(is_staff=True))
    other = configuration_of(bolt)
    assert [row["uuid"] for row in root.get(LIST).json()] == [str(door.pk), str(other.pk)]
    assert root.put(path_of(other), {"display_name": "B"}).status_code == 200
    assert [row["display_name"] for row in root.get(LIST, {"enterprise_customer": str(bolt.pk)}).json()] == ["B"]
    assert root.post(LIST, body_of(bolt)).status_code == 201
    assert root.get(LIST, {"enterprise_customer": "x"}).status_code == 400


def test_patch_does_not_exist_and_slashes_are_optional(
    boss: APIClient, door: EnterpriseCustomerSsoConfiguration
) -> None:
    assert boss.patch(path_of(door), {}).status_code == boss.patch(LIST, {}).status_code == 405
    assert boss.get(f"{LIST}/").json() == boss.get(LIST).json()
    assert boss.get(f"{path_of(door)}/").status_code == 200


# --- Read ---------------------------------------------------------------------------------------------------------


def test_a_configuration_is_shown_removed_or_not(
    boss: APIClient, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    row = configuration_of(acme, display_name=None)
    removed = configuration_of(acme, is_removed=True)
    configuration_of(acme)
    with django_assert_num_queries(4):  # account, own customer, roles in the database, page
        body = boss.get(LIST).json()
    assert [each["display_name"] for each in body] == ["SSO-config-okta-1", "SSO-config-okta-2"]
    shown = boss.get(path_of(row)).json()
    assert shown == body[0]
    assert tuple(shown) == SHOWN
    assert shown.keys() == {"is_pending_configuration", *(f.name for f in row._meta.concrete_fields)}
    assert shown["uuid"] == str(row.pk)
    assert shown["enterprise_customer"] == str(acme.pk)
    assert shown["created"] == wire_time(row.created)
    assert (shown["odata_api_timeout_interval"], shown["update_from_metadata"]) == (29, True)
    assert boss.get(path_of(removed)).json()["is_removed"] is True
    assert shown.keys() == SsoConfigurationSerializer().fields.keys()
    for named in (uuid.uuid4(), "nonsense"):
        assert is_empty(boss.get(path_of(named)), 404)


@pytest.mark.parametrize(
    ("submitted", "configured", "errored", "pending"),
    [
        (None, None, None, False),
        (10, None, None, True),
        (59, None, None, True),
        (61, None, None, False),  # timed out
        (10, 20, None, True),  # configured before it was submitted again
        (10, 5, None, False),
        (10, None, 5, False),
        (10, None, 20, True),
    ],
)
def test_pending_follows_from_the_moments(
    acme: EnterpriseCustomer, submitted: int | None, configured: int | None, errored: int | None, pending: bool
) -> None:
    ago = lambda minutes: None if minutes is None else timezone.now() - timedelta(minutes=minutes)  # noqa: E731
    row = configuration_of(acme, submitted_at=ago(submitted), configured_at=ago(configured), errored_at=ago(errored))
    assert row.is_pending_configuration is pending


def test_the_model_refuses_changes_of_locked_fields_while_pending(acme: EnterpriseCustomer) -> None:
    row = configuration_of(acme, submitted_at=timezone.now())
    row.display_name = "Free"
    row.full_clean()
    row.first_name_attribute, row.active = "given", True
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    text = "Field is locked as the configuration has already been submitted."
    assert refused.value.message_dict == {"first_name_attribute": [text], "active": [text]}
