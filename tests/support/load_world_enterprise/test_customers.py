"""The sections of customers, and of what belongs to one (contract: world-format)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.core.files.storage import default_storage
from django.utils import timezone

from enterprise.models import (
    DefaultEnterpriseEnrollmentIntention,
    EnterpriseCatalogQuery,
    EnterpriseCustomer,
    EnterpriseCustomerBrandingConfiguration,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerInviteKey,
    EnterpriseFeatureUserRoleAssignment,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.customers import own_site_id
from enterprise.queries.roles import jwt_roles
from tests.factories import EnterpriseCustomerFactory
from tests.support.load_world_enterprise.worlds import MILLS, RUN, WORKS, Load, Refused, customers

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


# --- sites, customers ---------------------------------------------------------------------------------------------


def test_the_first_site_is_the_services_own_unless_another_says_so(load: Load, refused: Refused) -> None:
    sites = [{"domain": "one.example"}, {"domain": "two.example", "name": "Two", "default": True}]
    load({"sites": sites[:1], **customers()})
    assert EnterpriseCustomer.objects.get().site.domain == "one.example"
    load({"sites": sites, "customers": [{"uuid": MILLS, "slug": "mills", "name": "Mills"}]})
    assert EnterpriseCustomer.objects.get(slug="mills").site.domain == "two.example"
    assert dict(Site.objects.filter(domain__endswith=".example").values_list("domain", "name")) == {
        "one.example": "one.example",
        "two.example": "Two",
    }
    sites[0]["default"] = True
    assert refused({"sites": sites}).startswith("sites[1].default: ")


def test_without_sites_the_settings_own_host_counts(load: Load, settings: Any) -> None:
    load(customers())
    assert EnterpriseCustomer.objects.get().site.domain == settings.SITE_DOMAIN
    assert EnterpriseCustomer.objects.get().site_id == own_site_id()


def test_a_customer_takes_every_field_of_its_model(load: Load) -> None:
    fields = {
        "country": "NL",
        "active": False,
        "customer_type": "Non-production",
        "default_language": "fr-ca",
        "default_contract_discount": 12.5,
        "enforce_data_sharing_consent": "externally_managed",
        "enable_executive_education_2U_fulfillment": True,
        "contact_email": "desk@works.example",
        "created": "2024-01-01T00:00:00Z",
    }
    load(customers(**fields))
    assert load(customers(**fields)) == {"customers": (0, 0, 1)}
    stored = EnterpriseCustomer.all_objects.get()
    assert (stored.country.code, stored.active, stored.customer_type.name) == ("NL", False, "Non-production")
    assert stored.default_contract_discount == Decimal("12.5")
    assert stored.created == datetime(2024, 1, 1, tzinfo=UTC)
    assert stored.history.count() == 1


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"slug": "no blanks"}, "slug"),
        ({"name": ""}, "name"),
        ({"default_language": "en-klingon"}, "default_language"),
        ({"customer_type": "Secret"}, "customer_type"),
        ({"site": "nowhere.example"}, "site"),
        ({"branding": {"primary_color": "red"}}, "branding.primary_color"),
        ({"branding": {"logo": "missing.png"}}, "branding.logo"),
        ({"identity_providers": [{"provider_id": "no blanks"}]}, "identity_providers[0].provider_id"),
        ({"uuid": "12"}, "uuid"),
    ],
)
def test_what_a_customer_cannot_have_is_refused(refused: Refused, fields: dict[str, Any], place: str) -> None:
    assert refused(customers(**fields)).startswith(f"customers[0].{place}: ")


def test_a_slug_that_another_customer_has_is_refused(refused: Refused) -> None:
    EnterpriseCustomerFactory(slug="works", active=False)
    assert refused(customers()) == "customers[0].slug: Enterprise customer with this Slug already exists."


def test_a_logo_is_stored_under_a_name_of_its_own_once(load: Load, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "logo.png").write_bytes(PNG)
    world = customers(branding={"logo": "logo.png", "primary_color": "#123456"})
    load(world, check=True)
    assert not (tmp_path / "media").exists()
    load(world)
    branding = EnterpriseCustomerBrandingConfiguration.objects.get()
    name = str(branding.logo)
    assert name.startswith(f"enterprise/branding/{WORKS}/logo_")
    assert name.endswith(".png")
    assert default_storage.open(name).read() == PNG
    assert load(world) == {"customers": (0, 0, 1)}
    (tmp_path / "logo.png").write_bytes(PNG + b"1")
    assert load(world) == {"customers": (0, 1, 0)}
    branding.refresh_from_db()
    assert str(branding.logo) != name
    assert load(customers(branding={"logo": None})) == {"customers": (0, 1, 0)}
    assert load(customers(branding={"logo": None})) == {"customers": (0, 0, 1)}
    assert load(customers()) == {"customers": (0, 0, 1)}


@pytest.mark.parametrize(("content", "reason"), [(b"GIF89a", "no PNG picture"), (PNG * 20, "larger than 1 kB")])
def test_a_logo_is_a_png_of_a_bearable_size(
    refused: Refused, settings: Any, tmp_path: Path, content: bytes, reason: str
) -> None:
    settings.ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE = 1
    (tmp_path / "logo.png").write_bytes(content)
    assert reason in refused(customers(branding={"logo": "logo.png"}))


def test_a_refused_world_leaves_no_logo_behind(refused: Refused, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "logo.png").write_bytes(PNG)
    refused({**customers(branding={"logo": "logo.png"}), "groups": [{"uuid": "1"}]})
    assert not (tmp_path / "media").exists()


def test_identity_providers_are_replaced_by_the_list(load: Load) -> None:
    load(customers(identity_providers=[{"provider_id": "saml-a", "default_provider": True}, {"provider_id": "saml-b"}]))
    first = EnterpriseCustomerIdentityProvider.objects.get(provider_id="saml-a")
    assert load(customers(identity_providers=[{"provider_id": "saml-a"}])) == {"customers": (0, 1, 0)}
    assert EnterpriseCustomerIdentityProvider.objects.get() == first
    assert first.default_provider


# --- catalog_queries, catalogs, default_intentions ----------------------------------------------------------------


def test_a_query_is_told_by_its_id_or_its_title(load: Load, refused: Refused) -> None:
    load({"catalog_queries": [{"title": "Second"}, {"id": 4100, "title": "First", "content_filter": {"org": "A"}}]})
    ids = dict(EnterpriseCatalogQuery.objects.values_list("title", "pk"))
    assert ids["First"] == 4100
    assert ids["Second"] > 4100
    counts = load(
        {"catalog_queries": [{"id": 4100, "title": "Renamed"}, {"title": "Second"}, {"id": 4200, "title": "T"}]}
    )
    assert counts == {"catalog_queries": (1, 1, 1)}
    assert EnterpriseCatalogQuery.objects.get(pk=4100).title == "Renamed"
    assert refused({"catalog_queries": [{"content_filter": {}}]}).startswith("catalog_queries[0]: ")
    message = refused({"catalog_queries": [{"title": "X", "content_filter": {"key": "A+B"}}]})
    assert message == "catalog_queries[0].content_filter: Content filter 'key' must be of type <class 'list'>"


def test_a_catalog_has_the_filter_of_its_query(load: Load, scene: None) -> None:
    catalog = {"uuid": "02000000-0000-4000-8000-000000000001", "customer": WORKS, "catalog_query": 4100}
    world = {
        "catalog_queries": [{"id": 4100, "title": "Pine", "content_filter": {"org": "PineX"}}],
        "catalogs": [{**catalog, "content_filter": {"org": "ignored"}}],
    }
    load(world)
    assert load(world) == {"catalog_queries": (0, 0, 1), "catalogs": (0, 0, 1)}
    stored = EnterpriseCustomerCatalog.objects.get()
    assert stored.content_filter == {"org": "PineX"}
    assert stored.title == "All Content"
    world["catalog_queries"][0]["content_filter"] = {"org": "FirX"}
    assert load(world) == {"catalog_queries": (0, 1, 0), "catalogs": (0, 0, 1)}
    stored.refresh_from_db()
    assert stored.content_filter == {"org": "FirX"}
    assert load({"catalogs": [{**catalog, "catalog_query": "Pine"}]}) == {"catalogs": (0, 0, 1)}
    assert load({"catalogs": [{**catalog, "catalog_query": None, "content_filter": {"org": "own"}}]}) == {
        "catalogs": (0, 1, 0)
    }
    stored.refresh_from_db()
    assert (stored.enterprise_catalog_query, stored.content_filter) == (None, {"org": "own"})


def test_a_catalog_without_a_filter_gets_the_default_one(load: Load, settings: Any, scene: None) -> None:
    settings.ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER = {"partner": "pine"}
    catalogs = [
        {"uuid": "02000000-0000-4000-8000-000000000001", "customer": WORKS},
        {"uuid": "02000000-0000-4000-8000-000000000002", "customer": WORKS, "content_filter": {}},
    ]
    load({"catalogs": catalogs})
    assert load({"catalogs": catalogs}) == {"catalogs": (0, 0, 2)}
    assert [catalog.content_filter for catalog in EnterpriseCustomerCatalog.objects.all()] == [{"partner": "pine"}] * 2


@pytest.mark.parametrize("query", [99_999, "No such title", 2**70])
def test_a_query_that_is_nowhere_is_refused(refused: Refused, scene: None, query: Any) -> None:
    catalog = {"uuid": "02000000-0000-4000-8000-000000000001", "customer": WORKS, "catalog_query": query}
    assert f"catalogs[0].catalog_query: There is no catalog query '{query}'" in refused({"catalogs": [catalog]})


def test_a_default_intention_knows_what_it_is_of(load: Load, refused: Refused, scene: None) -> None:
    one, two = "09000000-0000-4000-8000-000000000001", "09000000-0000-4000-8000-000000000002"
    world = {
        "default_intentions": [
            {"uuid": one, "customer": WORKS, "content_key": "PineX+Trees"},
            {"uuid": two, "customer": WORKS, "content_key": RUN, "is_removed": True},
        ]
    }
    load(world)
    assert load(world) == {"default_intentions": (0, 0, 2)}
    kinds = dict(DefaultEnterpriseEnrollmentIntention.all_objects.values_list("content_key", "content_type"))
    assert kinds == {"PineX+Trees": "course", RUN: "course_run"}
    message = refused({"default_intentions": [{"uuid": one, "customer": WORKS, "content_key": "PineX+Bushes"}]})
    assert message == "default_intentions[0].content_key: The content key did not resolve to a valid course run."


# --- roles --------------------------------------------------------------------------------------------------------


def test_a_role_is_for_a_customer_or_for_all_of_them(load: Load, refused: Refused, scene: None) -> None:
    world = {
        "role_assignments": [
            {"user": "anna", "role": "enterprise_admin", "customer": WORKS},
            {"user": "anna", "role": "enterprise_openedx_operator", "customer": "*"},
            {"user": "bert", "role": "enterprise_provisioning_admin", "customer": "*", "applies_to_all_contexts": True},
        ]
    }
    load(world)
    assert load(world) == {"role_assignments": (0, 0, 3)}
    rows = SystemWideEnterpriseUserRoleAssignment.objects.values_list("role__name", "applies_to_all_contexts")
    assert dict(rows) == {
        "enterprise_admin": False,
        "enterprise_openedx_operator": True,
        "enterprise_provisioning_admin": True,
    }
    assert SystemWideEnterpriseUserRoleAssignment.history.count() == 3
    bert = SystemWideEnterpriseUserRoleAssignment.objects.get(user__username="bert").user
    assert jwt_roles(bert) == ["enterprise_provisioning_admin:*"]
    none = {"user": "anna", "role": "enterprise_admin", "customer": "*", "applies_to_all_contexts": False}
    assert refused({"role_assignments": [none]}).startswith(
        "role_assignments[0]: A role without an enterprise customer"
    )
    unknown = {"user": "anna", "role": "enterprise_king", "customer": WORKS}
    assert "There is no system-wide role 'enterprise_king'" in refused({"role_assignments": [unknown]})
    nobody = {"user": "anna", "role": "enterprise_admin", "customer": None}
    assert refused({"role_assignments": [nobody]}).startswith("role_assignments[0].customer: ")


def test_a_feature_role_is_made_when_missing_and_held_once(load: Load, refused: Refused, scene: None) -> None:
    world = {
        "feature_role_assignments": [
            {"user": "anna", "role": "fulfillment_operator"},
            {"user": "anna", "role": "catalog_admin"},
        ]
    }
    load(world)
    assert load(world) == {"feature_role_assignments": (0, 0, 2)}
    held = EnterpriseFeatureUserRoleAssignment.objects.values_list("role__name", flat=True)
    assert set(held) == {"fulfillment_operator", "catalog_admin"}
    assert refused({"feature_role_assignments": [{"user": "anna", "role": "king"}]}).startswith(
        "feature_role_assignments[0].role: 'king' is none of "
    )


# --- invite_keys --------------------------------------------------------------------------------------------------


def test_more_than_a_hundred_invite_keys_load(load: Load, scene: None) -> None:
    keys = [{"uuid": f"03000000-0000-4000-8000-{number:012}", "customer": WORKS} for number in range(105)]
    assert load({"invite_keys": keys}) == {"invite_keys": (105, 0, 0)}
    key = EnterpriseCustomerInviteKey.objects.all()[0]
    assert (key.usage_limit, key.is_active) == (10_000, True)
    assert key.expiration_date > timezone.now() + timedelta(days=364)
    assert EnterpriseCustomerInviteKey.history.count() == 105


def test_an_inactive_invite_key_stays_inactive(load: Load, refused: Refused, scene: None) -> None:
    key = {"uuid": "03000000-0000-4000-8000-000000000001", "customer": WORKS, "is_active": False}
    load({"invite_keys": [key]})
    message = refused({"invite_keys": [{**key, "is_active": True}]})
    assert message == "invite_keys[0].is_active: Cannot reactivate an inactive invite key."
