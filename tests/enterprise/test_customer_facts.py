"""The customer object: what it says, for whom, and at what cost (contract: enterprise-customers 4.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from config.api.renderers import json_text
from enterprise.models import AdminNotificationRead, EnterpriseCustomer, EnterpriseCustomerType
from enterprise.models.notifications import today
from enterprise.queries.customers import active_sso_configurations, customer_facts
from enterprise.serializers.customers import CustomerSerializer, customer_body
from tests.factories import (
    BrandingFactory,
    CatalogFactory,
    EnterpriseCustomerFactory,
    IdentityProviderFactory,
    LearnerFactory,
    NotificationFactory,
    RoleAssignmentFactory,
    SsoConfigurationFactory,
    UserFactory,
    customer_admin,
)

pytestmark = pytest.mark.django_db

# The object of a customer that was made with a name and a slug only, in the contract's own words.
PLAIN = {
    "uuid": "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001", "name": "Globex", "slug": "globex", "active": True,
    "auth_org_id": None, "site": {"domain": "localhost", "name": "Matricula"},
    "enable_data_sharing_consent": True, "enforce_data_sharing_consent": "at_enrollment",
    "branding_configuration": {
        "enterprise_customer": "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001", "enterprise_slug": "globex", "logo": None,
        "primary_color": "#2D494E", "secondary_color": "#F2F0EF", "tertiary_color": "#D23228",
    },
    "disable_expiry_messaging_for_learner_credit": False, "identity_provider": None, "enable_audit_enrollment": False,
    "replace_sensitive_sso_username": False, "enable_portal_code_management_screen": False,
    "sync_learner_profile_data": False, "enable_audit_data_reporting": False, "enable_learner_portal": True,
    "enable_learner_portal_offers": False, "enable_portal_learner_credit_management_screen": False,
    "enable_executive_education_2U_fulfillment": False, "enable_portal_reporting_config_screen": False,
    "enable_portal_saml_configuration_screen": False, "contact_email": None,
    "enable_portal_subscription_management_screen": False, "hide_course_original_price": False,
    "enable_analytics_screen": True, "enable_people_management": True,
    "enable_integrated_customer_learner_portal_search": True, "enable_generation_of_api_credentials": False,
    "enable_portal_lms_configurations_screen": False, "sender_alias": None, "identity_providers": [],
    "enterprise_customer_catalogs": [], "reply_to": None, "enterprise_notification_banner": {"title": "", "text": ""},
    "hide_labor_market_data": False, "modified": "2031-03-04T05:06:07Z", "enable_universal_link": False,
    "enable_browse_and_request": False, "admin_users": [], "enable_learner_portal_sidebar_message": False,
    "learner_portal_sidebar_content": "", "enable_pathways": True, "enable_credit_and_industry_pathways": True,
    "enable_programs": True, "enable_demo_data_for_analytics_and_lpr": False, "enable_academies": True,
    "enable_one_academy": False, "active_integrations": [], "show_videos_in_learner_portal_search_results": False,
    "default_language": None, "country": None, "enable_slug_login": False, "enable_learner_credit_message_box": True,
    "show_non_production_banner": False,
}  # fmt: skip
NOTHING = {"title": "", "text": ""}


def body_of(customer: EnterpriseCustomer, reader: Any = None) -> dict[str, Any]:
    facts = customer_facts([customer.pk], reader)
    return customer_body(facts[customer.pk], RequestFactory().get("/"))


def banner(customer: EnterpriseCustomer, reader: Any) -> dict[str, Any]:
    shown: dict[str, Any] = body_of(customer, reader)["enterprise_notification_banner"]
    return shown


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex")


@pytest.fixture
def member(customer: EnterpriseCustomer) -> Any:
    return LearnerFactory(enterprise_customer=customer).user_fk


def test_a_plain_customer_is_shown_with_exactly_the_contracts_keys_and_defaults() -> None:
    customer = EnterpriseCustomerFactory(
        uuid=UUID(str(PLAIN["uuid"])), name="Globex", slug="globex", modified=datetime(2031, 3, 4, 5, 6, 7, tzinfo=UTC)
    )
    site = {"domain": customer.site.domain, "name": customer.site.name}
    assert body_of(customer) == {**PLAIN, "site": site}


def test_the_serializer_class_describes_what_the_function_builds(customer: EnterpriseCustomer) -> None:
    customer_admin(customer)
    IdentityProviderFactory(enterprise_customer=customer)
    body = body_of(customer)
    described = CustomerSerializer()
    assert set(body) == set(described.fields)
    for name in ("site", "branding_configuration"):
        assert set(body[name]) == set(described.fields[name].fields)
    for name in ("identity_providers", "admin_users"):
        assert set(body[name][0]) == set(described.fields[name].child.fields)
    assert CustomerSerializer(body).data == body
    assert json_text(body)


def test_modified_keeps_its_microseconds() -> None:
    customer = EnterpriseCustomerFactory(modified=datetime(2031, 3, 4, 5, 6, 7, 89, tzinfo=UTC))
    assert body_of(customer)["modified"] == "2031-03-04T05:06:07.000089Z"


def test_every_stored_value_is_shown() -> None:
    customer = EnterpriseCustomerFactory(
        country="DE", auth_org_id="org", contact_email="a@globex.example", reply_to="b@globex.example",
        sender_alias="Globex", default_language="de-de", learner_portal_sidebar_content="Hello",
        enforce_data_sharing_consent="externally_managed", active=False, enable_slug_login=True,
    )  # fmt: skip
    body = body_of(customer)
    assert (body["country"], body["auth_org_id"], body["default_language"]) == ("DE", "org", "de-de")
    assert (body["contact_email"], body["reply_to"], body["sender_alias"]) == (
        "a@globex.example", "b@globex.example", "Globex",
    )  # fmt: skip
    assert (body["active"], body["enable_slug_login"]) == (False, True)
    assert body["learner_portal_sidebar_content"] == "Hello"
    assert body["enforce_data_sharing_consent"] == "externally_managed"


def test_branding_shows_the_absolute_address_of_the_logo_and_defaults_for_empty_colors(
    customer: EnterpriseCustomer,
) -> None:
    BrandingFactory(enterprise_customer=customer, logo="enterprise/branding/x/logo_1.png", tertiary_color="#000000")
    assert body_of(customer)["branding_configuration"] == {
        "enterprise_customer": str(customer.pk),
        "enterprise_slug": "globex",
        "logo": "http://testserver/media/enterprise/branding/x/logo_1.png",
        "primary_color": "#2D494E",
        "secondary_color": "#F2F0EF",
        "tertiary_color": "#000000",
    }


def test_without_a_logo_the_platforms_is_shown(customer: EnterpriseCustomer, settings: Any) -> None:
    settings.PLATFORM_LOGO_URL = "https://platform.example/logo.svg"
    BrandingFactory(enterprise_customer=customer)
    assert body_of(customer)["branding_configuration"]["logo"] == "https://platform.example/logo.svg"


def test_identity_providers_and_catalogs_come_oldest_first(customer: EnterpriseCustomer) -> None:
    now = datetime.now(UTC)
    for days, provider, default in ((1, "saml-new", True), (9, "saml-old", False), (5, "saml-mid", False)):
        IdentityProviderFactory(
            enterprise_customer=customer,
            provider_id=provider,
            default_provider=default,
            created=now - timedelta(days=days),
        )
    new, old = (CatalogFactory(enterprise_customer=customer, created=now - timedelta(days=days)) for days in (1, 9))
    IdentityProviderFactory(), CatalogFactory()
    body = body_of(customer)
    assert body["identity_providers"] == [
        {"provider_id": "saml-old", "default_provider": False},
        {"provider_id": "saml-mid", "default_provider": False},
        {"provider_id": "saml-new", "default_provider": True},
    ]
    assert body["identity_provider"] == "saml-old"
    assert body["enterprise_customer_catalogs"] == [str(old.pk), str(new.pk)]


@pytest.mark.parametrize(
    ("syncing", "expected"), [([], False), ([True], True), ([True, True], True), ([True, False], False)]
)
def test_profiles_are_synced_when_every_provider_syncs_them(
    customer: EnterpriseCustomer, syncing: list[bool], expected: bool
) -> None:
    for syncs in syncing:
        IdentityProviderFactory(enterprise_customer=customer, sync_learner_profile_data=syncs)
    assert body_of(customer)["sync_learner_profile_data"] is expected


def test_admin_users_hold_the_admin_role_for_this_customer_in_the_database(customer: EnterpriseCustomer) -> None:
    boss = customer_admin(customer, email="boss@globex.example")
    unlinked = UserFactory()
    RoleAssignmentFactory(user=unlinked, role="enterprise_admin", enterprise_customer=customer)
    RoleAssignmentFactory(user=UserFactory(), role="enterprise_learner", enterprise_customer=customer)
    RoleAssignmentFactory(user=UserFactory(), role="enterprise_admin")
    customer_admin(EnterpriseCustomerFactory())
    assert body_of(customer)["admin_users"] == [
        {"email": "boss@globex.example", "lms_user_id": boss.pk},
        {"email": unlinked.email, "lms_user_id": unlinked.pk},
    ]


@pytest.mark.parametrize(("kind", "shown"), [("Non-production", True), ("Enterprise", False), ("Partner", False)])
def test_trial_customers_have_the_non_production_banner(kind: str, shown: bool) -> None:
    customer_type, _ = EnterpriseCustomerType.objects.get_or_create(name=kind)
    assert body_of(EnterpriseCustomerFactory(customer_type=customer_type))["show_non_production_banner"] is shown


# --- Notifications --------------------------------------------------------------------------------------------------


def test_a_live_notification_is_for_who_is_linked(customer: EnterpriseCustomer, member: Any) -> None:
    live = NotificationFactory(title="Maintenance", text="Down on **Sunday**")
    expected = {"id": live.pk, "title": "Maintenance", "text": "Down on **Sunday**"}
    assert banner(customer, member) == expected
    unlinked = LearnerFactory(enterprise_customer=customer, linked=False).user_fk
    for reader in (UserFactory(), unlinked, UserFactory(is_staff=True), customer_admin(EnterpriseCustomerFactory())):
        assert banner(customer, reader) == NOTHING
    assert banner(customer, None) == NOTHING


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"is_active": False}, False),
        ({"start_date": 1}, False),
        ({"start_date": 0}, True),
        ({"expiration_date": 0}, True),
        ({"expiration_date": -1}, False),
    ],
)
def test_a_notification_is_live_from_its_start_to_its_expiration(
    customer: EnterpriseCustomer, member: Any, fields: dict[str, Any], shown: bool
) -> None:
    dates = {name: today() + timedelta(days=value) for name, value in fields.items() if name != "is_active"}
    NotificationFactory(**{**fields, **dates})
    assert (banner(customer, member) != NOTHING) is shown


def test_only_the_earliest_live_notification_counts(customer: EnterpriseCustomer, member: Any) -> None:
    NotificationFactory(start_date=today() - timedelta(days=1))
    first = NotificationFactory(start_date=today() - timedelta(days=5))
    NotificationFactory(start_date=today() - timedelta(days=9), is_active=False)
    assert banner(customer, member)["id"] == first.pk
    link = member.enterprise_links.get()
    AdminNotificationRead.objects.create(enterprise_customer_user=link, admin_notification=first, is_read=True)
    assert banner(customer, member) == NOTHING


def test_a_row_that_says_unread_hides_nothing(customer: EnterpriseCustomer, member: Any) -> None:
    live = NotificationFactory()
    link = member.enterprise_links.get()
    AdminNotificationRead.objects.create(enterprise_customer_user=link, admin_notification=live, is_read=False)
    assert banner(customer, member)["id"] == live.pk


def test_reading_it_at_one_customer_leaves_it_at_another(customer: EnterpriseCustomer, member: Any) -> None:
    other = LearnerFactory(user=member).enterprise_customer
    live = NotificationFactory()
    link = member.enterprise_links.get(enterprise_customer=customer)
    AdminNotificationRead.objects.create(enterprise_customer_user=link, admin_notification=live, is_read=True)
    facts = customer_facts([customer.pk, other.pk], member)
    assert (facts[customer.pk].notification is None, facts[other.pk].notification[0]) == (True, live.pk)


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (["enable_programs"], True),
        (["enable_slug_login"], False),
        (["enable_programs", "enable_slug_login"], False),
        (["enable_programs", "name"], True),
        (["enable_autocohorting"], False),
        (["sync_learner_profile_data"], False),
        (["identity_provider"], True),
        (["enterprise_customer_catalogs"], False),
        (["no_such_attribute"], False),
        (["shown"], False),
    ],
)
def test_every_filter_of_a_notification_must_be_true_of_the_customer(
    customer: EnterpriseCustomer, member: Any, filters: list[str], shown: bool
) -> None:
    IdentityProviderFactory(enterprise_customer=customer)
    NotificationFactory(filters=filters)
    assert (banner(customer, member) != NOTHING) is shown


def test_every_column_of_the_customer_can_be_a_filter() -> None:
    customer = EnterpriseCustomerFactory()
    facts = customer_facts([customer.pk], None)[customer.pk]
    for field in EnterpriseCustomer._meta.concrete_fields:
        assert facts.has(field.name) is bool(getattr(customer, field.name)), field.name


# --- Sign-on configurations -----------------------------------------------------------------------------------------


def test_active_sign_on_configurations_leave_out_inactive_and_removed_ones(customer: EnterpriseCustomer) -> None:
    moment = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    SsoConfigurationFactory(enterprise_customer=customer)
    SsoConfigurationFactory(enterprise_customer=customer, active=True, is_removed=True)
    SsoConfigurationFactory(enterprise_customer=customer, active=True, created=moment, modified=moment)
    other = SsoConfigurationFactory(active=True, display_name="Front door").enterprise_customer
    found = active_sso_configurations([customer.pk, other.pk])
    assert found[customer.pk] == [("2031-01-02T03:04:05Z", "2031-01-02T03:04:05Z", "SSO-config-okta-2")]
    assert [name for _, _, name in found[other.pk]] == ["Front door"]


def test_the_made_up_name_of_a_configuration_counts_live_ones_and_is_never_made_again(
    customer: EnterpriseCustomer,
) -> None:
    first = SsoConfigurationFactory(enterprise_customer=customer)
    SsoConfigurationFactory(enterprise_customer=customer, is_removed=True)
    second = SsoConfigurationFactory(enterprise_customer=customer, identity_provider="azure")
    assert (first.display_name, second.display_name) == ("SSO-config-okta-1", "SSO-config-azure-2")
    first.display_name, first.identity_provider = None, "ping"
    first.save()
    assert first.display_name is None


# --- Cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("live", "statements"), [(False, 2), (True, 4)])
def test_the_statements_do_not_grow_with_the_customers(live: bool, statements: int) -> None:
    reader = UserFactory()
    if live:
        NotificationFactory(filters=["enable_programs", "enable_pathways"])
    customers = []
    for _ in range(3):
        customer = LearnerFactory(user=reader).enterprise_customer
        for _ in range(2):
            customer_admin(customer)
            CatalogFactory(enterprise_customer=customer)
            IdentityProviderFactory(enterprise_customer=customer)
        BrandingFactory(enterprise_customer=customer)
        customers.append(customer.pk)
    for some in (customers[:1], customers):
        with CaptureQueriesContext(connection) as captured:
            facts = customer_facts(some, reader)
            bodies = [customer_body(facts[uuid], RequestFactory().get("/")) for uuid in some]
        assert len(captured) == statements
        assert {len(body["admin_users"]) for body in bodies} == {2}
    assert customer_facts([], reader) == {}


def test_unknown_customers_are_left_out_and_inactive_ones_are_not(customer: EnterpriseCustomer) -> None:
    hidden = EnterpriseCustomerFactory(active=False)
    unknown = EnterpriseCustomerFactory.build().pk
    assert set(customer_facts([customer.pk, hidden.pk, unknown], None)) == {customer.pk, hidden.pk}
