"""What is sent to `enterprise_customer_sso_configuration`, and rows of it."""

from __future__ import annotations

from typing import Any

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerSsoConfiguration
from tests.factories import SsoConfigurationFactory
from tests.saml_admin.conftest import ENTITY, descriptor

LIST = "/enterprise/api/v1/enterprise_customer_sso_configuration"
UPDATING = "Error updating SSO configuration record "
CREATING = "Error creating SSO configuration record "


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
