"""Reporting configurations: what is sent, what is stored, and the refusals that several tests know."""

from __future__ import annotations

import uuid
from typing import Any

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerReportingConfiguration

LIST = "/enterprise/api/v1/enterprise_customer_reporting/"
KEYS = "ENTERPRISE_REPORTING_SECRET"
MISSING = {"detail": "Missing: enterprise.can_manage_reporting_config"}
NO_CONFIGURATION = {"detail": "No EnterpriseCustomerReportingConfiguration matches the given query."}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
NOT_FOUND = {"detail": "Not found."}
REQUIRED = ["This field is required."]
NO_EMAIL = {"email": ["This field is required"]}
FOREIGN_CATALOGS = {
    "enterprise_customer_catalog_uuids": ["Only those catalogs can be linked that belong to the enterprise customer."]
}
ELSEWHERE = "99999999-0000-4000-8000-000000000009"
FORM = "application/x-www-form-urlencoded"


def path_of(configuration: Any) -> str:
    return f"{LIST}{getattr(configuration, 'uuid', configuration)}/"


def body_for(customer: EnterpriseCustomer, **fields: Any) -> dict[str, Any]:
    """The least that makes a configuration as the portal makes one; None leaves a field out."""
    complete = {
        "enterprise_customer_id": str(customer.pk),
        "active": True,
        "enable_compression": True,
        "delivery_method": "email",
        "email": ["ops@acme.test"],
        "hour_of_day": 7,
        **fields,
    }
    return {name: value for name, value in complete.items() if value is not None}


def fresh(configuration: EnterpriseCustomerReportingConfiguration) -> EnterpriseCustomerReportingConfiguration:
    return EnterpriseCustomerReportingConfiguration.objects.get(pk=configuration.pk)


def catalogs_of(configuration: EnterpriseCustomerReportingConfiguration) -> set[uuid.UUID]:
    return set(configuration.enterprise_customer_catalogs.values_list("pk", flat=True))
