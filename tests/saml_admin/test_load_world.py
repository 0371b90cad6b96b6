"""The sections of the world file that describe sign-on (contract: world-format)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enterprise.models import EnterpriseCustomerIdentityProvider, EnterpriseCustomerSsoConfiguration
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig, SAMLProviderData
from tests.factories import EnterpriseCustomerFactory, OrganizationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def run(**sections: Any) -> None:
        file = tmp_path / "world.json"
        file.write_text(json.dumps(sections))
        call_command("load_world", str(file), verbosity=0)

    return run


def test_a_provider_is_linked_and_changed_in_versions(load: Any) -> None:
    customer = EnterpriseCustomerFactory()
    OrganizationFactory(short_name="PineX")
    given = {"slug": "blue", "customer": str(customer.pk), "organization": "PineX", "entity_id": "https://idp.example"}
    for _ in range(2):
        load(saml_providers=[given])
    row = SAMLProviderConfig.objects.get()
    assert (row.entity_id, row.enabled, row.organization.short_name) == ("https://idp.example", False, "PineX")
    assert EnterpriseCustomerIdentityProvider.objects.get().provider_id == "saml-blue"
    load(saml_providers=[{"slug": "blue", "sync_learner_profile_data": True}])
    newest = SAMLProviderConfig.objects.current().get()
    assert (newest.pk > row.pk, newest.entity_id) == (True, "https://idp.example")
    assert EnterpriseCustomerIdentityProvider.objects.get().sync_learner_profile_data is True
    with pytest.raises(CommandError, match="Another customer"):
        load(saml_providers=[{**given, "customer": str(EnterpriseCustomerFactory().pk)}])


def test_configurations_are_versions_by_site_and_slug(load: Any) -> None:
    sites = [{"domain": "own.example", "default": True}, {"domain": "other.example"}]
    both = [{"site": site["domain"], "slug": "default", "enabled": True} for site in sites]
    for _ in range(2):
        load(sites=sites, saml_configurations=both)
    assert SAMLConfiguration.objects.count() == 2
    load(sites=sites, saml_configurations=[{**both[0], "entity_id": "https://own.example"}])
    assert SAMLConfiguration.objects.count() == 3
    assert SAMLConfiguration.objects.current().count() == 2


def test_data_and_sign_on_configurations_are_loaded(load: Any) -> None:
    customer = EnterpriseCustomerFactory()
    data = {
        "entity_id": "https://idp.example",
        "public_key": "M",
        "sso_url": "https://idp.example/s",
        "fetched_at": "-1d",
    }
    door = {
        "uuid": "00000550-0000-4000-8000-000000000009",
        "customer": str(customer.pk),
        "identity_provider": "okta",
        "submitted_at": "-5m",
        "active": True,
    }
    for _ in range(2):
        load(saml_provider_data=[data], sso_configurations=[door])
    assert SAMLProviderData.objects.get().sso_url == "https://idp.example/s"
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    assert (row.display_name, row.is_pending_configuration) == ("SSO-config-okta-1", True)
    load(sso_configurations=[{**door, "active": False}])  # the lock is not asked
    row.refresh_from_db()
    assert row.active is False
    assert row.history.count() == 2
