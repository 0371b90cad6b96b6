"""POST /oauth2/access_token: what is granted and what is refused (contract: enrollment-api)."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from config.api.jwt import decode
from enrollments.models import OAuthApplication
from tests.enrollments.tokens.calls import FORM, ROBOT, person
from tests.factories import OAuthApplicationFactory, UserFactory

pytestmark = pytest.mark.django_db


# --- Client credentials ---


@pytest.mark.parametrize("path", ["/oauth2/access_token", "/oauth2/access_token/"])
def test_a_program_gets_a_jwt_for_the_owner_of_its_application(
    ask: Callable[..., Any], robot: OAuthApplication, path: str
) -> None:
    response = ask(path, **ROBOT, token_type="jwt")
    assert response.status_code == 200, response.content
    body = response.json()
    assert set(body) == {"access_token", "expires_in", "token_type", "scope"}
    assert body["expires_in"] == 3600
    assert type(body["expires_in"]) is int
    assert body["token_type"] == "JWT"
    assert body["scope"] == "read write email profile"
    assert decode(body["access_token"])["preferred_username"] == "owner"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "application/json"


def test_a_jwt_of_client_credentials_leaves_no_row_behind(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    ask(**ROBOT, token_type="jwt")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("token_type", ["jwt", "JWT", "Jwt"])
def test_the_word_jwt_counts_in_any_case(ask: Callable[..., Any], robot: OAuthApplication, token_type: str) -> None:
    assert ask(**ROBOT, token_type=token_type).json()["token_type"] == "JWT"


def test_the_token_type_may_stand_in_a_header(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    assert ask(**ROBOT, headers={"X-Token-Type": "JWT"}).json()["token_type"] == "JWT"
    in_the_form = ask(**ROBOT, token_type="bearer", headers={"X-Token-Type": "jwt"})
    assert in_the_form.json()["token_type"] == "Bearer"


@pytest.mark.parametrize("more", [{}, {"token_type": "bearer"}, {"token_type": "anything"}])
def test_any_other_token_is_opaque_and_lives_longer(
    ask: Callable[..., Any], client: Any, robot: OAuthApplication, more: dict[str, str], settings: Any
) -> None:
    settings.OAUTH_ACCESS_TOKEN_EXPIRE_SECONDS = 1234
    body = ask(**ROBOT, **more).json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 1234
    assert "." not in body["access_token"]
    assert "refresh_token" not in body
    me = client.get("/api/user/v1/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json() == {"username": "owner"}


def test_opaque_tokens_are_kept_as_checksums_only(
    ask: Callable[..., Any], robot: OAuthApplication, portal: OAuthApplication
) -> None:
    body = ask(**ROBOT).json()
    assert AccessToken.objects.get().token == ""
    assert ask(**person(UserFactory())).status_code == 200
    assert RefreshToken.objects.get().token == ""
    assert body["access_token"] not in str(list(AccessToken.objects.values()))


def test_credentials_may_come_by_http_basic(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    basic = {"Authorization": "Basic " + base64.b64encode(b"robot:secret").decode()}
    assert ask(grant_type="client_credentials", headers=basic).status_code == 200
    wrong = {"Authorization": "Basic " + base64.b64encode(b"robot:other").decode()}
    assert ask(grant_type="client_credentials", headers=wrong).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic \u00e9\u00e9",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic /w==",
        "Basic AHIAOnMA",
    ],
)
def test_malformed_http_basic_is_an_invalid_client(
    ask: Callable[..., Any], robot: OAuthApplication, header: str
) -> None:
    response = ask(grant_type="client_credentials", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"


def test_an_application_without_owner_has_nobody_to_speak_for(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    OAuthApplication.objects.filter(pk=robot.pk).update(user=None)
    response = ask(**ROBOT, token_type="jwt")
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")


def test_asymmetric_jwt_changes_nothing(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    for value in ("true", "false"):
        token = ask(**ROBOT, token_type="jwt", asymmetric_jwt=value).json()["access_token"]
        assert pyjwt.get_unverified_header(token)["alg"] == "RS512"


# --- Password and refresh ---


def test_a_person_gets_a_token_and_one_to_refresh_it(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    learner = UserFactory()
    body = ask(**person(learner, token_type="jwt")).json()
    assert set(body) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    renewed = ask(
        grant_type="refresh_token",
        client_id="portal",
        client_secret="secret",
        refresh_token=body["refresh_token"],
        token_type="jwt",
    )
    assert renewed.status_code == 200, renewed.content
    again = renewed.json()
    assert again["token_type"] == "JWT"
    assert again["scope"] == body["scope"]
    assert again["refresh_token"] != body["refresh_token"]
    assert decode(again["access_token"])["preferred_username"] == learner.username


def test_two_tokens_of_one_second_do_not_collide(
    ask: Callable[..., Any], portal: OAuthApplication, monkeypatch: Any
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    form = person(UserFactory(), token_type="jwt")
    first, second = ask(**form), ask(**form)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["refresh_token"] != second.json()["refresh_token"]


def test_a_refresh_token_serves_once(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    form = {"grant_type": "refresh_token", "client_id": "portal", "client_secret": "secret"}
    token = ask(**person(UserFactory())).json()["refresh_token"]
    assert ask(**form, refresh_token=token).status_code == 200
    second = ask(**form, refresh_token=token)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_token_shown_twice_ends_all_of_its_family(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    form = {"grant_type": "refresh_token", "client_id": "portal", "client_secret": "secret"}
    stolen = ask(**person(UserFactory())).json()["refresh_token"]
    newer = ask(**form, refresh_token=stolen).json()["refresh_token"]
    assert ask(**form, refresh_token=stolen).status_code == 400
    assert ask(**form, refresh_token=newer).status_code == 400


def test_a_refresh_token_ends_with_its_time(ask: Callable[..., Any], portal: OAuthApplication, settings: Any) -> None:
    settings.OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS = 60
    token = ask(**person(UserFactory())).json()["refresh_token"]
    RefreshToken.objects.update(created=timezone.now() - timedelta(seconds=61))
    response = ask(grant_type="refresh_token", client_id="portal", client_secret="secret", refresh_token=token)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_token_belongs_to_its_client(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    OAuthApplicationFactory(client_id="other")
    token = ask(**person(UserFactory())).json()["refresh_token"]
    response = ask(grant_type="refresh_token", client_id="other", client_secret="secret", refresh_token=token)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_cannot_widen_the_scopes(ask: Callable[..., Any]) -> None:
    OAuthApplicationFactory(client_id="portal", allowed_scopes="user_id")
    token = ask(**person(UserFactory(), scope="email")).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": "portal", "client_secret": "secret", "refresh_token": token}
    response = ask(**form, scope="email user_id")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("spelling", [str, str.upper])
def test_the_user_name_may_be_an_e_mail_address(
    ask: Callable[..., Any], portal: OAuthApplication, spelling: Callable[[str], str]
) -> None:
    learner = UserFactory(email="Ana.Ochoa@learners.example")
    token = ask(**{**person(learner), "username": spelling(learner.email)}, token_type="jwt").json()["access_token"]
    assert decode(token)["preferred_username"] == learner.username


def test_user_names_are_found_exactly(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    UserFactory(username="ana")
    response = ask(**{**person(UserFactory()), "username": "ANA"})
    assert response.status_code == 400


def test_inactive_accounts_get_tokens_that_say_so(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    token = ask(**person(UserFactory(is_active=False), token_type="jwt")).json()["access_token"]
    assert decode(token)["email_verified"] is False


def test_a_public_client_needs_no_secret(ask: Callable[..., Any]) -> None:
    form = person(UserFactory(), "login-service-client-id", token_type="jwt")
    del form["client_secret"]
    assert ask(**form).status_code == 200
    assert ask(**form, client_secret="made up").status_code == 401


def test_a_token_call_is_no_sign_in(ask: Callable[..., Any], portal: OAuthApplication) -> None:
    learner = UserFactory()
    ask(**person(learner))
    learner.refresh_from_db()
    assert learner.last_login is None


# --- Refusals ---


def test_a_wrong_secret_is_an_invalid_client(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    for form in (
        {**ROBOT, "client_secret": "wrong"},
        {**ROBOT, "client_id": "nobody"},
        {"grant_type": "client_credentials"},
    ):
        response = ask(**form)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"username": "nobody"}, {"username": "nobody@learners.example"}]
)
def test_wrong_credentials_are_an_invalid_grant(
    ask: Callable[..., Any], portal: OAuthApplication, wrong: dict[str, str]
) -> None:
    response = ask(**{**person(UserFactory()), **wrong})
    assert response.status_code == 400
    assert response.json() == {"error": "invalid_grant", "error_description": "Invalid credentials given."}


@pytest.mark.parametrize(
    "grant_type", ["", "implicit", "openid", "urn:ietf:params:oauth:grant-type:device_code", "PASSWORD", None]
)
def test_an_unknown_grant_is_unsupported(
    ask: Callable[..., Any], portal: OAuthApplication, grant_type: str | None
) -> None:
    form = person(UserFactory())
    if grant_type is None:
        del form["grant_type"]
    else:
        form["grant_type"] = grant_type
    response = ask(**form)
    assert (response.status_code, response.json()["error"]) == (400, "unsupported_grant_type")


def test_a_grant_that_is_not_the_applications_is_unauthorized(
    ask: Callable[..., Any], robot: OAuthApplication, portal: OAuthApplication
) -> None:
    learner = UserFactory()
    asked = [
        {**ROBOT, "client_id": "portal"},
        person(learner, "robot"),
        person(learner, "robot", password="wrong"),
        {**ROBOT, "grant_type": "refresh_token", "refresh_token": "x"},
        {**ROBOT, "grant_type": "authorization_code", "code": "x"},
    ]
    for form in asked:
        response = ask(**form)
        assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client"), form


def test_a_scope_must_be_allowed_for_the_application(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    refused = ask(**ROBOT, scope="read user_id")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    robot.allowed_scopes = "user_id custom:read"
    robot.save()
    granted = ask(**ROBOT, scope=" read  user_id custom:read ", token_type="jwt")
    assert granted.json()["scope"] == "read user_id custom:read"
    assert decode(granted.json()["access_token"])["scopes"] == ["read", "user_id", "custom:read"]


def test_an_empty_scope_means_the_default_ones(ask: Callable[..., Any], robot: OAuthApplication) -> None:
    assert ask(**ROBOT, scope="").json()["scope"] == "read write email profile"
    assert ask(**ROBOT, scope="  ").json()["scope"] == "read write email profile"


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_not_allowed(client: Any, method: str) -> None:
    assert getattr(client, method)("/oauth2/access_token").status_code == 405


def test_the_endpoint_needs_no_csrf_token(robot: OAuthApplication) -> None:
    assert Client(enforce_csrf_checks=True).post("/oauth2/access_token", ROBOT).status_code == 200


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("client_id=a%00b&client_secret=x&grant_type=client_credentials", FORM),
        ("grant_type=password&client_id=portal&client_secret=secret&username=a%00b&password=x", FORM),
        ("grant_type=refresh_token&client_id=portal&client_secret=secret&refresh_token=%00", FORM),
        ("grant_type=password&client_id=portal&client_secret=secret&username=x&password=%ed%a0%80", FORM),
        ("grant_type=password&client_id=portal&client_secret=secret&username=" + "x" * 100_000 + "&password=x", FORM),
        ("grant_type=client_credentials&client_id=" + "x" * 100_000, FORM),
        ("%%%=%zz&&&=", FORM),
        ("[]", "application/json"),
        ('{"grant_type": {}}', "application/json"),
        ("\ufffe", "text/plain"),
        ("", FORM),
        ("--x\r\nbroken", "multipart/form-data; boundary=x"),
        ("no boundary", "multipart/form-data"),
        ("grant_type=refresh_token&client_id=portal&client_secret=secret&refresh_token=" + "é" * 3000, FORM),
        ("grant_type=client_credentials&client_id=robot&client_secret=secret&scope=%F0%9F%98%80", FORM),
        ("&".join(f"k{n}=v" for n in range(10_050)), FORM),
    ],
)
def test_malformed_requests_are_refused(
    client: Any, robot: OAuthApplication, portal: OAuthApplication, data: str, content_type: str
) -> None:
    response = client.generic("POST", "/oauth2/access_token", data, content_type=content_type)
    assert 400 <= response.status_code < 500


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"{FORM}; charset=utf-16"])
@pytest.mark.parametrize("path", ["/oauth2/access_token", "/oauth2/revoke_token"])
def test_a_form_that_cannot_be_read_has_the_error_shape_of_oauth(client: Any, path: str, content_type: str) -> None:
    response = client.generic("POST", path, b"token=x", content_type=content_type)
    assert response.status_code == 400
    assert response.json() == {"error": "invalid_request", "error_description": "The form cannot be read."}


@pytest.mark.parametrize("resource", ["http://[", "relative", "https://elsewhere.example/"])
def test_resource_indicators_change_nothing(ask: Callable[..., Any], robot: OAuthApplication, resource: str) -> None:
    assert ask(**ROBOT, resource=resource).status_code == 200
    assert AccessToken.objects.get().resource == []


def test_parameters_in_the_address_are_refused(client: Any, robot: OAuthApplication) -> None:
    response = client.post("/oauth2/access_token?client_secret=secret", ROBOT, format="multipart")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_calls_are_limited_per_address(ask: Callable[..., Any], robot: OAuthApplication, settings: Any) -> None:
    settings.TOKEN_RATE = "3/minute"
    assert [ask(**ROBOT).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = ask(**ROBOT)
    assert int(refused["Retry-After"]) > 0
    assert "detail" in refused.json()
