"""GET enterprise_customer_reporting/, and who may do what there (contract: enterprise-customers)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from config.db.secrets import decrypted
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerReportingConfiguration, EnterpriseCustomerUser
from enterprise.queries.customers import customer_facts
from enterprise.serializers.customers import customer_body
from enterprise.serializers.reporting import ReportingConfigurationSerializer
from tests.enterprise.reporting.configurations import (
    ELSEWHERE,
    KEYS,
    LIST,
    MISSING,
    NO_CONFIGURATION,
    NOT_FOUND,
    body_for,
    fresh,
    path_of,
)
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


def customer_body_of(customer: EnterpriseCustomer) -> Any:
    """The customer object as every answer of the service has it."""
    request = RequestFactory().get("/")
    return json.loads(json.dumps(customer_body(customer_facts([customer.pk], None)[customer.pk], request), default=str))


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
