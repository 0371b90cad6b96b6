"""SSO configurations are set up, here or outside (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from rest_framework.test import APIClient

from enrollments.models import UserSocialAuth
from enrollments.signals import sso_login_succeeded
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerIdentityProvider, EnterpriseCustomerSsoConfiguration
from saml_admin import tasks
from saml_admin.models import SAMLProviderConfig, SAMLProviderData
from saml_admin.services import sign_on
from saml_admin.services.providers import save_version
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import IdentityProviderFactory, LearnerFactory, UserFactory, operator
from tests.saml_admin.conftest import ENTITY, SSO_URL, IdentityProvider, descriptor
from tests.saml_admin.sso_configurations.configurations import (
    CREATING,
    LIST,
    UPDATING,
    body_of,
    configuration_of,
    is_empty,
    path_of,
)

pytestmark = pytest.mark.django_db


# --- The callback ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
def test_only_operators_say_what_the_orchestrator_did(
    as_user: Any,
    client: APIClient,
    acme: EnterpriseCustomer,
    bolt: EnterpriseCustomer,
    door: EnterpriseCustomerSsoConfiguration,
    name: str,
) -> None:
    account = caller(name, acme, bolt)
    asker = as_user(account) if account else client
    for named in (door.pk, uuid.uuid4()):
        response = asker.post(f"{path_of(named)}/sso_orchestration_complete")
        if account is None:
            assert (response.status_code, response.json()) == (401, ANONYMOUS)
        elif name in ("operator", "superuser"):
            assert is_empty(response, 200 if named == door.pk else 404)
        else:
            assert response.status_code == 403
            assert response.json() == {"detail": "Missing: enterprise.can_manage_enterprise_orchestration_configs"}


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_a_failure_is_noted_in_either_encoding(
    as_user: Any, door: EnterpriseCustomerSsoConfiguration, form: str
) -> None:
    root = as_user(operator())
    assert is_empty(root.post(f"{path_of(door)}/sso_orchestration_complete/", {"error": "no"}, format=form), 200)
    door.refresh_from_db()
    assert door.errored_at is not None
    assert (door.configured_at, door.active) == (None, False)


def test_the_first_success_makes_it_active_and_is_told_by_mail(
    as_user: Any, door: EnterpriseCustomerSsoConfiguration, django_capture_on_commit_callbacks: Any
) -> None:
    root = as_user(operator())
    with django_capture_on_commit_callbacks(execute=True):
        assert is_empty(root.post(f"{path_of(door)}/sso_orchestration_complete", {"error": ""}), 200)
    door.refresh_from_db()
    assert (door.active, door.configured_at is not None) == (True, True)
    (letter,) = mail.outbox
    assert letter.to == ["help@acme.example"]
    assert "Acme" in letter.subject
    EnterpriseCustomerSsoConfiguration.objects.update(active=False)
    with django_capture_on_commit_callbacks(execute=True):
        root.post(f"{path_of(door)}/sso_orchestration_complete?updating_existing_record=true")
    door.refresh_from_db()
    assert door.active is False
    assert len(mail.outbox) == 1


def test_an_update_of_what_was_never_configured_makes_it_active_without_a_mail(
    as_user: Any, bolt: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    row, root = configuration_of(bolt), as_user(operator())
    with django_capture_on_commit_callbacks(execute=True):
        root.post(f"{path_of(row)}/sso_orchestration_complete?updating_existing_record=")
    row.refresh_from_db()
    assert row.active is True
    with django_capture_on_commit_callbacks(execute=True):  # nobody to tell
        root.post(f"{path_of(row)}/sso_orchestration_complete")
    assert mail.outbox == []


def test_a_removed_record_is_not_found(as_user: Any, acme: EnterpriseCustomer) -> None:
    row = configuration_of(acme, is_removed=True)
    assert is_empty(as_user(operator()).post(f"{path_of(row)}/sso_orchestration_complete"), 404)


# --- This service as orchestrator -----------------------------------------------------------------------------------


def swept(capture: Any) -> None:
    """What happens when the sweep comes by."""
    with capture(execute=True):
        tasks.set_up_sign_ons()


def test_the_sign_on_is_set_up_for_real(
    boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider, django_capture_on_commit_callbacks: Any
) -> None:
    idp.document = descriptor(certificates=("MIIC1", "MIIC2"))
    sent = body_of(acme, metadata_url=idp.url, user_id_attribute="uid", display_name="Door")
    with django_capture_on_commit_callbacks(execute=True):
        response = boss.post(LIST, sent)
    swept(django_capture_on_commit_callbacks)
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    assert row.configured_at >= row.submitted_at
    assert (row.active, row.errored_at, row.is_pending_configuration) == (True, None, False)
    provider = SAMLProviderConfig.objects.current().get()
    assert (provider.entity_id, provider.enabled, provider.name) == (ENTITY, True, "Door")
    assert (provider.attr_user_permanent_id, provider.metadata_source) == ("uid", idp.url)
    link = EnterpriseCustomerIdentityProvider.objects.get()
    assert (link.enterprise_customer, link.provider_id) == (acme, provider.provider_id)
    assert response.json()["sp_metadata_url"].endswith(f"tpa_hint={provider.slug}")
    data = SAMLProviderData.objects.filter(entity_id=ENTITY)
    assert {(each.public_key, each.sso_url) for each in data} == {("MIIC1", SSO_URL), ("MIIC2", SSO_URL)}
    assert [letter.to for letter in mail.outbox] == [["help@acme.example"]]
    swept(django_capture_on_commit_callbacks)  # a sweep that comes twice does its work once
    assert SAMLProviderConfig.objects.count() == 1
    boss.put(path_of(row), {"active": False, "is_removed": True})
    for _ in range(2):
        swept(django_capture_on_commit_callbacks)
    assert SAMLProviderConfig.objects.current().get().enabled is False
    assert SAMLProviderConfig.objects.count() == 2
    assert len(mail.outbox) == 1


def test_a_submitted_record_is_pending_and_locked_until_the_orchestrator_answers(
    boss: APIClient, as_user: Any, acme: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        named = boss.post(LIST, body_of(acme)).json()["record"]
    shown = boss.get(path_of(named)).json()
    assert (shown["is_pending_configuration"], shown["active"]) == (True, False)
    assert (shown["configured_at"], shown["errored_at"], mail.outbox) == (None, None, [])
    assert boss.put(path_of(named), {"active": True}).status_code == 400
    with django_capture_on_commit_callbacks(execute=True):
        as_user(operator()).post(f"{path_of(named)}/sso_orchestration_complete")
    assert boss.get(path_of(named)).json()["is_pending_configuration"] is False
    swept(django_capture_on_commit_callbacks)  # answered already
    assert not SAMLProviderConfig.objects.exists()
    assert len(mail.outbox) == 1
    assert boss.put(path_of(named), {"user_id_attribute": "uid"}).json()["record"]["is_pending_configuration"] is True
    swept(django_capture_on_commit_callbacks)
    assert SAMLProviderConfig.objects.get().attr_user_permanent_id == "uid"
    assert len(mail.outbox) == 1  # it was set up before


def test_what_was_not_submitted_to_this_service_is_left_alone(
    boss: APIClient, acme: EnterpriseCustomer, settings: Any
) -> None:
    configuration_of(acme, submitted_at=timezone.now())  # loaded from a world
    tasks.set_up_sign_ons()
    boss.post(LIST, body_of(acme))
    settings.ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL = "https://orchestrator.example"
    tasks.set_up_sign_ons()
    assert not SAMLProviderConfig.objects.exists()


def test_what_is_removed_before_it_was_set_up_gets_no_provider(boss: APIClient, acme: EnterpriseCustomer) -> None:
    boss.delete(path_of(boss.post(LIST, body_of(acme)).json()["record"]))
    tasks.set_up_sign_ons()
    assert not SAMLProviderConfig.objects.exists()
    assert not EnterpriseCustomerIdentityProvider.objects.exists()


def test_what_cannot_be_set_up_is_noted(boss: APIClient, acme: EnterpriseCustomer) -> None:
    assert boss.post(LIST, body_of(acme, metadata_xml=descriptor(certificates=()))).status_code == 201
    tasks.set_up_sign_ons()
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    assert row.errored_at > row.submitted_at
    assert (row.active, row.is_pending_configuration) == (False, False)
    assert not SAMLProviderConfig.objects.exists()
    assert boss.put(path_of(row), {"metadata_xml": descriptor()}).status_code == 200  # may be tried again


def test_a_worker_that_dies_in_the_middle_leaves_nothing_half_done(
    boss: APIClient, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss.post(LIST, body_of(acme))
    with monkeypatch.context() as patch:
        patch.setattr(sign_on.providers, "save_version", lambda *args: 1 / 0)
        tasks.set_up_sign_ons()
    assert not SAMLProviderData.objects.exists()
    assert EnterpriseCustomerSsoConfiguration.objects.get().is_pending_configuration
    tasks.set_up_sign_ons()
    assert EnterpriseCustomerSsoConfiguration.objects.get().configured_at is not None


def test_success_factors_needs_no_metadata(boss: APIClient, acme: EnterpriseCustomer) -> None:
    sent = {
        "enterprise_customer": str(acme.pk),
        "identity_provider": "sap_success_factors",
        "odata_api_root_url": "https://odata.example/",
    }
    assert boss.post(LIST, sent).status_code == 201
    tasks.set_up_sign_ons()
    provider = SAMLProviderConfig.objects.current().get()
    assert provider.identity_provider_type == "sap_success_factors"
    assert json.loads(provider.other_settings)["odata_api_root_url"] == "https://odata.example/"


# --- An orchestrator outside ----------------------------------------------------------------------------------------


@pytest.fixture
def outside(settings: Any) -> Iterator[Any]:
    """A real server that takes configurations: `outside.asked`, `outside.answer = status, body`."""

    class Outside:
        asked: list[tuple[str, str, dict[str, Any]]] = []
        answer: tuple[int, str] = (200, '{"samlServiceProviderInformation": {"spMetadataUrl": "https://sp.example/m"}}')

    state = Outside()
    state.asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append((self.path, self.headers["Authorization"], body))
            status, text = state.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    settings.ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL = f"http://127.0.0.1:{server.server_port}/sso/"
    settings.ENTERPRISE_SSO_ORCHESTRATOR_CONFIGURE_PATH = "configure/saml"
    settings.ENTERPRISE_SSO_ORCHESTRATOR_WORKER_USERNAME = "worker"
    settings.ENTERPRISE_SSO_ORCHESTRATOR_WORKER_PASSWORD = "word"
    yield state
    server.shutdown()
    server.server_close()


def test_a_configuration_is_posted_as_the_orchestrator_knows_it(
    boss: APIClient, acme: EnterpriseCustomer, outside: Any, settings: Any
) -> None:
    response = boss.post(LIST, body_of(acme, user_id_attribute="uid"))
    assert response.json()["sp_metadata_url"] == "https://sp.example/m"
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    callback = (
        f"{settings.LMS_ROOT_URL}/enterprise/api/v1/enterprise_customer_sso_configuration/{row.pk}"
        "/sso_orchestration_complete"
    )
    path, authorization, body = outside.asked[0]
    assert path == "/sso/configure/saml"
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"worker:word"
    assert body == {
        "samlConfiguration": {
            "uuid": str(row.pk),
            "metadataXml": descriptor(),
            "entityId": ENTITY,
            "userIdAttribute": "uid",
            "updateFromMetadata": True,
            "enabled": True,
        },
        "requestIdentifier": str(row.pk),
        "enterprise": {"name": "Acme", "slug": "acme", "uuid": str(acme.pk)},
        "callbackUrl": callback,
    }
    EnterpriseCustomerSsoConfiguration.objects.update(configured_at=timezone.now())
    outside.answer = (200, "{}")
    changed = boss.put(path_of(row), {"user_id_attribute": "mail"})
    assert "sp_metadata_url" not in changed.json()
    body = outside.asked[1][2]
    assert body["callbackUrl"] == f"{callback}?updating_existing_record=true"
    assert body["samlConfiguration"]["enabled"] is False
    assert boss.post(LIST, body_of(acme)).json()["sp_metadata_url"] == ""


def test_success_factors_is_posted_with_its_own_settings(
    boss: APIClient, acme: EnterpriseCustomer, outside: Any
) -> None:
    sent = {
        "enterprise_customer": str(acme.pk),
        "identity_provider": "sap_success_factors",
        "oauth_user_id": "me",
        "odata_company_id": "co",
    }
    record = boss.post(LIST, sent).json()["record"]
    body = outside.asked[0][2]
    assert body["samlConfiguration"] == {"uuid": record}
    assert body["sapsfConfiguration"] == {
        "oauthUserId": "me",
        "odataCompanyId": "co",
        "odataApiRequestTimeout": 29,
        "odataApiTimeoutInterval": 29,
    }


@pytest.mark.parametrize("reason", ["status", "gone", "credentials"])
def test_a_failure_of_the_orchestrator_leaves_everything_as_it_was(
    boss: APIClient,
    acme: EnterpriseCustomer,
    door: EnterpriseCustomerSsoConfiguration,
    outside: Any,
    settings: Any,
    reason: str,
) -> None:
    if reason == "status":
        outside.answer = (503, "busy")
    elif reason == "gone":
        settings.ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL = "http://127.0.0.1:9"
    else:
        settings.ENTERPRISE_SSO_ORCHESTRATOR_WORKER_PASSWORD = ""
    created = boss.post(LIST, body_of(acme))
    changed = boss.put(path_of(door), {"active": True, "display_name": "New"})
    for response, prefix in ((created, CREATING), (changed, UPDATING)):
        assert response.status_code == 400
        assert response.json()["error"].startswith(f"{prefix}Failed to make SSO Orchestrator API request:")
    if reason == "status":
        assert created.json()["error"].endswith("503\nbusy")
    name = door.display_name
    door.refresh_from_db()
    assert (door.active, door.display_name, door.submitted_at) == (False, name, None)
    assert EnterpriseCustomerSsoConfiguration.objects.count() == 1


# --- Sign-ins and their end -----------------------------------------------------------------------------------------


def test_the_first_sign_in_that_works_proves_provider_and_active_configurations(
    acme: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration
) -> None:
    on = configuration_of(acme, active=True)
    IdentityProviderFactory(enterprise_customer=acme, provider_id="saml-blue")
    provider = save_version(SAMLProviderConfig(slug="blue", enabled=True))
    identity = UserSocialAuth.objects.create(user=UserFactory(), provider="tpa-saml", uid="blue:lou")
    for _ in range(2):
        sso_login_succeeded.send(UserSocialAuth, identity=identity)
    for row in (on, door, provider):
        row.refresh_from_db()
    first = on.validated_at
    assert (first is not None, door.validated_at, provider.was_valid_at is not None) == (True, None, True)
    assert SAMLProviderConfig.objects.count() == 1
    assert on.history.filter(history_type="~").count() == 1
    other = UserSocialAuth.objects.create(user=UserFactory(), provider="google-oauth2", uid="x")
    sso_login_succeeded.send(UserSocialAuth, identity=other)


def test_who_is_disconnected_is_no_learner_any_more(acme: EnterpriseCustomer, bolt: EnterpriseCustomer) -> None:
    IdentityProviderFactory(enterprise_customer=acme, provider_id="saml-blue")
    account = UserFactory()
    link = LearnerFactory(enterprise_customer=acme, user=account)
    kept = LearnerFactory(enterprise_customer=bolt, user=account)
    UserSocialAuth.objects.create(user=account, provider="google-oauth2", uid="blue:x").delete()
    UserSocialAuth.objects.create(user=account, provider="tpa-saml", uid="blue:lou").delete()
    link.refresh_from_db()
    kept.refresh_from_db()
    assert (link.linked, link.active, kept.linked) == (False, False, True)
