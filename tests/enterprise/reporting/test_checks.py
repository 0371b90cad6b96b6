"""What a body for enterprise_customer_reporting/ must hold (contract: enterprise-customers)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from config.db.secrets import decrypted
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerCatalog, EnterpriseCustomerReportingConfiguration
from tests.enterprise.reporting.configurations import (
    ELSEWHERE,
    FOREIGN_CATALOGS,
    FORM,
    KEYS,
    LIST,
    MISSING,
    NO_CUSTOMER,
    NO_EMAIL,
    NOT_FOUND,
    REQUIRED,
    body_for,
    catalogs_of,
    fresh,
    path_of,
)
from tests.factories import CatalogFactory, ReportingConfigurationFactory, customer_admin, operator

pytestmark = pytest.mark.django_db
COMPRESSION = {
    "enable_compression": [
        "Compression can only be disabled for the following data types: catalog and delivery method: sftp"
    ]
}


# --- Making one -----------------------------------------------------------------------------------------------------


def test_what_a_post_leaves_out_takes_the_defaults(boss: APIClient, customer: EnterpriseCustomer) -> None:
    answer = boss.post(LIST, body_for(customer))
    shown = answer.json()
    assert answer.status_code == 201
    assert {name: shown[name] for name in shown if name not in ("enterprise_customer", "uuid")} == {
        "active": True,
        "delivery_method": "email",
        "email": ["ops@acme.test"],
        "frequency": "monthly",
        "day_of_month": None,
        "day_of_week": None,
        "hour_of_day": 7,
        "include_date": True,
        "encrypted_password": None,
        "sftp_hostname": None,
        "sftp_port": 22,
        "sftp_username": None,
        "encrypted_sftp_password": None,
        "sftp_file_path": None,
        "data_type": "progress_v3",
        "report_type": "csv",
        "pgp_encryption_key": None,
        "enterprise_customer_catalogs": [],
        "enable_compression": True,
    }
    assert shown == boss.get(path_of(shown["uuid"])).json()


def test_every_field_of_a_post_is_stored(boss: APIClient, customer: EnterpriseCustomer, pgp_key: str) -> None:
    catalogs = [CatalogFactory(enterprise_customer=customer) for _ in range(2)]
    sent = body_for(
        customer,
        active=False,
        delivery_method="sftp",
        email=[],
        data_type="catalog",
        report_type="json",
        frequency="weekly",
        day_of_month=31,
        day_of_week=6,
        hour_of_day=0,
        include_date=False,
        encrypted_password=" one ",
        encrypted_sftp_password="two",
        sftp_hostname="files.acme.test",
        sftp_port=2222,
        sftp_username="ops",
        sftp_file_path="/in",
        pgp_encryption_key=pgp_key,
        enterprise_customer_catalog_uuids=[str(each.pk) for each in catalogs],
        enable_compression=False,
    )
    answer = boss.post(LIST, sent)
    shown = answer.json()
    assert answer.status_code == 201, shown
    assert decrypted(shown["encrypted_password"], KEYS) == " one "
    assert decrypted(shown["encrypted_sftp_password"], KEYS) == "two"
    assert [each["uuid"] for each in shown["enterprise_customer_catalogs"]] == [str(each.pk) for each in catalogs]
    special = ("enterprise_customer_id", "enterprise_customer_catalog_uuids", "encrypted_password")
    for name in sent.keys() - {*special, "encrypted_sftp_password"}:
        assert shown[name] == sent[name], name


def test_the_fields_that_are_needed_are_named_together(as_user: Any, customer: EnterpriseCustomer) -> None:
    """Anybody who manages the reports of some customer gets that far: no customer is named yet."""
    answer = as_user(customer_admin(customer)).post(LIST, {})
    assert answer.status_code == 400
    assert answer.json() == {"enterprise_customer_id": REQUIRED, "active": REQUIRED, "hour_of_day": REQUIRED}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("active", "perhaps", "Must be a valid boolean."),
        ("delivery_method", "pigeon", '"pigeon" is not a valid choice.'),
        ("data_type", "zzz", '"zzz" is not a valid choice.'),
        ("report_type", "zzz", '"zzz" is not a valid choice.'),
        ("frequency", "yearly", '"yearly" is not a valid choice.'),
        ("day_of_month", 0, "Ensure this value is greater than or equal to 1."),
        ("day_of_month", 32, "Ensure this value is less than or equal to 31."),
        ("day_of_week", 7, '"7" is not a valid choice.'),
        ("day_of_week", -1, '"-1" is not a valid choice.'),
        ("hour_of_day", 24, "Ensure this value is less than or equal to 23."),
        ("hour_of_day", -1, "Ensure this value is greater than or equal to 0."),
        ("hour_of_day", 10**30, "Ensure this value is less than or equal to 23."),
        ("hour_of_day", True, "A valid integer is required."),
        ("sftp_port", -1, "Ensure this value is greater than or equal to 0."),
        ("sftp_port", 2**31, "Ensure this value is less than or equal to 2147483647."),
        ("sftp_hostname", "x" * 257, "Ensure this field has no more than 256 characters."),
        ("encrypted_password", "", "This field may not be blank."),
        ("encrypted_sftp_password", "", "This field may not be blank."),
        ("encrypted_password", "x" * 257, "Ensure this field has no more than 256 characters."),
        ("encrypted_password", {"a": 1}, "Not a valid string."),
        ("email", "ops@acme.test", 'Expected a list of items but got type "str".'),
        ("email", {}, 'Expected a list of items but got type "dict".'),
        ("email", ["a@b.test"] * 1001, "Ensure this field has no more than 1000 elements."),
        ("enterprise_customer_catalog_uuids", "zz", 'Expected a list of items but got type "str".'),
        ("pgp_encryption_key", "no key", "Invalid PGP Key provided."),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(
    boss: APIClient, customer: EnterpriseCustomer, field: str, value: Any, message: str
) -> None:
    # The compression that is missing would be a mistake too, but one that is looked at later.
    answer = boss.post(LIST, body_for(customer, enable_compression=False, **{field: value}))
    assert (answer.status_code, answer.json()) == (400, {field: [message]})
    assert not EnterpriseCustomerReportingConfiguration.objects.exists()


def test_bad_items_of_lists_are_named_by_place(boss: APIClient, customer: EnterpriseCustomer) -> None:
    lists = {"email": ["nobody", "a@b.test", ""], "enterprise_customer_catalog_uuids": [ELSEWHERE, "zz", 7]}
    assert boss.post(LIST, body_for(customer, **lists)).json() == {
        "email": {"0": ["Enter a valid email address."], "2": ["This field may not be blank."]},
        "enterprise_customer_catalog_uuids": {"1": ["Must be a valid UUID."], "2": ["Must be a valid UUID."]},
    }


@pytest.mark.parametrize("body", ["[]", '"text"', "7", "null"])
def test_a_body_that_is_no_object_is_refused(boss: APIClient, stored: Any, body: str) -> None:
    for call, path in ((boss.post, LIST), (boss.put, path_of(stored)), (boss.patch, path_of(stored))):
        answer = call(path, body, content_type="application/json")
        assert answer.status_code == 400, answer.content


def test_malformed_json_and_nul_characters_are_refused(boss: APIClient, customer: Any, stored: Any) -> None:
    for body in ("{", json.dumps(body_for(customer, encrypted_password="a\0b"))):
        assert boss.post(LIST, body, content_type="application/json").status_code == 400
    assert boss.post(LIST, "active=%00", content_type=FORM).status_code == 400
    assert boss.post(LIST, "a", content_type="text/plain").status_code == 415


@pytest.mark.parametrize("wrong", [ELSEWHERE, "zz"])
def test_an_unknown_customer_is_nobodys_and_missing_for_who_manages_all(
    boss: APIClient, as_user: Any, customer: EnterpriseCustomer, wrong: str
) -> None:
    sent = body_for(customer, enterprise_customer_id=wrong)
    assert (boss.post(LIST, sent).status_code, boss.post(LIST, sent).json()) == (403, MISSING)
    answer = as_user(operator()).post(LIST, sent)
    assert (answer.status_code, answer.json()) == (404, NO_CUSTOMER if wrong == ELSEWHERE else NOT_FOUND)


def test_the_role_is_compared_with_the_text_of_the_body(boss: APIClient, customer: EnterpriseCustomer) -> None:
    assert boss.post(LIST, body_for(customer, enterprise_customer_id=str(customer.pk).upper())).json() == MISSING


def test_another_customers_admin_is_refused_before_the_body_is_read(boss: APIClient, other: EnterpriseCustomer) -> None:
    answer = boss.post(LIST, {"enterprise_customer_id": str(other.pk)})
    assert (answer.status_code, answer.json()) == (403, MISSING)


def test_making_one_takes_no_link_with_the_customer(as_user: Any, customer: EnterpriseCustomer) -> None:
    assert as_user(operator()).post(LIST, body_for(customer)).status_code == 201


@pytest.mark.parametrize("given", [ELSEWHERE, "zz", None, 7])
def test_a_uuid_in_a_post_is_ignored(boss: APIClient, customer: EnterpriseCustomer, stored: Any, given: Any) -> None:
    shown = boss.post(LIST, {**body_for(customer, delivery_method="sftp"), "uuid": given}).json()
    assert shown["uuid"] not in (str(given), str(stored.uuid))


# --- Compression ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [None, False])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"data_type": "catalog"},
        {"delivery_method": "sftp", "email": []},
        {"data_type": "engagement", "delivery_method": "sftp"},
        {"data_type": "catalog", "delivery_method": None},
    ],
)
def test_compression_is_needed_and_left_out_counts_as_false(
    boss: APIClient, customer: EnterpriseCustomer, fields: Any, sent: Any
) -> None:
    answer = boss.post(LIST, body_for(customer, **{"enable_compression": sent, **fields}))
    assert (answer.status_code, answer.json()) == (400, COMPRESSION)


@pytest.mark.parametrize(("sent", "kept"), [(False, False), (True, True), (None, True)])
def test_only_catalogs_by_sftp_may_go_without_compression(
    boss: APIClient, customer: EnterpriseCustomer, sent: Any, kept: bool
) -> None:
    fields = body_for(customer, data_type="catalog", delivery_method="sftp", enable_compression=sent)
    assert boss.post(LIST, fields).json()["enable_compression"] is kept


def test_a_patch_needs_compression_again_and_the_stored_type_and_method_do_not_count(
    boss: APIClient, customer: EnterpriseCustomer
) -> None:
    configuration = ReportingConfigurationFactory(
        enterprise_customer=customer, data_type="catalog", delivery_method="sftp", enable_compression=False
    )
    for sent in ({}, {"hour_of_day": 3}, {"enable_compression": False}, {"data_type": "catalog"}):
        answer = boss.patch(path_of(configuration), sent)
        assert (answer.status_code, answer.json()) == (400, COMPRESSION)
    allowed = {"data_type": "catalog", "delivery_method": "sftp", "hour_of_day": 3}
    assert boss.patch(path_of(configuration), allowed).json()["enable_compression"] is False


def test_compression_is_looked_at_before_the_delivery_method_and_addresses(
    boss: APIClient, customer: EnterpriseCustomer, stored: Any
) -> None:
    sent = body_for(
        customer,
        uuid=str(stored.uuid),
        delivery_method="sftp",
        email=[],
        enable_compression=False,
        enterprise_customer_catalog_uuids=[ELSEWHERE],
    )
    answers = []
    for better in ({}, {"enable_compression": True}, {"delivery_method": "email"}, {"email": ["a@b.test"]}):
        sent |= better
        answers.append(boss.put(path_of(stored), sent).json())
    method = {"delivery_method": ["Delivery method cannot be updated"]}
    assert answers == [COMPRESSION, method, NO_EMAIL, FOREIGN_CATALOGS]


# --- Delivery method ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "patch"])
def test_with_a_uuid_in_the_body_the_delivery_method_is_fixed_and_without_it_is_not(
    boss: APIClient, customer: EnterpriseCustomer, stored: Any, method: str
) -> None:
    send = getattr(boss, method)
    sent = body_for(customer, delivery_method="sftp")
    # Any uuid: it says that the caller knows which configuration this is.
    for given in (str(stored.uuid), ELSEWHERE):
        answer = send(path_of(stored), {**sent, "uuid": given})
        assert (answer.status_code, answer.json()) == (
            400,
            {"delivery_method": ["Delivery method cannot be updated"]},
        )
    assert fresh(stored).delivery_method == "email"
    assert send(path_of(stored), {**sent, "uuid": str(stored.uuid), "delivery_method": "email"}).status_code == 200
    assert send(path_of(stored), sent).json()["delivery_method"] == "sftp"


def test_a_change_may_leave_the_delivery_method_out(boss: APIClient, customer: Any, stored: Any) -> None:
    sent = body_for(customer, delivery_method=None, uuid=str(stored.uuid))
    assert boss.put(path_of(stored), sent).status_code == 200


def test_the_uuid_can_be_changed_to_one_that_is_free(boss: APIClient, customer: Any, stored: Any) -> None:
    taken = ReportingConfigurationFactory(enterprise_customer=customer)
    sent = body_for(customer, uuid=str(taken.uuid))
    answer = boss.put(path_of(stored), sent)
    assert (answer.status_code, list(answer.json())) == (400, ["uuid"])
    assert boss.put(path_of(stored), {**sent, "uuid": ELSEWHERE}).json()["uuid"] == ELSEWHERE
    assert boss.get(path_of(stored)).status_code == 404
    assert boss.get(path_of(ELSEWHERE)).status_code == 200
    assert boss.patch(path_of(ELSEWHERE), {"enable_compression": True, "uuid": "zz"}).json() == {
        "uuid": ["Must be a valid UUID."]
    }


# --- Addresses ------------------------------------------------------------------------------------------------------


def test_a_report_by_email_needs_addresses_on_post_and_put(boss: APIClient, customer: Any, stored: Any) -> None:
    for email in (None, []):
        for call, path in ((boss.post, LIST), (boss.put, path_of(stored))):
            answer = call(path, body_for(customer, email=email))
            assert (answer.status_code, answer.json()) == (400, NO_EMAIL)
    assert boss.put(path_of(stored), body_for(customer, email=[], delivery_method=None)).json() == NO_EMAIL


def test_a_patch_may_leave_the_addresses_out_but_not_empty_them(boss: APIClient, stored: Any) -> None:
    assert boss.patch(path_of(stored), {"enable_compression": True}).json()["email"] == ["ops@acme.test"]
    answer = boss.patch(path_of(stored), {"enable_compression": True, "email": []})
    assert (answer.status_code, answer.json()) == (400, NO_EMAIL)


def test_a_post_without_a_delivery_method_may_have_no_addresses(boss: APIClient, customer: Any) -> None:
    answer = boss.post(LIST, body_for(customer, delivery_method=None, email=None))
    assert (answer.status_code, answer.json()["delivery_method"], answer.json()["email"]) == (201, "email", [])


def test_a_put_by_sftp_without_addresses_empties_them(boss: APIClient, customer: Any, stored: Any) -> None:
    assert boss.put(path_of(stored), body_for(customer, delivery_method="sftp", email=None)).json()["email"] == []


# --- Catalogs -------------------------------------------------------------------------------------------------------


def test_only_catalogs_of_the_customer_can_be_linked_and_each_once(
    boss: APIClient, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    own, foreign = CatalogFactory(enterprise_customer=customer), CatalogFactory(enterprise_customer=other)
    for wrong in ([own.pk, foreign.pk], [own.pk, own.pk], [ELSEWHERE]):
        sent = body_for(customer, enterprise_customer_catalog_uuids=[str(each) for each in wrong])
        for call, path in ((boss.post, LIST), (boss.put, path_of(stored)), (boss.patch, path_of(stored))):
            answer = call(path, sent)
            assert (answer.status_code, answer.json()) == (400, FOREIGN_CATALOGS)
    assert EnterpriseCustomerReportingConfiguration.objects.count() == 1
    assert catalogs_of(stored) == set()


@pytest.mark.parametrize("method", ["put", "patch"])
def test_every_write_replaces_the_catalogs_and_without_a_list_there_are_none(
    boss: APIClient, customer: EnterpriseCustomer, stored: Any, method: str
) -> None:
    one, two = (CatalogFactory(enterprise_customer=customer) for _ in range(2))
    send = getattr(boss, method)
    for catalogs in ([one], [one, two], [two]):
        uuids = [str(each.pk) for each in catalogs]
        shown = send(path_of(stored), body_for(customer, enterprise_customer_catalog_uuids=uuids)).json()
        assert [each["uuid"] for each in shown["enterprise_customer_catalogs"]] == uuids
    assert send(path_of(stored), body_for(customer)).json()["enterprise_customer_catalogs"] == []
    assert catalogs_of(stored) == set()


def test_a_catalog_that_is_deleted_is_no_longer_reported(boss: APIClient, customer: EnterpriseCustomer) -> None:
    catalog = CatalogFactory(enterprise_customer=customer)
    configuration = ReportingConfigurationFactory(enterprise_customer=customer, catalogs=[catalog])
    EnterpriseCustomerCatalog.objects.all().delete()
    assert boss.get(path_of(configuration)).json()["enterprise_customer_catalogs"] == []
