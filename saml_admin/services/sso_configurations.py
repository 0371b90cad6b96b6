"""What becomes of a customer's sign-on configurations (contract: enterprise-admins-groups-sso, SSO configuration).

States follow from four moments: submitted, configured, validated, errored. What the orchestrator was told is locked
until it answers or its time is up.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from enrollments.services import outbox
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerSsoConfiguration
from enterprise.models.sso import SUBMITTED_FIELDS
from saml_admin.emails.sso_configured import MESSAGE_TYPE
from saml_admin.metadata import MetadataSyntaxError, find_entity_id
from saml_admin.orchestrators import orchestrator
from saml_admin.queries.sso_configurations import SUBMITTED, SUBMITTED_AGAIN

logger = logging.getLogger(__name__)


class AlreadySubmitted(Exception):
    """The orchestrator has not answered yet. Nothing was changed."""


class NoEntityId(Exception):
    """There is none in the metadata."""


def entity_id_of(metadata_xml: str) -> str:
    """
    Raises:
        NoEntityId
    """
    try:
        found = find_entity_id(metadata_xml)
    except MetadataSyntaxError as error:
        raise NoEntityId from error
    if not found:
        raise NoEntityId
    return found


@transaction.atomic
def create(customer: EnterpriseCustomer, values: Mapping[str, Any]) -> tuple[EnterpriseCustomerSsoConfiguration, str]:
    """A configuration, submitted. Returns it with the address of the service provider's metadata.

    Raises:
        OrchestratorFailed: nothing was stored.
    """
    configuration = EnterpriseCustomerSsoConfiguration.all_objects.create(enterprise_customer=customer, **values)
    return configuration, _submit(configuration, updating=False)


@transaction.atomic
def change(uuid: UUID, values: Mapping[str, Any]) -> tuple[EnterpriseCustomerSsoConfiguration, str]:
    """Changes a configuration, and submits it again if the orchestrator has to know.

    Returns:
        The configuration; the address of the service provider's metadata, empty if it was not submitted.
    Raises:
        AlreadySubmitted
        OrchestratorFailed: nothing was changed.
        DoesNotExist: it is gone.
    """
    configuration = EnterpriseCustomerSsoConfiguration.all_objects.select_for_update(of=("self",)).get(pk=uuid)
    changed = {name: value for name, value in values.items() if getattr(configuration, name) != value}
    must_submit = not changed.keys().isdisjoint(SUBMITTED_FIELDS)
    if must_submit and configuration.is_pending_configuration:
        raise AlreadySubmitted(str(uuid))
    for name, value in changed.items():
        setattr(configuration, name, value)
    if changed:
        configuration.save()
    url = _submit(configuration, updating=True) if must_submit else ""
    return configuration, url


@transaction.atomic
def remove(uuid: UUID) -> None:
    """Removes a configuration softly; one that is removed already stays so."""
    for configuration in EnterpriseCustomerSsoConfiguration.objects.select_for_update(of=("self",)).filter(pk=uuid):
        configuration.is_removed = True
        configuration.save()


def _submit(configuration: EnterpriseCustomerSsoConfiguration, *, updating: bool) -> str:
    url = orchestrator().submit(configuration, updating=updating)
    configuration.submitted_at = timezone.now()
    reason = SUBMITTED_AGAIN if updating else SUBMITTED
    configuration._change_reason = reason  # type: ignore[attr-defined]  # for the history
    configuration.save()
    return url


@transaction.atomic
def complete(uuid: UUID, *, updating: bool, error: str = "") -> bool:
    """Notes what became of a submitted configuration; the first success of a new one is told by mail.

    Args:
        updating: it was set up before.
        error: why it could not be set up; empty if it was.
    Returns:
        Whether there is such a configuration.
    """
    rows = EnterpriseCustomerSsoConfiguration.objects.select_for_update(of=("self",))
    configuration = rows.select_related("enterprise_customer").filter(pk=uuid).first()
    if configuration is None:
        return False
    now = timezone.now()
    if configuration.submitted_at is None:
        logger.warning("the orchestrator answers for SSO configuration %s, which was never submitted", uuid)
    if error:
        logger.warning("SSO configuration %s could not be set up: %s", uuid, error)
        configuration.errored_at = now
        configuration.save()
        return True
    if configuration.configured_at is None or not updating:
        configuration.active = True
    configuration.configured_at = now
    configuration.save()
    contact = configuration.enterprise_customer.contact_email
    if not updating and contact:
        key = f"sso-configured:{uuid}:{now.isoformat()}"
        context = {"customer": str(configuration.enterprise_customer_id)}
        outbox.queue([outbox.NewMessage(key, MESSAGE_TYPE, contact, context)])
    return True


@transaction.atomic
def validate(customer_id: UUID) -> None:
    """Notes the first sign-in that worked on a customer's active configurations."""
    rows = EnterpriseCustomerSsoConfiguration.objects.select_for_update(of=("self",))
    for configuration in rows.filter(enterprise_customer=customer_id, active=True, validated_at__isnull=True):
        configuration.validated_at = timezone.now()
        configuration.save()
