"""`/enterprise/proxy-login/`, the way of a customer's people to the sign-in page (contract: clients 3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from enterprise.models import EnterpriseCustomer
from tests.factories import EnterpriseCustomerFactory, IdentityProviderFactory, InviteKeyFactory, UserFactory

pytestmark = pytest.mark.django_db

PATH = "/enterprise/proxy-login/"
PORTAL = "http://127.0.0.1:8000/acme"


@pytest.fixture
def acme() -> EnterpriseCustomer:
    IdentityProviderFactory(provider_id="saml-foreign", default_provider=True)
    return EnterpriseCustomerFactory(slug="acme")


def led_to(client: Any, **query: str) -> dict[str, str]:
    """The query of the sign-in page's address that the caller is sent to."""
    answer = client.get(PATH, query)
    assert answer.status_code == 302
    parts = urlsplit(answer["Location"])
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/login")
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def hint_of(address: str) -> list[str]:
    return parse_qs(urlsplit(address).query).get("tpa_hint", [])


def test_a_customer_without_provider_is_named_in_the_address_of_the_sign_in(
    client: Any, acme: EnterpriseCustomer
) -> None:
    assert led_to(client, enterprise_slug="acme", next="/acme/admin?a=b&c=d") == {
        "next": "/acme/admin?a=b&c=d",
        "enterprise_customer": str(acme.uuid),
        "proxy_login": "True",
    }


def test_next_is_the_customers_learner_portal_when_none_is_given(
    client: Any, acme: EnterpriseCustomer, settings: Any
) -> None:
    assert led_to(client, enterprise_slug="acme")["next"] == PORTAL
    settings.ENTERPRISE_LEARNER_PORTAL_BASE_URL = "https://learn.example/"
    assert led_to(client, enterprise_slug="acme")["next"] == "https://learn.example/acme"


def test_an_unsafe_next_is_dropped(client: Any, acme: EnterpriseCustomer, settings: Any) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    for foreign in (
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "https://portal.example.evil.example",
    ):
        assert led_to(client, enterprise_slug="acme", next=foreign)["next"] == PORTAL
    safe = "https://portal.example/acme/admin"
    assert led_to(client, enterprise_slug="acme", next=safe)["next"] == safe


def test_the_only_provider_becomes_the_hint_inside_next(client: Any, acme: EnterpriseCustomer) -> None:
    IdentityProviderFactory(enterprise_customer=acme, provider_id="saml-acme")
    query = led_to(client, enterprise_slug="acme", next="/acme/admin?a=b&tpa_hint=saml-old#top")
    assert query == {"next": "/acme/admin?a=b&tpa_hint=saml-acme#top"}
    assert hint_of(led_to(client, enterprise_slug="acme")["next"]) == ["saml-acme"]


def test_of_several_providers_the_wanted_one_counts_then_the_default_one(client: Any, acme: EnterpriseCustomer) -> None:
    IdentityProviderFactory(enterprise_customer=acme, provider_id="saml-one")
    second = IdentityProviderFactory(enterprise_customer=acme, provider_id="saml-two")
    undecided = led_to(client, enterprise_slug="acme", tpa_hint="saml-foreign")
    assert hint_of(undecided["next"]) == []
    assert undecided["proxy_login"] == "True"
    wanted = led_to(client, enterprise_slug="acme", tpa_hint="saml-one")
    assert hint_of(wanted["next"]) == ["saml-one"]
    assert set(wanted) == {"next"}
    second.default_provider = True
    second.save()
    assert hint_of(led_to(client, enterprise_slug="acme", tpa_hint="saml-foreign")["next"]) == ["saml-two"]


def test_an_invite_key_names_the_customer_too(client: Any, acme: EnterpriseCustomer) -> None:
    key = InviteKeyFactory(enterprise_customer=acme)
    assert led_to(client, enterprise_customer_invite_key=str(key.uuid))["enterprise_customer"] == str(acme.uuid)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"enterprise_slug": "nobody"},
        {"enterprise_slug": "x" * 10_000},
        {"enterprise_slug": "asleep"},
        {"enterprise_customer_invite_key": "no-uuid"},
        {"enterprise_customer_invite_key": str(uuid4())},
        {"next": "/somewhere"},
    ],
)
def test_whatever_names_no_customer_is_404(client: Any, acme: EnterpriseCustomer, query: dict[str, str]) -> None:
    EnterpriseCustomerFactory(slug="asleep", active=False)
    assert client.get(PATH, query).status_code == 404


def test_the_key_of_a_customer_that_is_not_active_is_404(client: Any) -> None:
    key = InviteKeyFactory(enterprise_customer=EnterpriseCustomerFactory(active=False))
    assert client.get(PATH, {"enterprise_customer_invite_key": str(key.uuid)}).status_code == 404


def test_it_is_a_page_to_be_read(client: Any, acme: EnterpriseCustomer) -> None:
    assert client.post(PATH, {"enterprise_slug": "acme"}).status_code == 405
    without_slash = client.get("/enterprise/proxy-login?enterprise_slug=acme")
    assert (without_slash.status_code, without_slash["Location"]) == (301, f"{PATH}?enterprise_slug=acme")


def test_who_is_signed_in_goes_all_the_way_to_next(by_session: Any, acme: EnterpriseCustomer) -> None:
    browser = by_session(UserFactory())
    way = browser.get(PATH, {"enterprise_slug": "acme", "next": "/acme/admin"}, follow=True).redirect_chain
    assert way[1] == ("/acme/admin", 302)
