"""This service as its own orchestrator: a task does the work once the configuration is stored."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from enterprise.models import EnterpriseCustomerSsoConfiguration
from saml_admin.queries.sso_configurations import provider_slug


class LocalOrchestrator:
    """Queues the task; where the metadata of the service will be found is known already."""

    def submit(self, configuration: EnterpriseCustomerSsoConfiguration, *, updating: bool) -> str:
        from saml_admin.tasks import set_up_sign_on

        uuid = str(configuration.pk)
        transaction.on_commit(lambda: set_up_sign_on.delay(uuid, updating), robust=True)
        return f"{settings.LMS_ROOT_URL}/auth/saml/metadata.xml?tpa_hint={provider_slug(configuration)}"
