"""The published Python client logs in here as it is (contract: clients 1, edx-rest-api-client)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from edx_django_utils.cache import TieredCache
from edx_rest_api_client.client import OAuthAPIClient, get_oauth_access_token

from enrollments.views.oauth import AccessTokenView
from tests.factories import PASSWORD, OAuthApplicationFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def empty_token_cache() -> Iterator[None]:
    TieredCache.dangerous_clear_all_tiers()
    yield
    TieredCache.dangerous_clear_all_tiers()


@pytest.fixture
def logins(monkeypatch: Any) -> list[dict[str, Any]]:
    """The logins that reached the service: path and form of each."""
    seen: list[dict[str, Any]] = []
    post = AccessTokenView.post

    def counted(self: AccessTokenView, request: Any) -> Any:
        seen.append({"path": request.path, **request._request.POST.dict()})
        return post(self, request)

    monkeypatch.setattr(AccessTokenView, "post", counted)
    return seen


@pytest.mark.parametrize("base", ["{root}", "{root}/", "{root}/oauth2", "{root}/oauth2/access_token"])
def test_two_clients_log_in_once_and_call_the_enrollment_api(
    live_server: Any, logins: list[dict[str, Any]], base: str
) -> None:
    worker = UserFactory(username="registrar_worker", staff=True)
    OAuthApplicationFactory(client_id="worker", authorization_grant_type="client-credentials", user=worker)
    address = base.format(root=live_server.url)
    first, second = (OAuthAPIClient(address, "worker", "secret") for _ in range(2))
    for client in (first, first, second):
        roles = client.get(f"{live_server.url}/api/enrollment/v1/roles/")
        assert roles.status_code == 200, roles.text
        assert roles.json() == {"roles": [], "is_staff": True}
    assert logins == [
        {
            "path": "/oauth2/access_token",
            "grant_type": "client_credentials",
            "client_id": "worker",
            "client_secret": "secret",
            "token_type": "jwt",
        }
    ]


def test_a_wrong_secret_raises(live_server: Any, logins: list[dict[str, Any]]) -> None:
    OAuthApplicationFactory(client_id="worker", authorization_grant_type="client-credentials")
    client = OAuthAPIClient(live_server.url, "worker", "wrong")
    with pytest.raises(requests.HTTPError, match="401"):
        client.get(f"{live_server.url}/api/user/v1/me")


def test_the_client_refreshes_a_token(live_server: Any) -> None:
    OAuthApplicationFactory(client_id="portal")
    form = {
        "grant_type": "password",
        "client_id": "portal",
        "client_secret": "secret",
        "username": UserFactory().username,
        "password": PASSWORD,
    }
    refresh = requests.post(f"{live_server.url}/oauth2/access_token", form, timeout=20).json()["refresh_token"]
    token, expires = get_oauth_access_token(
        live_server.url, "portal", "secret", grant_type="refresh_token", refresh_token=refresh
    )
    assert token.count(".") == 2
    assert expires
