"""Scenes that several journeys play in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.browser_app import HOST, ORIGIN
from tests.saml_admin.conftest import authority, idp  # noqa: F401


@pytest.fixture
def apps_origin(settings: Any) -> None:
    """The service knows the origin that its front ends run on."""
    settings.CORS_ORIGIN_WHITELIST = [ORIGIN]
    settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]
    settings.LOGIN_REDIRECT_WHITELIST = [HOST]
