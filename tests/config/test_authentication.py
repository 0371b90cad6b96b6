"""Who a caller is taken for (contract: roles-and-permissions 5 and 6; enrollment-api, Roles and permissions)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_application_model
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from config.api import jwt
from enrollments.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

NOT_SIGNED_IN = {"detail": "Authentication credentials were not provided."}
NOT_ALLOWED = {"detail": "You do not have permission to perform this action."}
CHALLENGE = 'JWT realm="api"'
EVERYWHERE = ["/api/whoami/", "/api/anyway", "/api/session-only", "/api/keyed", "/api/staff-only"]


def opaque_token(user: User | None, text: str = "opaque-token", *, seconds: int = 60, **application: Any) -> str:
    """A stored access token of the toolkit; `application` are columns of the application it was given to."""
    applications = get_application_model()
    columns = {"client_type": "confidential", "authorization_grant_type": "client-credentials", **application}
    get_access_token_model().objects.create(
        user=user,
        token=text,
        application=applications.objects.create(**columns) if application else None,
        expires=timezone.now() + timedelta(seconds=seconds),
        scope="read",
    )
    return text


def with_header(value: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=value)
    return client


# --- Nobody ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_caller_without_credentials_is_challenged_on_every_kind_of_view(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json() == NOT_SIGNED_IN
    assert answer["WWW-Authenticate"] == CHALLENGE


def test_the_challenge_comes_before_method_media_type_and_accept(client: APIClient) -> None:
    assert client.delete("/api/whoami/").status_code == 401
    assert client.post("/api/whoami/", "x", content_type="text/nonsense").status_code == 401
    assert client.get("/api/whoami/", HTTP_ACCEPT="application/nonsense").status_code == 401


@pytest.mark.parametrize("header", ["Basic YTpi", "Token abc", "jwtx abc", "", "Negotiate"])
def test_other_schemes_are_no_credentials(header: str) -> None:
    answer = with_header(header).get("/api/whoami/")
    assert (answer.status_code, answer.json()) == (401, NOT_SIGNED_IN)


# --- JWT in the header -----------------------------------------------------------------------------------------------


def test_a_jwt_in_the_header_signs_in(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    answer = by_jwt("ana").get("/api/whoami/")
    assert answer.status_code == 200
    assert answer.json()["user"] == "ana"
    assert answer.json()["claims"]["preferred_username"] == "ana"


def test_a_jwt_of_the_service_counts_as_bearer_wherever_jwts_do(ana: User, token_of: Callable[..., str]) -> None:
    for path in ["/api/whoami/", "/api/anyway"]:
        assert with_header(f"Bearer {token_of('ana')}").get(path).json()["user"] == "ana"


def test_an_expired_jwt_sent_as_bearer_is_a_bad_jwt(ana: User, token_of: Callable[..., str]) -> None:
    for path in ["/api/whoami/", "/api/anyway"]:
        answer = with_header(f"Bearer {token_of('ana', lifetime=-5)}").get(path)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Token has expired."})


def test_the_scheme_may_be_written_in_any_case(ana: User, token_of: Callable[..., str]) -> None:
    assert with_header(f"jwt {token_of('ana')}").get("/api/whoami/").status_code == 200


def test_a_jwt_costs_one_statement(
    ana: User, by_jwt: Callable[..., APIClient], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        by_jwt("ana").get("/api/whoami/")


def test_a_jwt_is_decoded_once_per_request(
    ana: User, by_jwt: Callable[..., APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    decode = jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda token: seen.append(token) or decode(token))
    client = by_jwt("ana")
    seen.clear()
    client.get("/api/whoami/")
    assert len(seen) == 1


@pytest.mark.parametrize(
    "value", ["JWT", "JWT ", "JWT a b", "JWT not.a.token", "JWT é", "JWT a.b.c.d", "JWT " + "a" * 9000, "JWT \0"]
)
def test_a_malformed_jwt_header_is_final(ana: User, value: str, by_session: Callable[..., APIClient]) -> None:
    client = by_session(ana)
    client.credentials(HTTP_AUTHORIZATION=value)
    for path in ["/api/whoami/", "/api/anyway", "/api/keyed"]:
        answer = client.get(path)
        assert answer.status_code == 401
        assert list(answer.json()) == ["detail"]
        assert isinstance(answer.json()["detail"], str)
        assert answer["WWW-Authenticate"] == CHALLENGE


def test_an_expired_jwt_header_is_final_and_says_so(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    client = by_jwt("ana", lifetime=-5)
    client.force_login(ana)
    answer = client.get("/api/whoami/")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Token has expired."})


def test_a_bad_jwt_is_refused_even_with_the_api_key(ana: User, by_api_key: APIClient) -> None:
    answer = by_api_key.get("/api/keyed", HTTP_AUTHORIZATION="JWT not.a.token")
    assert answer.status_code == 401


def test_an_inactive_account_may_use_its_jwt(by_jwt: Callable[..., APIClient]) -> None:
    UserFactory(username="idle", is_active=False)
    assert by_jwt("idle").get("/api/whoami/").json()["user"] == "idle"


def test_an_unknown_account_is_made_from_the_name_alone(by_jwt: Callable[..., APIClient]) -> None:
    client = by_jwt("newcomer", email="new@acme.example", administrator=True, superuser=True)
    assert client.get("/api/whoami/").status_code == 200
    made = User.objects.get(username="newcomer")
    assert (made.email, made.is_staff, made.is_superuser, made.has_usable_password()) == ("", False, False, False)
    assert client.get("/api/whoami/").status_code == 200
    assert User.objects.filter(username="newcomer").count() == 1


def test_claims_never_change_a_stored_account(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    by_jwt("ana", email="other@acme.example", administrator=True, name="Other").get("/api/whoami/")
    stored = User.objects.get(pk=ana.pk)
    assert (stored.email, stored.is_staff) == (ana.email, False)


def test_the_claim_username_is_the_fallback(ana: User) -> None:
    token = jwt.issue({"username": "ana"}, 60)
    assert with_header(f"JWT {token}").get("/api/whoami/").json()["user"] == "ana"


@pytest.mark.parametrize("username", ["", None, 7, ["ana"], "x" * 151, "a\0b", "a\nb", "\udc80"])
def test_a_token_that_names_nobody_possible_is_refused(username: Any) -> None:
    before = User.objects.count()
    answer = with_header(f"JWT {jwt.issue({'preferred_username': username}, 60)}").get("/api/whoami/")
    assert answer.status_code == 401
    assert list(answer.json()) == ["detail"]
    assert User.objects.count() == before


# --- Restricted applications -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/whoami/", "/api/anyway", "/api/keyed", "/api/public", "/api/staff-only"])
def test_a_restricted_applications_token_is_refused_everywhere(by_jwt: Callable[..., APIClient], path: str) -> None:
    UserFactory(username="boss", is_staff=True)
    answer = by_jwt("boss", is_restricted=True).get(path)
    assert (answer.status_code, answer.json()) == (403, NOT_ALLOWED)


def test_the_refusal_of_a_restricted_token_has_the_shape_of_the_area(
    ana: User, by_jwt: Callable[..., APIClient]
) -> None:
    answer = by_jwt("ana", is_restricted=True).get("/api/fail/program/bug")
    assert answer.status_code == 403
    assert answer.json() == {"developer_message": "You do not have permission to perform this action."}


def test_a_restricted_applications_cookie_is_refused(ana: User, by_cookies: Callable[..., APIClient]) -> None:
    assert by_cookies("ana", is_restricted=True).get("/api/whoami/").status_code == 403


def test_a_restricted_applications_opaque_token_is_refused(ana: User) -> None:
    token = opaque_token(ana, is_restricted=True, name="restricted")
    assert with_header(f"Bearer {token}").get("/api/anyway").status_code == 403
    assert with_header(f"Bearer {token}").get("/api/modes").status_code == 401


# --- Cookies ---------------------------------------------------------------------------------------------------------


def test_the_two_cookies_are_joined_with_or_without_the_header(ana: User, by_cookies: Callable[..., APIClient]) -> None:
    assert by_cookies("ana").get("/api/whoami/").json()["user"] == "ana"
    assert by_cookies("ana").get("/api/whoami/", HTTP_USE_JWT_COOKIE="true").json()["user"] == "ana"


def test_a_whole_cookie_is_accepted_too(ana: User, client: APIClient, token_of: Callable[..., str]) -> None:
    client.cookies["edx-jwt-cookie"] = token_of("ana")
    assert client.get("/api/whoami/").json()["user"] == "ana"


def test_half_of_the_cookies_is_none(ana: User, by_cookies: Callable[..., APIClient]) -> None:
    for name in ["edx-jwt-cookie-header-payload", "edx-jwt-cookie-signature"]:
        browser = by_cookies("ana")
        del browser.cookies[name]
        assert browser.get("/api/whoami/").status_code == 401


def test_the_header_wins_over_the_cookies(ana: User, by_cookies: Callable[..., APIClient], token_of: Any) -> None:
    UserFactory(username="ben")
    browser = by_cookies("ana")
    assert browser.get("/api/whoami/", HTTP_AUTHORIZATION=f"JWT {token_of('ben')}").json()["user"] == "ben"
    assert browser.get("/api/whoami/", HTTP_AUTHORIZATION="JWT bad").status_code == 401


def test_an_opaque_bearer_header_wins_over_the_cookies_where_bearers_count(
    ana: User, by_cookies: Callable[..., APIClient]
) -> None:
    token = opaque_token(UserFactory(username="ben"))
    browser = by_cookies("ana")
    assert browser.get("/api/anyway", HTTP_AUTHORIZATION=f"Bearer {token}").json()["user"] == "ben"
    assert browser.get("/api/whoami/", HTTP_AUTHORIZATION=f"Bearer {token}").json()["user"] == "ana"


def test_a_bad_cookie_is_forgiven(ana: User, by_cookies: Callable[..., APIClient], client: APIClient) -> None:
    answer = by_cookies("ana", lifetime=-5).get("/api/whoami/")
    assert (answer.status_code, answer.json()) == (401, NOT_SIGNED_IN)
    client.cookies["edx-jwt-cookie"] = "not.a.token"
    answer = client.get("/api/whoami/")
    assert (answer.status_code, answer.json()) == (401, NOT_SIGNED_IN)


def test_a_bad_cookie_falls_through_to_the_session(
    ana: User, by_session: Callable[..., APIClient], by_cookies: Callable[..., APIClient]
) -> None:
    for browser in [by_cookies("ana", lifetime=-5, client=by_session(ana)), by_session(ana)]:
        answer = browser.get("/api/whoami/")
        assert (answer.status_code, answer.json()) == (200, {"user": "ana", "claims": None})
    browser = by_session(ana)
    browser.cookies["edx-jwt-cookie"] = "not.a.token"
    assert browser.get("/api/whoami/").json() == {"user": "ana", "claims": None}


def test_a_bad_cookie_falls_through_to_the_api_key(
    ana: User, by_cookies: Callable[..., APIClient], settings: Any
) -> None:
    answer = by_cookies("ana", lifetime=-5).get("/api/keyed", HTTP_X_EDX_API_KEY=settings.EDX_API_KEY)
    assert (answer.status_code, answer.json()["user"]) == (200, "")


@pytest.mark.parametrize("lifetime", [60, -5])
def test_a_cookie_of_another_user_than_the_sessions_is_refused(
    ana: User, by_session: Callable[..., APIClient], by_cookies: Callable[..., APIClient], lifetime: int
) -> None:
    UserFactory(username="ben")
    browser = by_cookies("ben", lifetime=lifetime, client=by_session(ana))
    for path in ["/api/whoami/", "/api/anyway"]:
        answer = browser.get(path)
        assert answer.status_code == 401
        assert list(answer.json()) == ["detail"]
        assert answer["WWW-Authenticate"] == CHALLENGE


@pytest.mark.parametrize("signature", ["bad", "wrong", "not-a-signature", "!!", "a.b"])
def test_a_cookie_of_another_user_is_refused_whatever_its_signature_looks_like(
    ana: User, by_session: Callable[..., APIClient], by_cookies: Callable[..., APIClient], signature: str
) -> None:
    UserFactory(username="ben")
    browser = by_cookies("ben", client=by_session(ana))
    browser.cookies["edx-jwt-cookie-signature"] = signature
    assert browser.get("/api/whoami/").status_code == 401


def test_a_cookie_of_the_sessions_user_signs_in_with_its_claims(
    ana: User, by_session: Callable[..., APIClient], by_cookies: Callable[..., APIClient]
) -> None:
    answer = by_cookies("ana", roles=["enterprise_admin:1"], client=by_session(ana)).get("/api/whoami/")
    assert answer.json()["claims"]["roles"] == ["enterprise_admin:1"]


def test_session_authentication_reads_the_claims_of_its_own_users_cookie_only(
    ana: User, by_session: Callable[..., APIClient], by_cookies: Callable[..., APIClient]
) -> None:
    UserFactory(username="ben")
    path = "/api/session-only"
    assert by_session(ana).get(path).json()["claims"] is None
    own = by_cookies("ana", roles=["enterprise_learner:1"], client=by_session(ana))
    assert own.get(path).json()["claims"]["roles"] == ["enterprise_learner:1"]
    assert by_cookies("ben", client=by_session(ana)).get(path).json() == {"user": "ana", "claims": None}
    assert by_cookies("ana", lifetime=-5, client=by_session(ana)).get(path).json() == {"user": "ana", "claims": None}


def test_a_cookie_needs_a_csrf_token_for_unsafe_methods(ana: User, by_cookies: Callable[..., APIClient]) -> None:
    browser = by_cookies("ana", enforce_csrf_checks=True)
    answer = browser.post("/api/whoami/", {"a": 1})
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: ")
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    assert browser.post("/api/whoami/", {"a": 1}, HTTP_X_CSRFTOKEN=token).json() == {"user": "ana", "data": {"a": 1}}
    assert browser.get("/api/whoami/").status_code == 200


def test_a_jwt_header_needs_no_csrf_token(ana: User, token_of: Callable[..., str]) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"JWT {token_of('ana')}")
    assert client.post("/api/whoami/", {"a": 1}).status_code == 200


# --- Sessions --------------------------------------------------------------------------------------------------------


def test_the_session_of_an_active_account_signs_in(ana: User, by_session: Callable[..., APIClient]) -> None:
    assert by_session(ana).get("/api/whoami/").json()["user"] == "ana"


def test_the_session_of_an_inactive_account_counts_only_where_the_view_says_so(
    by_session: Callable[..., APIClient],
) -> None:
    browser = by_session(UserFactory(username="idle", is_active=False))
    answer = browser.get("/api/whoami/")
    assert (answer.status_code, answer.json()) == (401, NOT_SIGNED_IN)
    assert browser.get("/api/anyway").json()["user"] == "idle"


@pytest.mark.parametrize("path", ["/api/whoami/", "/api/anyway", "/api/crossdomain"])
@pytest.mark.parametrize("format_", ["json", "multipart"])
def test_a_session_needs_a_csrf_token_for_unsafe_methods(ana: User, path: str, format_: str, by_session: Any) -> None:
    browser = by_session(ana, enforce_csrf_checks=True)
    answer = browser.post(path, {"a": "1"}, format=format_)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: CSRF")
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    assert browser.post(path, {"a": "1"}, format=format_, HTTP_X_CSRFTOKEN=token).json()["data"] == {"a": "1"}


def test_a_form_may_carry_the_csrf_token_in_its_body(ana: User, by_session: Callable[..., APIClient]) -> None:
    browser = by_session(ana, enforce_csrf_checks=True)
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    for format_ in ["multipart", None]:
        body: Any = {"a": "1", "csrfmiddlewaretoken": token}
        kind = {"format": format_} if format_ else {"content_type": "application/x-www-form-urlencoded"}
        sent = body if format_ else f"a=1&csrfmiddlewaretoken={token}"
        assert browser.post("/api/whoami/", sent, **kind).json()["data"]["a"] == "1"


def test_a_missing_csrf_token_comes_before_a_malformed_body(ana: User, by_session: Callable[..., APIClient]) -> None:
    browser = by_session(ana, enforce_csrf_checks=True)
    for kind in ["application/json", "multipart/form-data", "text/nonsense"]:
        assert browser.post("/api/whoami/", "{", content_type=kind).status_code == 403, kind
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    answer = browser.post("/api/whoami/", "{", content_type="application/json", HTTP_X_CSRFTOKEN=token)
    assert answer.status_code == 400
    answer = browser.post("/api/whoami/", "{", content_type="text/nonsense", HTTP_X_CSRFTOKEN=token)
    assert answer.status_code == 415


def test_the_user_of_a_session_is_looked_up_only_when_a_session_cookie_came(
    client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        client.get("/api/whoami/")


# --- Opaque bearer tokens --------------------------------------------------------------------------------------------


def refused_with(answer: Any, code: str) -> bool:
    body = answer.json()
    return (
        answer.status_code == 401
        and body["error_code"] == code
        and set(body) == {"error_code", "developer_message"}
        and answer["WWW-Authenticate"] == CHALLENGE
    )


def test_an_opaque_token_signs_in_where_bearers_count(ana: User) -> None:
    client = with_header(f"Bearer {opaque_token(ana)}")
    assert client.get("/api/anyway").json() == {"user": "ana", "claims": None}
    answer = client.get("/api/whoami/")
    assert (answer.status_code, answer.json()) == (401, NOT_SIGNED_IN)


def test_an_opaque_token_costs_one_statement(ana: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = with_header(f"Bearer {opaque_token(ana)}")
    with django_assert_num_queries(1):
        client.get("/api/anyway")


def test_an_inactive_account_may_use_its_opaque_token() -> None:
    token = opaque_token(UserFactory(username="idle", is_active=False))
    assert with_header(f"Bearer {token}").get("/api/anyway").json()["user"] == "idle"


def test_an_unknown_token_is_nonexistent(token_of: Callable[..., str]) -> None:
    answer = with_header("Bearer unknown").get("/api/anyway")
    assert refused_with(answer, "token_nonexistent")
    assert answer.json()["developer_message"] == "The provided access token does not match any valid tokens."
    foreign = jwt.issue({"preferred_username": "ana", "iss": "https://elsewhere.example"}, 60)
    assert refused_with(with_header(f"Bearer {foreign}").get("/api/anyway"), "token_nonexistent")


def test_an_old_token_is_expired(ana: User) -> None:
    assert refused_with(with_header(f"Bearer {opaque_token(ana, seconds=-1)}").get("/api/anyway"), "token_expired")


@pytest.mark.parametrize("value", ["Bearer a b", "Bearer tök", "Bearer a\0b"])
def test_a_token_with_impossible_characters_is_malformed(value: str) -> None:
    assert refused_with(with_header(value).get("/api/anyway"), "token_malformed")


@pytest.mark.parametrize("value", ["Bearer", "Bearer  "])
def test_a_bearer_header_without_a_token_says_so(value: str) -> None:
    assert refused_with(with_header(value).get("/api/anyway"), "token_not_provided")


def test_the_token_of_an_account_that_operators_disabled_is_refused(ana: User) -> None:
    ana.set_unusable_password()
    ana.save()
    token = opaque_token(ana, authorization_grant_type="password", name="app")
    assert refused_with(with_header(f"Bearer {token}").get("/api/anyway"), "user_is_disabled")
    nobodys = opaque_token(None, "nobodys")
    assert refused_with(with_header(f"Bearer {nobodys}").get("/api/anyway"), "user_is_disabled")


def test_a_service_account_without_a_password_may_use_client_credentials(ana: User) -> None:
    ana.set_unusable_password()
    ana.save()
    token = opaque_token(ana, name="service")
    assert with_header(f"Bearer {token}").get("/api/anyway").status_code == 200


def test_the_developer_family_nests_the_error_of_a_bearer_token() -> None:
    answer = with_header("Bearer unknown").get("/api/fail/program/bug")
    assert answer.status_code == 401
    assert answer.json() == {
        "developer_message": {
            "error_code": "token_nonexistent",
            "developer_message": "The provided access token does not match any valid tokens.",
        }
    }
    assert not answer.has_header("WWW-Authenticate")
