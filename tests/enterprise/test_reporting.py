"""Reporting configurations: `enterprise_customer_reporting/`."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pysequoia
import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from config.db.secrets import decrypted
from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerReportingConfiguration,
    EnterpriseCustomerUser,
)
from enterprise.models.reporting import LONGEST_PGP_KEY
from enterprise.queries.customers import customer_facts
from enterprise.serializers.customers import customer_body
from enterprise.serializers.reporting import ReportingConfigurationChangeSerializer, ReportingConfigurationSerializer
from tests.factories import (
    CatalogFactory,
    CatalogQueryFactory,
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    ReportingConfigurationFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

LIST = "/enterprise/api/v1/enterprise_customer_reporting/"
KEYS = "ENTERPRISE_REPORTING_SECRET"
MISSING = {"detail": "Missing: enterprise.can_manage_reporting_config"}
NO_CONFIGURATION = {"detail": "No EnterpriseCustomerReportingConfiguration matches the given query."}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
NOT_FOUND = {"detail": "Not found."}
REQUIRED = ["This field is required."]
COMPRESSION = {
    "enable_compression": [
        "Compression can only be disabled for the following data types: catalog and delivery method: sftp"
    ]
}
NO_EMAIL = {"email": ["This field is required"]}
FOREIGN_CATALOGS = {
    "enterprise_customer_catalog_uuids": ["Only those catalogs can be linked that belong to the enterprise customer."]
}
ELSEWHERE = "99999999-0000-4000-8000-000000000009"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def pgp_key() -> str:
    return str(pysequoia.Tsk.generate(user_id="Ops <ops@acme.test>").extract_certificate())


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="beta")


@pytest.fixture
def boss(as_user: Any, customer: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(customer))


@pytest.fixture
def stored(customer: EnterpriseCustomer) -> EnterpriseCustomerReportingConfiguration:
    return ReportingConfigurationFactory(enterprise_customer=customer, decrypted_password="s3cret-word")


def path_of(configuration: Any) -> str:
    return f"{LIST}{getattr(configuration, 'uuid', configuration)}/"


def body_for(customer: EnterpriseCustomer, **fields: Any) -> dict[str, Any]:
    """The least that makes a configuration as the portal makes one; None leaves a field out."""
    complete = {
        "enterprise_customer_id": str(customer.pk),
        "active": True,
        "enable_compression": True,
        "delivery_method": "email",
        "email": ["ops@acme.test"],
        "hour_of_day": 7,
        **fields,
    }
    return {name: value for name, value in complete.items() if value is not None}


def fresh(configuration: EnterpriseCustomerReportingConfiguration) -> EnterpriseCustomerReportingConfiguration:
    return EnterpriseCustomerReportingConfiguration.objects.get(pk=configuration.pk)


def catalogs_of(configuration: EnterpriseCustomerReportingConfiguration) -> set[uuid.UUID]:
    return set(configuration.enterprise_customer_catalogs.values_list("pk", flat=True))


def customer_body_of(customer: EnterpriseCustomer) -> Any:
    """The customer object as every answer of the service has it."""
    request = RequestFactory().get("/")
    return json.loads(json.dumps(customer_body(customer_facts([customer.pk], None)[customer.pk], request), default=str))


def stored_texts() -> str:
    """Every column of every configuration as the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM enterprise_enterprisecustomerreportingconfiguration")
        return repr(cursor.fetchall())


# --- The object -----------------------------------------------------------------------------------------------------


def test_a_configuration_is_shown_with_its_customer_and_catalogs(boss: APIClient, customer: EnterpriseCustomer) -> None:
    query = CatalogQueryFactory()
    catalog = CatalogFactory(enterprise_customer=customer, enterprise_catalog_query=query, title="All")
    configuration = ReportingConfigurationFactory(
        enterprise_customer=customer, decrypted_password="s3cret-word", catalogs=[catalog]
    )
    answer = boss.get(path_of(configuration))
    shown = answer.json()
    token = shown.pop("encrypted_password")
    nested = shown.pop("enterprise_customer")
    [item] = shown.pop("enterprise_customer_catalogs")
    assert answer.status_code == 200
    assert shown == {
        "active": True,
        "delivery_method": "email",
        "email": ["ops@acme.test"],
        "frequency": "monthly",
        "day_of_month": 1,
        "day_of_week": None,
        "hour_of_day": 7,
        "include_date": True,
        "sftp_hostname": None,
        "sftp_port": 22,
        "sftp_username": None,
        "encrypted_sftp_password": None,
        "sftp_file_path": None,
        "data_type": "progress_v3",
        "report_type": "csv",
        "pgp_encryption_key": None,
        "uuid": str(configuration.uuid),
        "enable_compression": True,
    }
    assert decrypted(token, KEYS) == "s3cret-word"
    assert nested == {**customer_body_of(customer), "admin_users": []}
    assert nested["enterprise_customer_catalogs"] == [str(catalog.pk)]
    assert item == {
        "uuid": str(catalog.pk),
        "title": "All",
        "enterprise_customer": str(customer.pk),
        "enterprise_catalog_query": query.pk,
        "created": item["created"],
        "modified": item["modified"],
    }
    assert item["created"].endswith("Z")


def test_the_documented_object_is_the_one_that_is_answered(boss: APIClient, stored: Any) -> None:
    assert set(ReportingConfigurationSerializer().fields) == set(boss.get(path_of(stored)).json())


def test_a_list_is_a_default_page_in_order_of_creation(boss: APIClient, customer: EnterpriseCustomer) -> None:
    now = timezone.now()
    made = [
        ReportingConfigurationFactory(enterprise_customer=customer, created=now - timedelta(minutes=age))
        for age in range(12)
    ]
    page = boss.get(LIST).json()
    assert list(page) == ["next", "previous", "count", "num_pages", "current_page", "start", "results"]
    assert (page["count"], page["num_pages"], page["start"]) == (12, 2, 0)
    assert [row["uuid"] for row in page["results"]] == [str(each.uuid) for each in reversed(made)][:10]
    assert len(boss.get(LIST, {"page": 2}).json()["results"]) == 2
    assert boss.get(LIST, {"page": 3}).json() == {"detail": "Invalid page."}


def test_addresses_take_a_format_suffix_in_place_of_the_slash(boss: APIClient, stored: Any) -> None:
    assert boss.get(f"{LIST[:-1]}.json").json()["count"] == 1
    assert boss.get(f"{path_of(stored)[:-1]}.json").json()["uuid"] == str(stored.uuid)


@pytest.mark.parametrize("catalogs", [0, 3])
def test_a_page_costs_the_same_statements_however_many_rows(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, catalogs: int
) -> None:
    client = as_user(customer_admin(customer, staff=True))

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST).status_code == 200
        return len(captured)

    def more(rows: int) -> None:
        for owner in [customer, other] * rows:
            own = [CatalogFactory(enterprise_customer=owner) for _ in range(catalogs)]
            ReportingConfigurationFactory(enterprise_customer=owner, catalogs=own)

    more(1)
    few = statements()
    more(3)
    # Account; the caller's first link; page; catalogs; the two of the customer objects.
    assert (few, statements()) == (6, 6)


def test_a_single_configuration_costs_six_statements(boss: APIClient, stored: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        boss.get(path_of(stored))
    assert len(captured) == 6


# --- Who may --------------------------------------------------------------------------------------------------------


def every_call(client: APIClient, customer: Any, configuration: Any) -> list[Any]:
    change = body_for(customer)
    return [
        client.get(LIST),
        client.post(LIST, change),
        client.get(path_of(configuration)),
        client.put(path_of(configuration), change),
        client.patch(path_of(configuration), {"enable_compression": True}),
        client.delete(path_of(configuration)),
    ]


def test_anonymous_callers_are_told_to_sign_in(client: APIClient, customer: Any, stored: Any) -> None:
    for answer in every_call(client, customer, stored):
        assert (answer.status_code, answer.json()) == (
            401,
            {"detail": "Authentication credentials were not provided."},
        )


def test_others_than_the_managers_of_the_customers_reports_are_refused(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    learner = UserFactory()
    LearnerFactory(enterprise_customer=customer, user=learner)
    stranger = customer_admin(other)
    LearnerFactory(enterprise_customer=customer, user=stranger)  # his first link is now this customer's
    provisioner = UserFactory()
    RoleAssignmentFactory(user=provisioner, role="enterprise_provisioning_admin")
    for caller in (learner, stranger, provisioner, UserFactory(staff=True), UserFactory()):
        for answer in every_call(as_user(caller), customer, stored):
            assert (answer.status_code, answer.json()) == (403, MISSING)
    assert EnterpriseCustomerReportingConfiguration.objects.count() == 1


@pytest.mark.parametrize("kind", ["admin", "operator", "superuser", "database"])
def test_managers_of_the_customers_reports_may(
    as_user: Any, by_session: Any, customer: EnterpriseCustomer, stored: Any, kind: str
) -> None:
    if kind == "admin":
        caller = customer_admin(customer)
    elif kind == "operator":
        caller = operator()
    else:
        caller = UserFactory(superuser=kind == "superuser")
    if kind != "admin":
        LearnerFactory(enterprise_customer=customer, user=caller)
    if kind == "database":
        FeatureRoleAssignmentFactory(user=caller, role="reporting_config_admin")
    client = by_session(caller) if kind == "database" else as_user(caller)
    assert [answer.status_code for answer in every_call(client, customer, stored)] == [200, 201, 200, 200, 200, 204]


def test_the_list_asks_for_the_customer_of_the_callers_first_link(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer
) -> None:
    """Active links come first, then the one that was changed last."""
    user = UserFactory()
    RoleAssignmentFactory(user=user, enterprise_customer=customer)
    now = timezone.now()
    mine = LearnerFactory(enterprise_customer=customer, user=user, should_inactivate_other_customers=False)
    LearnerFactory(enterprise_customer=other, user=user, active=False, should_inactivate_other_customers=False)
    for each in (customer, other):
        ReportingConfigurationFactory(enterprise_customer=each)
    client = as_user(user)

    def links(**fields: Any) -> None:
        EnterpriseCustomerUser.all_objects.filter(pk=mine.pk).update(**fields)

    links(active=True, modified=now - timedelta(days=9))
    assert client.get(LIST).json()["count"] == 2  # all that the caller is linked to, not only that customer's
    links(active=False)
    assert (client.get(LIST).status_code, client.get(LIST).json()) == (403, MISSING)
    links(modified=now + timedelta(days=9))
    assert client.get(LIST).status_code == 200
    links(linked=False)
    assert client.get(LIST).status_code == 403


def test_without_a_link_any_manager_gets_an_empty_list(as_user: Any, customer: EnterpriseCustomer, stored: Any) -> None:
    user = UserFactory()
    RoleAssignmentFactory(user=user, enterprise_customer=customer)
    assert as_user(user).get(LIST).json()["count"] == 0


def test_only_configurations_of_linked_customers_are_there(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    foreign = ReportingConfigurationFactory(enterprise_customer=other)
    everywhere = operator()
    LearnerFactory(enterprise_customer=customer, user=everywhere)
    LearnerFactory(enterprise_customer=other, user=everywhere, linked=False, active=False)
    client = as_user(everywhere)
    assert [row["uuid"] for row in client.get(LIST).json()["results"]] == [str(stored.uuid)]
    for call in (client.get, client.delete):
        answer = call(path_of(foreign))
        assert (answer.status_code, answer.json()) == (404, NO_CONFIGURATION)
    for call in (client.put, client.patch):
        assert call(path_of(foreign), body_for(customer)).json() == NO_CONFIGURATION
    assert fresh(foreign).enterprise_customer_id == other.pk


def test_staff_with_the_role_see_all_rows_and_superusers_only_their_own(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    ReportingConfigurationFactory(enterprise_customer=other)
    assert as_user(customer_admin(customer, staff=True)).get(LIST).json()["count"] == 2
    assert as_user(UserFactory(superuser=True)).get(LIST).json()["count"] == 0


def test_a_configuration_of_a_customer_that_is_not_active_is_there(as_user: Any) -> None:
    asleep = EnterpriseCustomerFactory(active=False)
    configuration = ReportingConfigurationFactory(enterprise_customer=asleep)
    shown = as_user(customer_admin(asleep)).get(path_of(configuration)).json()
    assert shown["enterprise_customer"]["active"] is False


@pytest.mark.parametrize(("wrong", "missing"), [(ELSEWHERE, NO_CONFIGURATION), ("zz", NOT_FOUND)])
def test_an_unknown_configuration_is_missing_for_managers_and_forbidden_to_others(
    boss: APIClient, as_user: Any, customer: EnterpriseCustomer, wrong: str, missing: Any
) -> None:
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(boss, method)(path_of(wrong))
        assert (answer.status_code, answer.json()) == (404, missing)
        assert getattr(as_user(UserFactory()), method)(path_of(wrong)).json() == MISSING


# --- Filters --------------------------------------------------------------------------------------------------------


def test_the_query_narrows_lists_and_look_ups(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    foreign = ReportingConfigurationFactory(enterprise_customer=other)
    client = as_user(customer_admin(customer, staff=True))
    rows = client.get(LIST, {"enterprise_customer": str(other.pk)}).json()["results"]
    assert [row["uuid"] for row in rows] == [str(foreign.uuid)]
    assert client.get(path_of(stored), {"enterprise_customer": str(other.pk)}).status_code == 404
    assert client.get(path_of(stored), {"enterprise_customer": str(customer.pk)}).status_code == 200


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("zz", "“zz” is not a valid UUID."),
        (ELSEWHERE, "Select a valid choice. That choice is not one of the available choices."),
    ],
)
def test_a_filter_with_an_impossible_value_is_refused(boss: APIClient, value: str, message: str) -> None:
    answer = boss.get(LIST, {"enterprise_customer": value})
    assert (answer.status_code, answer.json()) == (400, {"enterprise_customer": [message]})


def test_the_list_can_be_ordered_by_customer_the_oldest_first(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer
) -> None:
    client = as_user(customer_admin(customer, staff=True))
    for each in (other, customer):
        ReportingConfigurationFactory(enterprise_customer=each)
    expected = [str(customer.pk), str(other.pk)]
    for ordering, order in (("enterprise_customer", expected), ("-enterprise_customer,nothing", expected[::-1])):
        rows = client.get(LIST, {"ordering": ordering}).json()["results"]
        assert [row["enterprise_customer"]["uuid"] for row in rows] == order


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


# --- PGP keys -------------------------------------------------------------------------------------------------------


def test_a_public_key_is_kept_as_it_was_given(boss: APIClient, customer: Any, pgp_key: str) -> None:
    for key in (pgp_key, pgp_key.replace("\n", "\r\n"), pgp_key.strip(), f"\n{pgp_key}\n"):
        answer = boss.post(LIST, body_for(customer, pgp_encryption_key=key))
        assert (answer.status_code, answer.json().get("pgp_encryption_key")) == (201, key)


@pytest.mark.parametrize("empty", ["", None])
def test_no_key_is_no_mistake(boss: APIClient, customer: Any, empty: Any) -> None:
    answer = boss.post(LIST, {**body_for(customer), "pgp_encryption_key": empty})
    assert (answer.status_code, answer.json()["pgp_encryption_key"]) == (201, empty)


def test_what_is_no_single_public_key_is_refused(boss: APIClient, customer: Any, pgp_key: str) -> None:
    private = str(pysequoia.Tsk.generate(user_id="Ops <ops@acme.test>"))
    assert "PRIVATE" in private
    head, tail = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
    lines = pgp_key.splitlines()
    wrong = [
        "key",
        "   ",
        head,
        f"{head}\n\n{tail}",
        f"{head}\n\n{'A' * 10_000}\n{tail}",
        "\n".join(lines[: len(lines) // 2]),
        pgp_key * 2,
        private,
        "\ufffd\U0001f511" * 1000,
        "-----BEGIN PGP" * 10_000,
        pgp_key + "x" * LONGEST_PGP_KEY,
        "-----BEGIN PGP MESSAGE-----\n\nwcBMA0000\n=abcd\n-----END PGP MESSAGE-----",
    ]
    for key in wrong:
        answer = boss.post(LIST, body_for(customer, pgp_encryption_key=key))
        assert (answer.status_code, answer.json()) == (400, {"pgp_encryption_key": ["Invalid PGP Key provided."]}), key[
            :80
        ]


# --- Passwords ------------------------------------------------------------------------------------------------------


def test_passwords_are_encrypted_at_rest_and_in_every_answer_anew(
    boss: APIClient, customer: EnterpriseCustomer, caplog: pytest.LogCaptureFixture
) -> None:
    secret, sftp_secret = "the-horse-is-correct", "the-battery-too"
    made = boss.post(
        LIST, body_for(customer, encrypted_password=secret, encrypted_sftp_password=sftp_secret, frequency="nope")
    )
    assert made.status_code == 400
    made = boss.post(LIST, body_for(customer, encrypted_password=secret, encrypted_sftp_password=sftp_secret))
    uuid_ = made.json()["uuid"]
    answers = [made, boss.get(path_of(uuid_)), boss.get(path_of(uuid_)), boss.get(LIST)]
    for text in (stored_texts(), caplog.text, *(answer.content.decode() for answer in answers)):
        assert secret not in text
        assert sftp_secret not in text
    tokens = [answers[place].json()["encrypted_password"] for place in range(3)]
    tokens.append(answers[3].json()["results"][0]["encrypted_password"])
    assert len(set(tokens)) == 4
    assert {decrypted(token, KEYS) for token in tokens} == {secret}
    assert all(token not in stored_texts() for token in tokens)


def test_null_takes_a_password_away(boss: APIClient, stored: Any) -> None:
    sent = {"enable_compression": True, "encrypted_password": None}
    assert boss.patch(path_of(stored), sent).json()["encrypted_password"] is None
    assert fresh(stored).decrypted_password is None


def test_a_configuration_with_a_password_has_no_telling_representation(stored: Any) -> None:
    row = fresh(stored)
    for shown in (repr(row), str(row), repr([row]), repr(type(row).objects.all())):
        assert "s3cret-word" not in shown


def test_after_a_change_of_keys_old_passwords_are_read_and_answers_use_the_new_key(
    boss: APIClient, stored: Any, settings: Any
) -> None:
    old, new = settings.ENTERPRISE_REPORTING_SECRET[0], Fernet.generate_key().decode()
    settings.ENTERPRISE_REPORTING_SECRET = [new, old]
    token = boss.get(path_of(stored)).json()["encrypted_password"]
    assert Fernet(new).decrypt(token.encode()) == b"s3cret-word"
    # Without the old key: not readable, shown as it is stored, and left alone by changes.
    settings.ENTERPRISE_REPORTING_SECRET = [new]
    before = boss.get(path_of(stored)).json()["encrypted_password"]
    assert boss.patch(path_of(stored), {"enable_compression": True, "hour_of_day": 2}).status_code == 200
    settings.ENTERPRISE_REPORTING_SECRET = [old]
    assert decrypted(before, KEYS) == fresh(stored).decrypted_password == "s3cret-word"


# --- Who is who -----------------------------------------------------------------------------------------------------


def test_two_customers_admins_never_see_each_others_reports(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    theirs = ReportingConfigurationFactory(enterprise_customer=other)
    admins: list[tuple[User, Any]] = [(customer_admin(customer), stored), (customer_admin(other), theirs)]
    for admin, own in admins:
        rows = as_user(admin).get(LIST).json()["results"]
        assert [row["uuid"] for row in rows] == [str(own.uuid)]
