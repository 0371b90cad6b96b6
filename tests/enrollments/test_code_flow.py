"""The authorization code flow, as Registrar signs people in (contract: clients 5)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant

from config.api.jwt import decode
from enrollments.models import OAuthApplication, User
from tests.factories import PASSWORD, OAuthApplicationFactory, UserFactory

pytestmark = pytest.mark.django_db

CALLBACK = "https://registrar.example/complete/edx-oauth2/"


@pytest.fixture
def registrar() -> OAuthApplication:
    return OAuthApplicationFactory(
        client_id="registrar-sso-key",
        authorization_grant_type="authorization-code",
        redirect_uris=CALLBACK,
        skip_authorization=True,
        allowed_scopes="user_id",
    )


@pytest.fixture
def learner() -> User:
    return UserFactory(username="ana", is_staff=True)


def asking(**more: str) -> str:
    """The address that the application sends a browser to."""
    query = {
        "client_id": "registrar-sso-key",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "state": "xyz",
        "scope": "user_id profile email",
        **more,
    }
    return "/oauth2/authorize?" + urlencode({name: value for name, value in query.items() if value})


def sent_back(response: Any) -> dict[str, str]:
    """What the application is told in the address that the browser is sent to."""
    assert response.status_code == 302, response.content
    assert response["Location"].startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(response["Location"]).query).items()}


def exchange(client: Any, code: str, **more: str) -> Any:
    """The application asks for the token behind a code."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "registrar-sso-key",
        "client_secret": "secret",
        "code": code,
        "redirect_uri": CALLBACK,
        "token_type": "jwt",
        **more,
    }
    return client.post("/oauth2/access_token", urlencode(form), content_type="application/x-www-form-urlencoded")


def test_the_whole_way_with_the_login_page_in_between(registrar: OAuthApplication, learner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    to_login = browser.get(asking())
    assert to_login.status_code == 302
    page = browser.get(to_login["Location"])
    assert urlsplit(to_login["Location"]).path == "/login"
    signed_in = browser.post(
        "/login",
        {
            "email_or_username": "ana",
            "password": PASSWORD,
            "next": page.context["next"],
            "csrfmiddlewaretoken": browser.cookies["csrftoken"].value,
        },
    )
    assert signed_in["Location"] == asking()
    told = sent_back(browser.get(signed_in["Location"]))
    assert told["state"] == "xyz"
    answer = exchange(browser, told["code"])
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    assert body["scope"] == "user_id profile email"
    claims = decode(body["access_token"])
    assert claims["preferred_username"] == "ana"
    assert claims["grant_type"] == "authorization-code"
    assert claims["filters"] == ["user:me"]
    assert claims["user_id"] == learner.pk
    assert claims["administrator"] is True


def test_the_login_page_lets_its_form_end_at_the_application(registrar: OAuthApplication, client: Any) -> None:
    """Browsers hold the redirects that follow a form to the policy of the form's page."""
    policy = client.get("/login", {"next": asking()})["Content-Security-Policy"]
    assert "form-action 'self' https://registrar.example;" in f"{policy};"
    foreign = client.get("/login", {"next": asking(redirect_uri="https://evil.example/")})["Content-Security-Policy"]
    assert "evil" not in foreign


def test_a_signed_in_person_goes_straight_through(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any]
) -> None:
    assert "code" in sent_back(by_session(learner).get(asking()))
    assert "code" in sent_back(by_session(learner).get(asking().replace("authorize?", "authorize/?")))


def test_an_inactive_person_may_sign_in_to_an_application(
    registrar: OAuthApplication, by_session: Callable[..., Any], client: Any
) -> None:
    code = sent_back(by_session(UserFactory(is_active=False)).get(asking()))["code"]
    assert decode(exchange(client, code).json()["access_token"])["email_verified"] is False


def test_an_application_that_is_not_trusted_asks_first(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any]
) -> None:
    OAuthApplication.objects.update(skip_authorization=False, name="Registrar <b>")
    browser = by_session(learner)
    page = browser.get(asking())
    assert page.status_code == 200
    assert "Allow Registrar &lt;b&gt; to use your account?" in page.content.decode()
    assert "form-action 'self' https://registrar.example" in page["Content-Security-Policy"]
    form = {name: value for name, value in page.context["form"].initial.items() if value}
    allowed = browser.post(asking(), {**form, "allow": "true"}, format="multipart")
    assert "code" in sent_back(allowed)
    denied = browser.post(asking(), form, format="multipart")
    assert sent_back(denied)["error"] == "access_denied"


def test_consent_needs_a_csrf_token(registrar: OAuthApplication, learner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(learner)
    form = {
        "client_id": "registrar-sso-key",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "email",
        "allow": "true",
    }
    assert browser.post(asking(), form).status_code == 403
    assert not Grant.objects.exists()


def test_a_code_serves_once(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any
) -> None:
    code = sent_back(by_session(learner).get(asking()))["code"]
    assert exchange(client, code).status_code == 200
    second = exchange(client, code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert AccessToken.objects.count() == 1


def test_a_code_that_went_in_the_meantime_leaves_no_token(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any, monkeypatch: Any
) -> None:
    """Two exchanges of one code at the same time: the second finds the code when it checks, and gone when it stores."""
    from enrollments.oauth.validators import MatriculaOAuth2Validator

    check = MatriculaOAuth2Validator.confirm_redirect_uri

    def and_somebody_was_faster(self: Any, *args: Any, **kwargs: Any) -> Any:
        confirmed = check(self, *args, **kwargs)
        Grant.objects.all().delete()
        return confirmed

    code = sent_back(by_session(learner).get(asking()))["code"]
    monkeypatch.setattr(MatriculaOAuth2Validator, "confirm_redirect_uri", and_somebody_was_faster)
    answer = exchange(client, code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer["Content-Type"] == "application/json"
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"code": "made up"}, {"client_secret": "wrong"}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": ""}],
)
def test_a_code_is_bound_to_its_application_and_address(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any, wrong: dict[str, str]
) -> None:
    code = sent_back(by_session(learner).get(asking()))["code"]
    assert exchange(client, **{"code": code, **wrong}).status_code in {400, 401}
    assert not AccessToken.objects.exists()


def test_a_code_ends_soon(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any
) -> None:
    code = sent_back(by_session(learner).get(asking()))["code"]
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert exchange(client, code).json()["error"] == "invalid_grant"


def test_pkce_is_held_to_when_it_is_used(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any
) -> None:
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    more = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = sent_back(by_session(learner).get(asking(**more)))["code"]
    assert exchange(client, code).status_code == 400
    assert exchange(client, code, code_verifier="w" * 64).status_code == 400
    assert exchange(client, code, code_verifier=verifier).status_code == 200


def test_an_application_without_a_secret_needs_pkce(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any
) -> None:
    OAuthApplication.objects.update(client_type=OAuthApplication.CLIENT_PUBLIC)
    assert sent_back(by_session(learner).get(asking()))["error"] == "invalid_request"
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    more = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = sent_back(by_session(learner).get(asking(**more)))["code"]
    assert exchange(client, code).status_code == 400
    assert exchange(client, code, code_verifier=verifier).status_code == 200


def test_the_application_is_told_who_answers(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any]
) -> None:
    assert sent_back(by_session(learner).get(asking()))["iss"].startswith("http://testserver")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scope": "course_modes:read"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unauthorized_client"),
        ({"code_challenge": "x" * 200}, "invalid_request"),
        ({"nonce": "x" * 300}, "invalid_request"),
        ({"code_challenge": "x" * 64, "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_to_the_application(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], wrong: dict[str, str], error: str
) -> None:
    assert sent_back(by_session(learner).get(asking(**wrong)))["error"] == error


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "/relative"},
    ],
)
def test_a_browser_is_never_sent_to_a_foreign_address(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], wrong: dict[str, str]
) -> None:
    response = by_session(learner).get(asking(**wrong))
    assert response.status_code == 400
    assert b"Access not possible" in response.content


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": "https://evil.example/"},
        {"scope": ""},
        {"response_type": "x"},
    ],
)
def test_a_consent_form_that_was_tampered_with_gives_no_code(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], change: dict[str, str]
) -> None:
    form = {
        "client_id": "registrar-sso-key",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "email",
        "allow": "true",
        **change,
    }
    response = by_session(learner).post("/oauth2/authorize", form, format="multipart")
    assert response.status_code in {302, 400}
    assert "evil" not in response.get("Location", "")
    assert not Grant.objects.exists()


ODD = ["", "\u202e", "x" * 5000, "http://[", "http://a:b/", "é", "[]", "{}", "%", "none login", "a b", "\n", "'\"<>"]


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "claims", "prompt", "resource",
        "max_age", "code_challenge", "code_challenge_method", "response_mode", "ui_locales",
        "approval_prompt", "id_token_hint",
    ],
)  # fmt: skip
def test_no_parameter_breaks_the_page(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any], client: Any, signed_in: bool, name: str
) -> None:
    browser = by_session(learner) if signed_in else client
    for value in ODD:
        assert browser.get(asking(**{name: value})).status_code < 500, value
    form = {"client_id": "registrar-sso-key", "redirect_uri": CALLBACK, "response_type": "code", "scope": "email"}
    for value in ODD if signed_in else ():
        posted = browser.post("/oauth2/authorize", {**form, "allow": "true", name: value}, format="multipart")
        assert posted.status_code < 500, value
    assert not Grant.objects.exclude(resource=[]).exists()


def test_only_get_and_post_are_answered(
    registrar: OAuthApplication, learner: User, by_session: Callable[..., Any]
) -> None:
    assert by_session(learner).delete("/oauth2/authorize").status_code == 405
