"""How tests sign in."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from config.api.jwt import decode
from tests.factories import PASSWORD

V1, V2 = "/api/user/v1/account/login_session/", "/api/user/v2/account/login_session/"
INCOMPLETE = "There was an error receiving your login information. Please email us."


def posted(client: Any, path: str, **form: str) -> Any:
    """A form-encoded POST."""
    return client.post(path, urlencode(form), content_type="application/x-www-form-urlencoded")


def sign(client: Any, name: str = "maria", password: str = PASSWORD, path: str = V2, **more: str) -> Any:
    return posted(client, path, email_or_username=name, password=password, **more)


def jwt_of(response: Any) -> dict[str, Any]:
    """The claims of the token that an answer's cookies hold, verified."""
    halves = [response.cookies[f"edx-jwt-cookie-{half}"].value for half in ("header-payload", "signature")]
    return decode(".".join(halves))
