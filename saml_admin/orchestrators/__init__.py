"""Who sets up a customer's sign-on: a service outside, if the settings name one, else this service itself.

Contract: enterprise-admins-groups-sso, Orchestrator call.
"""

from __future__ import annotations

from typing import Protocol

from django.conf import settings

from enterprise.models import EnterpriseCustomerSsoConfiguration
from saml_admin.orchestrators.failures import OrchestratorFailed

__all__ = ["Orchestrator", "OrchestratorFailed", "orchestrator"]


class Orchestrator(Protocol):
    """Takes configurations; says later what became of them (`services.sso_configurations.complete`)."""

    def submit(self, configuration: EnterpriseCustomerSsoConfiguration, *, updating: bool) -> str:
        """Hands over a configuration that is stored.

        Args:
            updating: it was set up before.
        Returns:
            The address of the service provider's metadata, for the identity provider; empty if there is none.
        Raises:
            OrchestratorFailed: it was not taken.
        """


def orchestrator() -> Orchestrator:
    """The one that the settings choose."""
    if settings.ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL:
        from saml_admin.orchestrators.http import HttpOrchestrator

        return HttpOrchestrator()
    from saml_admin.orchestrators.local import LocalOrchestrator

    return LocalOrchestrator()
