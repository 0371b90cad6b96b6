"""Client applications, and the call that asks for a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from enrollments.models import OAuthApplication
from tests.enrollments.tokens.calls import FORM
from tests.factories import OAuthApplicationFactory, UserFactory


@pytest.fixture
def robot() -> OAuthApplication:
    """A confidential client of the client-credentials grant, owned by `owner`."""
    return OAuthApplicationFactory(
        client_id="robot", authorization_grant_type="client-credentials", user=UserFactory(username="owner", staff=True)
    )


@pytest.fixture
def portal() -> OAuthApplication:
    """A confidential client of the password grant."""
    return OAuthApplicationFactory(client_id="portal")


@pytest.fixture
def ask(client: Any) -> Callable[..., Any]:
    """`ask(grant_type=..., ...)` posts to the token endpoint as the Python REST client does: a form, no slash."""

    def post(path: str = "/oauth2/access_token", headers: dict[str, str] | None = None, **form: str) -> Any:
        return client.post(path, urlencode(form), content_type=FORM, headers=headers)

    return post
