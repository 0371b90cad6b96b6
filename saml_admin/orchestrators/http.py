"""An orchestrator outside, over HTTP (contract: enterprise-admins-groups-sso, Orchestrator call)."""

from __future__ import annotations

from typing import Any

import httpx
from django.conf import settings

from enterprise.models import EnterpriseCustomerSsoConfiguration
from enterprise.models.sso import SAP
from saml_admin.orchestrators.failures import OrchestratorFailed

SECONDS = 30.0
SAML_FIELDS = (
    "uuid", "metadata_url", "metadata_xml", "entity_id", "user_id_attribute", "full_name_attribute",
    "first_name_attribute", "last_name_attribute", "email_attribute", "username_attribute", "country_attribute",
    "update_from_metadata",
)  # fmt: skip
SAP_FIELDS = (
    "oauth_user_id", "odata_api_request_timeout", "odata_api_root_url", "odata_api_timeout_interval",
    "odata_client_id", "odata_company_id", "sapsf_oauth_root_url", "sapsf_private_key",
)  # fmt: skip


class HttpOrchestrator:
    """Posts configurations to the address that the settings name."""

    def submit(self, configuration: EnterpriseCustomerSsoConfiguration, *, updating: bool) -> str:
        name = settings.ENTERPRISE_SSO_ORCHESTRATOR_WORKER_USERNAME
        password = settings.ENTERPRISE_SSO_ORCHESTRATOR_WORKER_PASSWORD
        if not (name and password):
            raise OrchestratorFailed("Failed to make SSO Orchestrator API request: no credentials are configured")
        base = (settings.ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL or "").rstrip("/")
        path = settings.ENTERPRISE_SSO_ORCHESTRATOR_CONFIGURE_PATH.lstrip("/")
        try:
            answer = httpx.post(
                f"{base}/{path}", json=request_body(configuration, updating), auth=(name, password), timeout=SECONDS
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise OrchestratorFailed(f"Failed to make SSO Orchestrator API request: {reason}") from error
        if answer.status_code >= 300:
            raise OrchestratorFailed(
                f"Failed to make SSO Orchestrator API request: {answer.status_code}\n{answer.text[:2000]}"
            )
        return _metadata_url(answer)


def request_body(configuration: EnterpriseCustomerSsoConfiguration, updating: bool) -> dict[str, Any]:
    """What the orchestrator is sent."""
    customer, uuid = configuration.enterprise_customer, str(configuration.pk)
    callback = (
        f"{settings.LMS_ROOT_URL}/enterprise/api/v1/enterprise_customer_sso_configuration/{uuid}"
        "/sso_orchestration_complete"
    )
    body: dict[str, Any] = {
        "requestIdentifier": uuid,
        "enterprise": {"name": customer.name, "slug": customer.slug, "uuid": str(customer.pk)},
        "callbackUrl": f"{callback}?updating_existing_record=true" if updating else callback,
    }
    if configuration.identity_provider == SAP:
        return {
            **body,
            "samlConfiguration": {"uuid": uuid},
            "sapsfConfiguration": _filled(configuration, SAP_FIELDS),
        }
    about = {**_filled(configuration, SAML_FIELDS), "uuid": uuid}
    return {**body, "samlConfiguration": {**about, "enabled": configuration.active if updating else True}}


def _filled(configuration: EnterpriseCustomerSsoConfiguration, names: tuple[str, ...]) -> dict[str, Any]:
    """The fields that say something, under names in camel case."""
    values = {name: getattr(configuration, name) for name in names}
    return {_camel_case(name): value for name, value in values.items() if value}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _metadata_url(answer: httpx.Response) -> str:
    try:
        url = answer.json()["samlServiceProviderInformation"]["spMetadataUrl"]
    except (ValueError, KeyError, TypeError):
        return ""
    return url if isinstance(url, str) else ""
