"""`enterprise_customer_sso_configuration` (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from config.api.fields import wire_time
from enrollments.models import UserSocialAuth
from enrollments.signals import sso_login_succeeded
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerSsoConfiguration,
    EnterpriseCustomerUser,
)
from saml_admin import tasks
from saml_admin.models import SAMLProviderConfig, SAMLProviderData
from saml_admin.orchestrators.local import LocalOrchestrator
from saml_admin.serializers.sso_configurations import SsoConfigurationSerializer
from saml_admin.services import sign_on
from saml_admin.services.providers import save_version
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    EnterpriseCustomerFactory,
    IdentityProviderFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    SsoConfigurationFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers
from tests.saml_admin.conftest import ENTITY, SSO_URL, IdentityProvider, descriptor

pytestmark = pytest.mark.django_db

LIST = "/enterprise/api/v1/enterprise_customer_sso_configuration"
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
UPDATING = "Error updating SSO configuration record "
CREATING = "Error creating SSO configuration record "
NO_ENTITY = {"error": f"{UPDATING}Could not find entity ID in metadata xml"}
PENDING = {
    "error": f"{UPDATING}{{'is_pending_configuration': ['Record has already been submitted for configuration.']}}"
}


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Acme", slug="acme", contact_email="help@acme.example")


@pytest.fixture
def bolt() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Bolt", slug="bolt")


@pytest.fixture
def boss(as_user: Any, acme: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(acme))


@pytest.fixture
def door(acme: EnterpriseCustomer) -> EnterpriseCustomerSsoConfiguration:
    return configuration_of(acme)


def configuration_of(customer: EnterpriseCustomer, **fields: Any) -> EnterpriseCustomerSsoConfiguration:
    values = {"identity_provider": "okta", "metadata_xml": descriptor(), "entity_id": ENTITY, "active": False, **fields}
    return SsoConfigurationFactory(enterprise_customer=customer, **values)


def path_of(configuration: Any) -> str:
    return f"{LIST}/{getattr(configuration, 'pk', configuration)}"


def body_of(customer: Any, **fields: Any) -> dict[str, Any]:
    key = str(getattr(customer, "pk", customer))
    return {"enterprise_customer": key, "identity_provider": "okta", "metadata_xml": descriptor(), **fields}


def is_empty(response: Any, status: int) -> bool:
    return (response.status_code, response.content) == (status, b"")


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
    assert list(shown) == ["is_pending_configuration", *(f.name for f in row._meta.concrete_fields)]
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


# --- Create -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_a_configuration_is_stored_and_submitted(boss: APIClient, acme: EnterpriseCustomer, form: str) -> None:
    response = boss.post(LIST, body_of(acme, display_name="Door", active=False, is_removed=False), format=form)
    assert response.status_code == 201
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    assert response.json().keys() == {"record", "sp_metadata_url"}
    assert response.json()["record"] == str(row.pk)
    assert response.json()["sp_metadata_url"].startswith("http")
    assert (row.entity_id, row.display_name, row.active) == (ENTITY, "Door", False)
    assert row.is_pending_configuration is True
    assert boss.get(path_of(row)).json()["is_pending_configuration"] is True


def test_metadata_is_fetched_and_replaces_what_was_sent(
    boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider
) -> None:
    idp.document = descriptor("https://fetched.example")
    assert boss.post(LIST, body_of(acme, metadata_url=idp.url, entity_id="x")).status_code == 201
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    assert (row.metadata_url, row.entity_id) == (idp.url, "https://fetched.example")
    assert "fetched.example" in row.metadata_xml


def test_what_cannot_be_fetched_is_told(boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider) -> None:
    prefix = "Must provide valid IDP metadata url "
    for status in (302, 404, 500):
        idp.status = status
        response = boss.post(LIST, body_of(acme, metadata_url=idp.url))
        assert response.status_code == 400
        assert response.json() == {"error": f"{prefix}Error fetching metadata xml from provided url: {idp.url}"}
    response = boss.post(LIST, body_of(acme, metadata_url="https://169.254.169.254/x"))
    assert response.json() == {
        "error": f"{prefix}SAML metadata URL hostname is a forbidden IP address: 169.254.169.254"
    }
    assert boss.post(LIST, body_of(acme, metadata_url="nonsense")).status_code == 400
    assert not EnterpriseCustomerSsoConfiguration.objects.exists()


def test_metadata_without_an_entity_id_is_told(boss: APIClient, acme: EnterpriseCustomer) -> None:
    for xml in ("<all/>", "no xml", '<!DOCTYPE x [<!ENTITY a "b">]><x entityID="y">&a;</x>'):
        response = boss.post(LIST, body_of(acme, metadata_xml=xml))
        assert (response.status_code, response.json()) == (400, NO_ENTITY)
    many = f"<all>{descriptor('https://first.example')}{descriptor()}</all>"
    assert boss.post(LIST, body_of(acme, metadata_xml=many)).status_code == 201
    assert EnterpriseCustomerSsoConfiguration.objects.get().entity_id == "https://first.example"


def test_the_customer_is_looked_for_before_anything_else(
    as_user: Any, boss: APIClient, bolt: EnterpriseCustomer
) -> None:
    for body in ({}, {"enterprise_customer": ""}):
        response = boss.post(LIST, body)
        assert (response.status_code, response.json()) == (400, {"error": "Must provide valid enterprise customer"})
    for named in (uuid.uuid4(), "nonsense", bolt.pk):
        assert is_empty(boss.post(LIST, body_of(named, unknown=1)), 403)
    assert boss.post(LIST, [1]).status_code == 400


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("colour", "blue", "colour"),
        ("is_pending_configuration", True, "is_pending_configuration"),
        ("uuid", "99999999-0000-4000-8000-000000000009", "uuid"),
        ("submitted_at", "2031-01-01T00:00:00Z", "submitted_at"),
        ("active", "maybe", "maybe"),
        ("odata_api_timeout_interval", "soon", "soon"),
        ("odata_api_timeout_interval", -1, "-1"),
        ("display_name", "d" * 256, "ddd"),
    ],
)
def test_unknown_fixed_and_bad_fields_are_named(
    boss: APIClient,
    acme: EnterpriseCustomer,
    door: EnterpriseCustomerSsoConfiguration,
    field: str,
    value: Any,
    part: str,
) -> None:
    created, changed = boss.post(LIST, body_of(acme, **{field: value})), boss.put(path_of(door), {field: value})
    for response, prefix in ((created, CREATING), (changed, UPDATING)):
        assert response.status_code == 400
        assert response.json()["error"].startswith(prefix)
        assert part in response.json()["error"]
    assert boss.put(path_of(door), {"colour": 1}).json() == {
        "error": f"{UPDATING}EnterpriseCustomerSsoConfiguration has no field named 'colour'"
    }
    assert EnterpriseCustomerSsoConfiguration.objects.count() == 1


# --- Update and delete --------------------------------------------------------------------------------------------


def test_a_change_that_the_orchestrator_has_to_know_is_submitted(
    boss: APIClient, door: EnterpriseCustomerSsoConfiguration
) -> None:
    before = door.modified
    response = boss.put(path_of(door), {"display_name": "New", "marked_authorized": True})
    assert response.status_code == 200
    assert response.json().keys() == {"record"}
    assert (response.json()["record"]["display_name"], response.json()["record"]["submitted_at"]) == ("New", None)
    response = boss.put(path_of(door), {"first_name_attribute": "given"})
    assert response.json()["sp_metadata_url"].startswith("http")
    assert response.json()["record"]["is_pending_configuration"] is True
    door.refresh_from_db()
    assert door.modified > before
    assert door.history.filter(history_type="~").count() >= 2


def test_nothing_locked_changes_while_pending(boss: APIClient, door: EnterpriseCustomerSsoConfiguration) -> None:
    assert boss.put(path_of(door), {"username_attribute": "uid"}).status_code == 200
    response = boss.put(path_of(door), {"username_attribute": "other", "display_name": "No"})
    assert (response.status_code, response.json()) == (400, PENDING)
    assert boss.put(path_of(door), {"username_attribute": "uid", "display_name": "Yes"}).status_code == 200
    door.refresh_from_db()
    assert (door.username_attribute, door.display_name) == ("uid", "Yes")


def test_form_values_are_compared_by_what_they_mean(
    boss: APIClient, acme: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration
) -> None:
    same = {"active": "False", "odata_api_timeout_interval": "29", "enterprise_customer": str(acme.pk)}
    response = boss.put(path_of(door), same, format="multipart")
    assert (response.status_code, response.json().keys()) == (200, {"record"})


def test_new_metadata_brings_its_entity_id_known_metadata_is_left_alone(
    boss: APIClient, door: EnterpriseCustomerSsoConfiguration, idp: IdentityProvider
) -> None:
    assert boss.put(path_of(door), {"metadata_xml": "<all/>"}).json() == NO_ENTITY
    assert "sp_metadata_url" not in boss.put(path_of(door), {"metadata_xml": door.metadata_xml}).json()
    idp.document = descriptor("https://new.example")
    record = boss.put(path_of(door), {"metadata_url": idp.url}).json()["record"]
    assert record["entity_id"] == "https://new.example"
    assert boss.put(path_of(door), {"metadata_url": idp.url}).status_code == 200
    assert len(idp.asked) == 1


def test_a_record_moves_only_to_a_customer_of_the_caller(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration
) -> None:
    account = customer_admin(acme)
    for named in (bolt.pk, uuid.uuid4(), "nonsense"):
        assert is_empty(as_user(account).put(path_of(door), {"enterprise_customer": str(named)}), 403)
    EnterpriseCustomerUser.objects.create(
        enterprise_customer=bolt, user_id=account.pk, should_inactivate_other_customers=False
    )
    RoleAssignmentFactory(user=account, role="enterprise_admin", enterprise_customer=bolt)
    response = as_user(account).put(
        f"{path_of(door)}?enterprise_customer={acme.pk}", {"enterprise_customer": str(bolt.pk)}
    )
    assert response.json()["record"]["enterprise_customer"] == str(bolt.pk)


def test_a_record_is_removed_softly_and_stays_removed(
    boss: APIClient, acme: EnterpriseCustomer, door: EnterpriseCustomerSsoConfiguration
) -> None:
    for _ in range(2):
        assert is_empty(boss.delete(path_of(door)), 200)
    assert boss.get(LIST).json() == []
    door.refresh_from_db()
    assert door.is_removed is True
    assert door.history.filter(history_type="~").count() == 1
    response = boss.put(path_of(door), {"is_removed": False})
    assert response.status_code == 400
    assert response.json()["error"].startswith(UPDATING)
    second = configuration_of(acme, active=True)
    record = boss.put(path_of(second), {"active": False, "is_removed": True}).json()["record"]
    assert (record["active"], record["is_removed"]) == (False, True)
    for named in (uuid.uuid4(), "nonsense"):
        assert is_empty(boss.delete(path_of(named)), 404)
        assert is_empty(boss.put(path_of(named), {}), 404)


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_of_two_submissions_at_once_one_is_refused(
    as_user: Any, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalOrchestrator, "submit", lambda *args, **options: "")
    row, account, statuses = configuration_of(acme), customer_admin(acme), []
    clients = [as_user(account) for _ in range(4)]
    calls = [
        lambda each=each, turn=turn: statuses.append(
            each.put(path_of(row), {"username_attribute": f"uid{turn}"}).status_code
        )
        for turn, each in enumerate(clients)
    ]
    assert at_once(*calls) == []
    assert sorted(statuses) == [200, 400, 400, 400]


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


def test_the_sign_on_is_set_up_for_real(
    boss: APIClient, acme: EnterpriseCustomer, idp: IdentityProvider, django_capture_on_commit_callbacks: Any
) -> None:
    idp.document = descriptor(certificates=("MIIC1", "MIIC2"))
    sent = body_of(acme, metadata_url=idp.url, user_id_attribute="uid", display_name="Door")
    with django_capture_on_commit_callbacks(execute=True):
        response = boss.post(LIST, sent)
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
    tasks.set_up_sign_on(str(row.pk), False)  # a task that comes twice does its work once
    assert SAMLProviderConfig.objects.count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        boss.put(path_of(row), {"active": False, "is_removed": True})
    assert SAMLProviderConfig.objects.current().get().enabled is False
    assert SAMLProviderConfig.objects.count() == 2
    assert len(mail.outbox) == 1


def test_what_cannot_be_set_up_is_noted(
    boss: APIClient, acme: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert boss.post(LIST, body_of(acme, metadata_xml=descriptor(certificates=()))).status_code == 201
    row = EnterpriseCustomerSsoConfiguration.objects.get()
    assert row.errored_at > row.submitted_at
    assert (row.active, row.is_pending_configuration) == (False, False)
    assert not SAMLProviderConfig.objects.exists()
    assert boss.put(path_of(row), {"metadata_xml": descriptor()}).status_code == 200  # may be tried again


def test_a_worker_that_dies_in_the_middle_leaves_nothing_half_done(
    acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = configuration_of(acme, submitted_at=timezone.now())
    with monkeypatch.context() as patch:
        patch.setattr(sign_on.providers, "save_version", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tasks.set_up_sign_on(str(row.pk), False)
    assert not SAMLProviderData.objects.exists()
    tasks.set_up_sign_on(str(row.pk), False)
    row.refresh_from_db()
    assert row.configured_at is not None
    tasks.set_up_sign_on(str(uuid.uuid4()), False)


def test_success_factors_needs_no_metadata(
    boss: APIClient, acme: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    sent = {
        "enterprise_customer": str(acme.pk),
        "identity_provider": "sap_success_factors",
        "odata_api_root_url": "https://odata.example/",
    }
    with django_capture_on_commit_callbacks(execute=True):
        assert boss.post(LIST, sent).status_code == 201
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
