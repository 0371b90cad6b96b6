"""SAML providers and their data (contract: enterprise-admins-groups-sso, SAML administration)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerIdentityProvider
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig, SAMLProviderData
from saml_admin.services import metadata
from saml_admin.services.providers import save_version
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import EnterpriseCustomerFactory, IdentityProviderFactory, UserFactory, customer_admin, operator
from tests.parallel import at_once, concurrent_writers
from tests.saml_admin.conftest import ENTITY, SSO_URL, IdentityProvider, descriptor

pytestmark = pytest.mark.django_db

CONFIG = "/auth/saml/v0/provider_config/"
DATA = "/auth/saml/v0/provider_data/"
SYNC = f"{DATA}sync_provider_data/"
MISSING = {"detail": "MISSING: enterprise.can_access_admin_dashboard"}
INVALID = {"detail": "Invalid enterprise_customer_uuid"}
REQUIRED = {"detail": "Required enterprise_customer_uuid query parameter or field is missing"}
NO_LINK = {"detail": "No EnterpriseCustomerIdentityProvider matches the given query."}
NO_PROVIDER = {"detail": "No matching SAML provider found."}
NO_SUCH_PROVIDER = {"detail": "No SAMLProviderConfig matches the given query."}
FOREIGN = {"entity_id": ["This is not the entity ID of a SAML provider of the enterprise customer."]}


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme")


@pytest.fixture
def bolt() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Bolt", slug="bolt")


@pytest.fixture
def boss(as_user: Any, acme: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(acme))


def provider_of(customer: EnterpriseCustomer, slug: str = "blue", **fields: Any) -> SAMLProviderConfig:
    """A provider with its link."""
    IdentityProviderFactory(enterprise_customer=customer, provider_id=f"saml-{slug}")
    values = {"entity_id": ENTITY, "metadata_source": "https://idp.blue.example/metadata", "enabled": True, **fields}
    return save_version(SAMLProviderConfig(slug=slug, **values))


def data_of(entity_id: str = ENTITY, key: str = "MIIC1", **fields: Any) -> SAMLProviderData:
    values = {"fetched_at": timezone.now(), "sso_url": SSO_URL, **fields}
    return SAMLProviderData.objects.create(entity_id=entity_id, public_key=key, **values)


def named(customer: Any) -> dict[str, str]:
    return {"enterprise_customer_uuid": str(getattr(customer, "pk", customer))}


# --- Who ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize(
    ("method", "address"),
    [("get", CONFIG), ("post", CONFIG), ("get", DATA), ("post", DATA), ("post", SYNC)],
)
def test_who_sees_the_dashboard_of_the_named_customer_administers_its_providers(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    name: str,
    method: str,
    address: str,
) -> None:
    account = caller(name, acme, bolt)
    response = getattr(as_user(account) if account else client, method)(address, named(acme))
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("admin", "operator", "superuser"):
        assert response.status_code in (201, 400, 404)
    else:
        assert (response.status_code, response.json()) == (403, MISSING)
    assert SAMLProviderConfig.objects.exists() is (response.status_code == 201)


def test_the_uuid_is_read_before_the_permission_and_query_and_body_must_agree(
    as_user: Any, boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    stranger = as_user(UserFactory())
    for response in (
        stranger.get(CONFIG, named("nonsense")),
        stranger.post(CONFIG, named("nonsense")),
        boss.post(f"{CONFIG}?enterprise_customer_uuid={acme.pk}", named(bolt)),
        boss.post(f"{SYNC}?enterprise_customer_uuid={acme.pk}", named(bolt)),
        boss.post(SYNC, named("nonsense")),
    ):
        assert (response.status_code, response.json()) == (400, INVALID)
    assert boss.post(f"{CONFIG}?enterprise_customer_uuid={acme.pk}", named(acme)).status_code == 201
    # The customer of the body is the one acted on, and the one that is asked about.
    assert boss.post(CONFIG, named(bolt)).json() == MISSING


def test_without_a_customer_who_holds_the_role_anywhere_is_told(as_user: Any, boss: APIClient) -> None:
    for address in (CONFIG, DATA, f"{CONFIG}1/", f"{DATA}1/"):
        assert as_user(UserFactory()).get(address).json() == MISSING
        assert (boss.get(address).status_code, boss.get(address).json()) == (400, REQUIRED)
    assert boss.post(CONFIG, {}).json() == {"detail": "enterprise_customer_uuid is missing or invalid"}
    assert boss.post(SYNC, {}).json() == {"detail": "enterprise_customer_uuid is not a valid uuid4"}
    assert boss.post(DATA, {}).json() == REQUIRED


# --- provider_config ----------------------------------------------------------------------------------------------


def test_current_versions_of_linked_providers_are_listed(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    assert (boss.get(CONFIG, named(acme)).status_code, boss.get(CONFIG, named(acme)).json()) == (404, NO_LINK)
    old = provider_of(acme, name="Old").pk
    new = save_version(SAMLProviderConfig.objects.get(pk=old))
    provider_of(bolt, "bolt")
    with django_assert_num_queries(3):  # account, links, page
        body = boss.get(CONFIG, named(acme)).json()
    assert (body["count"], body["num_pages"], body["start"]) == (1, 1, 0)
    assert [row["id"] for row in body["results"]] == [new.pk]
    assert new.pk != old
    shown = boss.get(f"{CONFIG}{new.pk}/", named(acme)).json()
    assert shown == body["results"][0]
    model = {field.name for field in SAMLProviderConfig._meta.concrete_fields}
    assert shown.keys() == model
    assert (shown["slug"], shown["icon_image"], shown["saml_configuration"]) == ("blue", None, None)


def test_old_versions_and_others_providers_are_not_found(
    as_user: Any, boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    old = provider_of(acme).pk
    save_version(SAMLProviderConfig.objects.get(pk=old))
    theirs = provider_of(bolt, "bolt").pk
    for pk in (old, theirs, 0):
        for call in (boss.get, boss.delete):
            response = call(f"{CONFIG}{pk}/?enterprise_customer_uuid={acme.pk}")
            assert (response.status_code, response.json()) == (404, NO_SUCH_PROVIDER)
        for call in (boss.put, boss.patch):
            assert call(f"{CONFIG}{pk}/", {**named(acme), "name": "x"}).json() == NO_SUCH_PROVIDER
    assert boss.get(f"{CONFIG}x/", named(acme)).json() == {"detail": "Not found."}
    assert SAMLProviderConfig.objects.count() == 3


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_a_provider_is_made_and_linked(boss: APIClient, acme: EnterpriseCustomer, form: str) -> None:
    sent = {
        **named(acme), "slug": "blue", "name": "Blue", "entity_id": ENTITY, "enabled": True,
        "attr_first_name": "first", "max_session_length": 3600, "other_settings": '{"a": 1}',
    }  # fmt: skip
    response = boss.post(CONFIG, sent, format=form)
    assert response.status_code == 201
    row = SAMLProviderConfig.objects.get()
    body = response.json()
    assert (body["id"], body["attr_username"], body["enabled"]) == (row.pk, "first", True)
    assert "saml_config_id" not in body
    # What a form leaves out has the model's default, flags too.
    assert (body["skip_email_verification"], body["visible"], body["icon_class"]) == (True, False, "fa-sign-in")
    link = EnterpriseCustomerIdentityProvider.objects.get()
    assert (link.enterprise_customer, link.provider_id) == (acme, "saml-blue")
    again = boss.post(CONFIG, {**sent, "name": "Newer", "sync_learner_profile_data": True}, format=form)
    assert again.status_code == 201
    assert again.json()["id"] > row.pk
    assert boss.get(CONFIG, named(acme)).json()["count"] == 1
    link.refresh_from_db()
    assert link.sync_learner_profile_data is True


def test_a_slug_of_another_customer_or_of_the_service_itself_is_taken(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    provider_of(bolt, "theirs")
    save_version(SAMLProviderConfig(slug="own"))
    for slug in ("theirs", "own"):
        response = boss.post(CONFIG, {**named(acme), "slug": slug})
        assert (response.status_code, response.json()) == (400, {"slug": ["This slug is already in use."]})
    assert SAMLProviderConfig.objects.count() == 2
    assert EnterpriseCustomerIdentityProvider.objects.count() == 1


def test_what_is_wrong_is_named(as_user: Any, boss: APIClient, acme: EnterpriseCustomer) -> None:
    unknown = uuid.uuid4()
    response = as_user(operator()).post(CONFIG, named(unknown))
    assert (response.status_code, response.json()) == (400, [f"Enterprise customer not found at uuid: {unknown}"])
    old = SAMLConfiguration.objects.create(slug="main")
    current = SAMLConfiguration.objects.create(slug="main")
    for sent, field in (
        ({"slug": "no slug!"}, "slug"),
        ({"max_session_length": "x"}, "max_session_length"),
        ({"identity_provider_type": "x"}, "identity_provider_type"),
        ({"other_settings": "[1]"}, "other_settings"),
        ({"other_settings": "{"}, "other_settings"),
        ({"saml_config_id": old.pk}, "saml_config_id"),
        ({"saml_config_id": 10**25}, "saml_config_id"),
        ({"saml_config_id": "x"}, "saml_config_id"),
    ):
        response = boss.post(CONFIG, {**named(acme), **sent})
        assert (response.status_code, list(response.json())) == (400, [field])
    assert boss.post(CONFIG, {**named(acme), "saml_config_id": current.pk}).json()["saml_configuration"] == current.pk


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("form", ["json", "multipart"])
def test_a_change_is_a_new_version_and_what_is_not_sent_stays(
    boss: APIClient, acme: EnterpriseCustomer, method: str, form: str
) -> None:
    old = provider_of(acme, name="Blue", attr_username="uid", visible=True, debug_mode=True)
    sent = {**named(acme), "enabled": "false", "entity_id": "https://new.example", "attr_first_name": "given"}
    response = getattr(boss, method)(f"{CONFIG}{old.pk}/", sent, format=form)
    assert response.status_code == 200
    body = response.json()
    assert body["id"] > SAMLProviderConfig.objects.order_by("pk").first().pk
    assert (body["enabled"], body["entity_id"], body["slug"]) == (False, "https://new.example", "blue")
    assert (body["name"], body["visible"], body["debug_mode"], body["attr_username"]) == ("Blue", True, True, "uid")
    assert boss.get(f"{CONFIG}{body['id']}/", named(acme)).status_code == 200
    first = SAMLProviderConfig.objects.order_by("pk").first()
    assert boss.get(f"{CONFIG}{first.pk}/", named(acme)).status_code == 404
    assert first.entity_id == ENTITY


def test_the_slug_stays(boss: APIClient, acme: EnterpriseCustomer) -> None:
    row = provider_of(acme)
    response = boss.patch(f"{CONFIG}{row.pk}/", {**named(acme), "slug": "red"})
    assert (response.status_code, response.json()) == (400, {"slug": ["This field may not be changed."]})
    assert boss.patch(f"{CONFIG}{row.pk}/", {**named(acme), "slug": "blue"}).status_code == 200


def test_an_archived_provider_is_unlinked_and_its_slug_free(
    as_user: Any, boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    row = provider_of(acme)
    address = f"{CONFIG}{row.pk}/?enterprise_customer_uuid="
    response = boss.delete(f"{address}{acme.pk}")
    assert (response.status_code, response.json()) == (200, {"id": row.pk})
    row.refresh_from_db()
    assert (row.archived, row.enabled) == (True, False)
    assert SAMLProviderConfig.objects.count() == 1
    assert boss.delete(f"{address}{acme.pk}").json() == NO_LINK
    other = as_user(customer_admin(bolt)).post(CONFIG, {**named(bolt), "slug": "blue", "entity_id": ENTITY})
    assert other.status_code == 201
    unknown = uuid.uuid4()
    response = as_user(operator()).delete(f"{address}{unknown}")
    assert (response.status_code, response.json()) == (400, [f"Enterprise customer not found at uuid: {unknown}"])


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_of_two_changes_at_once_one_finds_the_version_gone(as_user: Any, acme: EnterpriseCustomer) -> None:
    row, account, statuses = provider_of(acme), customer_admin(acme), []
    clients = [as_user(account) for _ in range(3)]
    put = lambda each: statuses.append(each.put(f"{CONFIG}{row.pk}/", named(acme)).status_code)  # noqa: E731
    assert at_once(*[lambda each=each: put(each) for each in clients]) == []
    assert statuses.count(200) == 1
    assert SAMLProviderConfig.objects.count() == 2


# --- provider_data ------------------------------------------------------------------------------------------------


def test_data_of_all_linked_providers_is_listed_the_latest_first(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    assert boss.get(DATA, named(acme)).json() == NO_LINK
    IdentityProviderFactory(enterprise_customer=acme, provider_id="saml-gone")
    assert boss.get(DATA, named(acme)).json() == NO_PROVIDER
    provider_of(acme)
    provider_of(acme, "red", entity_id="https://red.example")
    provider_of(bolt, "bolt", entity_id="https://bolt.example")
    first, second = data_of(), data_of("https://red.example")
    theirs, nobodys = data_of("https://bolt.example"), data_of("")
    body = boss.get(DATA, named(acme)).json()
    assert [row["id"] for row in body["results"]] == [second.pk, first.pk]
    assert body["results"][1].keys() == {"id", "fetched_at", "expires_at", "entity_id", "sso_url", "public_key"}
    assert boss.get(f"{DATA}{first.pk}/", named(acme)).json() == body["results"][1]
    for row in (theirs, nobodys):
        assert boss.get(f"{DATA}{row.pk}/", named(acme)).status_code == 404
        assert boss.delete(f"{DATA}{row.pk}/?enterprise_customer_uuid={acme.pk}").status_code == 404


def test_data_is_added_changed_and_deleted_for_own_entities_only(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    sent = {
        **named(acme),
        "fetched_at": "2031-01-01T00:00:00Z",
        "entity_id": ENTITY,
        "sso_url": SSO_URL,
        "public_key": "M",
    }
    assert boss.post(DATA, sent).json() == FOREIGN  # no provider yet
    provider_of(acme)
    provider_of(bolt, "bolt", entity_id="https://bolt.example")
    required = ["This field is required."]
    assert boss.post(DATA, named(acme)).json() == dict.fromkeys(
        ("fetched_at", "entity_id", "sso_url", "public_key"), required
    )
    response = boss.post(DATA, sent)
    assert response.status_code == 201
    row = response.json()
    assert row == {"id": row["id"], "expires_at": None, **{key: sent[key] for key in sent if "customer" not in key}}
    foreign = {**sent, "entity_id": "https://bolt.example"}
    for response in (boss.post(DATA, foreign), boss.put(f"{DATA}{row['id']}/", foreign)):
        assert (response.status_code, response.json()) == (400, FOREIGN)
    changed = boss.patch(f"{DATA}{row['id']}/", {**named(acme), "public_key": "N"})
    assert (changed.status_code, changed.json()) == (200, {**row, "public_key": "N"})
    assert boss.put(f"{DATA}{row['id']}/", named(acme)).status_code == 400
    response = boss.delete(f"{DATA}{row['id']}/?enterprise_customer_uuid={acme.pk}")
    assert (response.status_code, response.content) == (204, b"")
    assert not SAMLProviderData.objects.exists()


# --- sync_provider_data -------------------------------------------------------------------------------------------


def test_metadata_is_fetched_and_kept(boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider) -> None:
    assert boss.post(SYNC, named(acme)).json() == NO_LINK
    provider_of(acme)
    old = data_of(key="MIIC1", sso_url="https://old.example", fetched_at=timezone.now() - timedelta(days=9))
    kept = data_of(key="MIIC0")
    idp.document = descriptor(certificates=("MIIC1", "MIIC2"), about=' validUntil="2090-01-01T00:00:00Z"')
    for address in (SYNC, SYNC.rstrip("/")):
        response = boss.post(
            address, {**named(acme), "entity_id": "x", "metadata_url": "https://x"}, format="multipart"
        )
        assert (response.status_code, response.json()) == (200, {"message": "Synced provider data successfully."})
    assert {row.public_key for row in SAMLProviderData.objects.all()} == {"MIIC0", "MIIC1", "MIIC2"}
    before = old.fetched_at
    old.refresh_from_db()
    kept.refresh_from_db()
    assert (old.sso_url, old.expires_at.year) == (SSO_URL, 2090)
    assert old.fetched_at > before
    assert kept.expires_at is None
    assert idp.asked[0][1] == "/metadata"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("http://idp.blue.example/x", "SAML metadata URL must use HTTPS, got scheme: 'http'"),
        ("", "SAML metadata URL must use HTTPS, got scheme: ''"),
        ("https://169.254.169.254/x", "SAML metadata URL hostname is a forbidden IP address: 169.254.169.254"),
    ],
)
def test_a_rule_that_is_broken_is_told(
    boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider, source: str, reason: str
) -> None:
    provider_of(acme, metadata_source=source)
    response = boss.post(SYNC, named(acme))
    assert (response.status_code, response.json()) == (400, {"error": f"Failed to fetch metadata XML: {reason}"})
    assert idp.connected == []


def test_what_cannot_be_fetched_or_read_is_told(
    boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider
) -> None:
    provider_of(acme)
    for status, document, text in (
        (404, "", "Failed to fetch metadata XML: the server answered 404"),
        (302, "", "Failed to fetch metadata XML: the server answered 302"),
        (200, "no xml", "Failed to fetch metadata XML: "),
        (200, "<!DOCTYPE x><x/>", "Failed to fetch metadata XML: A document type is not allowed."),
        (200, descriptor("https://other.example"), "Failed to parse metadata XML."),
        (200, descriptor(certificates=()), "Failed to parse metadata XML."),
    ):
        idp.status, idp.document = status, document
        response = boss.post(SYNC, named(acme))
        assert response.status_code == 400
        assert response.json()["error"].startswith(text)
    assert not SAMLProviderData.objects.exists()


# --- The periodic fetch ---------------------------------------------------------------------------------------------


def test_metadata_of_enabled_providers_is_refreshed_each_url_once(
    acme: EnterpriseCustomer, bolt: EnterpriseCustomer, idp: IdentityProvider
) -> None:
    SAMLConfiguration.objects.create(enabled=True)
    off = SAMLConfiguration.objects.create(slug="off", enabled=False)
    provider_of(acme)
    provider_of(acme, "red", entity_id="https://red.example")
    provider_of(acme, "lost", metadata_source="https://127.0.0.1/x")
    provider_of(bolt, "disabled", enabled=False)
    provider_of(bolt, "manual", automatic_refresh_enabled=False)
    provider_of(bolt, "unpresented", saml_configuration=off)
    provider_of(bolt, "archived", archived=True)
    both = descriptor() + descriptor("https://red.example", certificates=("RED",))
    idp.document = f'<m:EntitiesDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata">{both}</m:EntitiesDescriptor>'
    done = metadata.refresh()
    assert (done.total, done.skipped, done.attempted, done.updated, done.failed) == (6, 3, 3, 2, 1)
    assert "forbidden IP address" in done.messages[0]
    assert len(idp.asked) == 1
    assert {row.public_key for row in SAMLProviderData.objects.all()} == {"MIIC1", "RED"}
    assert metadata.refresh().updated == 0
    printed = StringIO()
    with pytest.raises(CommandError, match="forbidden"):
        call_command("fetch_saml_metadata", stdout=printed)
    assert "6 providers: 3 skipped, 3 attempted, 0 updated, 1 failed." in printed.getvalue()


# --- Configurations, and how the service presents itself ------------------------------------------------------------


def test_public_configurations_are_shown_to_who_is_signed_in_and_written_by_nobody(
    as_user: Any, client: APIClient
) -> None:
    address = "/auth/saml/v0/saml_configuration/"
    SAMLConfiguration.objects.create(is_public=True)
    newest = SAMLConfiguration.objects.create(is_public=True)
    SAMLConfiguration.objects.create(slug="hidden")
    reader = as_user(UserFactory())
    assert reader.get(address).json()["results"] == [{"id": newest.pk, "slug": "default"}]
    assert client.get(address).status_code == 401
    assert as_user(UserFactory(superuser=True)).post(address, {"slug": "x"}).status_code == 405
    assert reader.delete(f"{address}{newest.pk}/").status_code == 404


def test_the_service_presents_itself_to_a_provider(client: APIClient, acme: EnterpriseCustomer) -> None:
    address = "/auth/saml/metadata.xml"
    assert client.get(address).status_code == 404
    pem = "-----BEGIN CERTIFICATE-----\nMIIC\nSP\n-----END CERTIFICATE-----"
    SAMLConfiguration.objects.create(enabled=True, entity_id="https://default.example")
    own = SAMLConfiguration.objects.create(slug="own", enabled=True, entity_id="https://own.example", public_key=pem)
    provider_of(acme, saml_configuration=own)
    for hint in ("blue", "saml-blue"):
        answer = client.get(address, {"tpa_hint": hint})
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
        text = answer.content.decode()
        assert 'entityID="https://own.example"' in text
        assert ">MIICSP<" in text
        assert "/auth/complete/tpa-saml/" in text
    assert b"https://default.example" in client.get(address).content
    SAMLConfiguration.objects.create(slug="own", enabled=False)
    assert client.get(address, {"tpa_hint": "blue"}).status_code == 404


def test_current_versions_are_found_by_an_index(acme: EnterpriseCustomer) -> None:
    if connection.vendor == "sqlite":
        plan = SAMLProviderConfig.objects.current().filter(slug="blue").explain()
        assert "saml_provider_version" in plan
    assert provider_of(acme) == SAMLProviderConfig.objects.current().get()
