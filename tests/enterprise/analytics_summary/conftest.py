"""Two customers, and the call that asks for the texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.response import Response
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer
from tests.enterprise.analytics_summary.figures import ENGAGEMENT_FIGURES, PROGRESS_FIGURES, path_of
from tests.factories import EnterpriseCustomerFactory


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="beta")


@pytest.fixture
def ask(boss: APIClient, customer: EnterpriseCustomer) -> Callable[..., Response]:
    """Asks with complete figures, changed by `progress` and `engagement`."""

    def send(progress: Any = None, engagement: Any = None, of: Any = None, client: APIClient = boss) -> Response:
        body = {
            "learner_progress": {**PROGRESS_FIGURES, **(progress or {})},
            "learner_engagement": {**ENGAGEMENT_FIGURES, **(engagement or {})},
        }
        return client.post(path_of(of or customer.pk), body)

    return send
