"""SSO configurations are made, changed and removed (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerSsoConfiguration, EnterpriseCustomerUser
from saml_admin.orchestrators.local import LocalOrchestrator
from tests.factories import RoleAssignmentFactory, customer_admin
from tests.parallel import at_once, concurrent_writers
from tests.saml_admin.conftest import ENTITY, IdentityProvider, descriptor
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
NO_ENTITY = {"error": f"{UPDATING}Could not find entity ID in metadata xml"}
PENDING = {
    "error": f"{UPDATING}{{'is_pending_configuration': ['Record has already been submitted for configuration.']}}"
}


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
