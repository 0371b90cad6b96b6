"""This service as its own orchestrator: a sweep does the work, and answers (`services.sign_on`)."""

from __future__ import annotations

from django.conf import settings

from enterprise.models import EnterpriseCustomerSsoConfiguration
from saml_admin.queries.sso_configurations import provider_slug


class LocalOrchestrator:
    """Takes everything; where the metadata of the service will be found is known already."""

    def submit(self, configuration: EnterpriseCustomerSsoConfiguration, *, updating: bool) -> str:
        return f"{settings.LMS_ROOT_URL}/auth/saml/metadata.xml?tpa_hint={provider_slug(configuration)}"
