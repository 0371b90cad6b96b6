"""Reporting configurations change, also by the admin portal's forms, and go (contract: enterprise-customers)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from config.db.secrets import decrypted
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerReportingConfiguration
from enterprise.serializers.reporting import ReportingConfigurationChangeSerializer
from tests.enterprise.reporting.configurations import (
    ELSEWHERE,
    FOREIGN_CATALOGS,
    FORM,
    KEYS,
    LIST,
    MISSING,
    NO_CONFIGURATION,
    NO_CUSTOMER,
    NO_EMAIL,
    NOT_FOUND,
    REQUIRED,
    body_for,
    catalogs_of,
    fresh,
    path_of,
)
from tests.factories import (
    CatalogFactory,
    LearnerFactory,
    ReportingConfigurationFactory,
    RoleAssignmentFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db


# --- Changing and deleting ------------------------------------------------------------------------------------------


def test_a_put_needs_what_a_post_needs_and_keeps_what_it_leaves_out(
    boss: APIClient, customer: EnterpriseCustomer, stored: Any
) -> None:
    assert boss.put(path_of(stored), {}).json() == {
        "enterprise_customer_id": REQUIRED,
        "active": REQUIRED,
        "hour_of_day": REQUIRED,
    }
    shown = boss.put(path_of(stored), body_for(customer, hour_of_day=23, active=False)).json()
    assert (shown["hour_of_day"], shown["active"], shown["day_of_month"]) == (23, False, 1)
    assert fresh(stored).decrypted_password == "s3cret-word"


def test_a_patch_changes_only_what_it_names_and_keeps_the_customer(boss: APIClient, customer: Any, stored: Any) -> None:
    shown = boss.patch(path_of(stored), {"enable_compression": True, "hour_of_day": 9}).json()
    assert (shown["hour_of_day"], shown["active"]) == (9, True)
    assert shown["enterprise_customer"]["uuid"] == str(customer.pk)
    before, after = stored, fresh(stored)
    assert (after.hour_of_day, after.email, after.decrypted_password) == (9, before.email, "s3cret-word")
    assert after.modified > before.modified
    assert after.created == before.created


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_configuration_cannot_be_handed_to_a_customer_of_others(
    boss: APIClient, as_user: Any, other: EnterpriseCustomer, stored: Any, method: str
) -> None:
    for foreign in (str(other.pk), ELSEWHERE, "zz"):
        answer = getattr(boss, method)(path_of(stored), body_for(other, enterprise_customer_id=foreign))
        assert (answer.status_code, answer.json()) == (403, MISSING)
    # Before the rest of the body is looked at.
    assert getattr(boss, method)(path_of(stored), {"enterprise_customer_id": str(other.pk)}).status_code == 403
    assert fresh(stored).enterprise_customer_id == stored.enterprise_customer_id


@pytest.mark.parametrize("method", ["put", "patch"])
def test_who_manages_both_customers_can_hand_a_configuration_over(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any, method: str
) -> None:
    admin = customer_admin(customer)
    RoleAssignmentFactory(user=admin, enterprise_customer=other)
    mine, theirs = CatalogFactory(enterprise_customer=customer), CatalogFactory(enterprise_customer=other)
    send = getattr(as_user(admin), method)
    sent = body_for(other, enterprise_customer_catalog_uuids=[str(mine.pk)])
    assert send(path_of(stored), sent).json() == FOREIGN_CATALOGS
    answer = send(path_of(stored), {**sent, "enterprise_customer_catalog_uuids": [str(theirs.pk)]})
    assert (answer.status_code, answer.json()["enterprise_customer"]["uuid"]) == (200, str(other.pk))
    assert (fresh(stored).enterprise_customer_id, catalogs_of(stored)) == (other.pk, {theirs.pk})


def test_an_unknown_new_customer_is_missing_for_who_manages_all(as_user: Any, customer: Any, stored: Any) -> None:
    everywhere = operator()
    LearnerFactory(enterprise_customer=customer, user=everywhere)
    client = as_user(everywhere)
    for wrong, missing in ((ELSEWHERE, NO_CUSTOMER), ("zz", NOT_FOUND)):
        answer = client.put(path_of(stored), body_for(customer, enterprise_customer_id=wrong))
        assert (answer.status_code, answer.json()) == (404, missing)


def test_a_configuration_of_another_customer_is_out_of_reach(boss: APIClient, other: EnterpriseCustomer) -> None:
    foreign = ReportingConfigurationFactory(enterprise_customer=other)
    change = {"enable_compression": True, "hour_of_day": 9}
    for answer in (
        boss.get(path_of(foreign)),
        boss.put(path_of(foreign), body_for(other)),
        boss.patch(path_of(foreign), change),
        boss.delete(path_of(foreign)),
    ):
        assert (answer.status_code, answer.json()) == (403, MISSING)
    assert fresh(foreign).hour_of_day == 7


def test_a_deleted_configuration_is_gone(boss: APIClient, stored: Any) -> None:
    answer = boss.delete(path_of(stored))
    assert (answer.status_code, answer.content) == (204, b"")
    assert boss.delete(path_of(stored)).json() == NO_CONFIGURATION
    assert boss.get(LIST).json()["count"] == 0


def test_a_configuration_that_is_deleted_while_it_is_changed_is_gone(
    boss: APIClient, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = ReportingConfigurationChangeSerializer.validate

    def overtaken(self: Any, attrs: Any) -> Any:
        EnterpriseCustomerReportingConfiguration.objects.all().delete()
        return check(self, attrs)

    monkeypatch.setattr(ReportingConfigurationChangeSerializer, "validate", overtaken)
    answer = boss.patch(path_of(stored), {"enable_compression": True})
    assert (answer.status_code, answer.json()) == (404, NO_CONFIGURATION)


def test_callers_share_the_rate_of_the_enterprise_area(boss: APIClient, stored: Any, settings: Any) -> None:
    settings.USER_RATE = "2/minute"
    answers = [boss.get(LIST), boss.get(path_of(stored)), boss.get(LIST)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"]


@pytest.mark.parametrize(("path", "method"), [(LIST, "put"), (LIST, "patch"), (LIST, "delete")])
def test_the_list_takes_no_changes(boss: APIClient, path: str, method: str) -> None:
    assert getattr(boss, method)(path).status_code == 405


# --- Forms ----------------------------------------------------------------------------------------------------------


def portal_form(customer: EnterpriseCustomer, **fields: Any) -> list[tuple[str, str]]:
    """The form of the admin portal, empty boxes included."""
    values: dict[str, Any] = {
        "enterprise_customer_id": customer.pk,
        "active": "true",
        "data_type": "progress_v3",
        "report_type": "csv",
        "delivery_method": "email",
        "frequency": "weekly",
        "day_of_month": "",
        "day_of_week": "0",
        "hour_of_day": "5",
        "email": ["a@acme.test", "b@acme.test"],
        "email_raw": "a@acme.test\nb@acme.test",
        "encrypted_password": "s3cret-word",
        "pgp_encryption_key": "",
        "enable_compression": "true",
        "include_date": "false",
        **fields,
    }
    return [
        (name, str(item)) for name, value in values.items() for item in (value if isinstance(value, list) else [value])
    ]


def send_form(client: APIClient, method: str, path: str, pairs: list[tuple[str, str]], kind: str) -> Any:
    if kind == "multipart":
        data: dict[str, Any] = {}
        for name, value in pairs:
            data.setdefault(name, []).append(value)
        return getattr(client, method)(path, data, format="multipart")
    return getattr(client, method)(path, urlencode(pairs), content_type=FORM)


@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
def test_the_portals_form_makes_and_changes_a_configuration(
    boss: APIClient, customer: EnterpriseCustomer, kind: str
) -> None:
    catalogs = [CatalogFactory(enterprise_customer=customer) for _ in range(2)]
    uuids = [str(each.pk) for each in catalogs]
    made = send_form(boss, "post", LIST, portal_form(customer, enterprise_customer_catalog_uuids=uuids), kind)
    shown = made.json()
    assert made.status_code == 201, shown
    assert (shown["email"], shown["day_of_month"], shown["day_of_week"]) == (["a@acme.test", "b@acme.test"], None, 0)
    assert (shown["active"], shown["include_date"], shown["hour_of_day"]) == (True, False, 5)
    assert [each["uuid"] for each in shown["enterprise_customer_catalogs"]] == uuids

    change = portal_form(
        customer, uuid=shown["uuid"], email=["c@acme.test"], encrypted_password="", frequency="daily", day_of_week=""
    )
    answer = send_form(boss, "put", path_of(shown["uuid"]), change, kind)
    changed = answer.json()
    assert answer.status_code == 200, changed
    assert (changed["email"], changed["frequency"], changed["day_of_week"]) == (["c@acme.test"], "daily", None)
    assert changed["enterprise_customer_catalogs"] == []
    assert decrypted(changed["encrypted_password"], KEYS) == "s3cret-word"


def test_a_form_without_addresses_or_with_an_empty_box_has_none(boss: APIClient, customer: EnterpriseCustomer) -> None:
    for empty in ([], [""]):
        pairs = portal_form(customer, email=empty, enterprise_customer_catalog_uuids=empty)
        answer = send_form(boss, "post", LIST, pairs, "urlencoded")
        assert (answer.status_code, answer.json()) == (400, NO_EMAIL)


def test_a_form_that_leaves_switches_out_does_not_set_them(boss: APIClient, customer: Any, stored: Any) -> None:
    pairs = [("enterprise_customer_id", str(customer.pk)), ("hour_of_day", "1"), ("enable_compression", "true")]
    assert send_form(boss, "post", LIST, pairs, "urlencoded").json() == {"active": REQUIRED}
    assert send_form(boss, "patch", path_of(stored), pairs, "urlencoded").json()["include_date"] is True
