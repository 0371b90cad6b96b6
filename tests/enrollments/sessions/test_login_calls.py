"""The login calls, the lock after many failures, and what a sign-in saves (contract: enrollment-api, login_ajax)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from enrollments.models import LoginFailure, OAuthApplication, User
from enrollments.services import sign_in
from enrollments.services.tokens import SIGN_IN_COOKIES
from tests.enrollments.sessions.calls import INCOMPLETE, V1, V2, jwt_of, posted, sign
from tests.factories import PASSWORD, PendingAdminFactory, PendingLearnerFactory, UserFactory

pytestmark = pytest.mark.django_db


# --- The login calls ---


def test_signing_in_answers_success_with_a_session_and_all_cookies(client: Any, learner: User) -> None:
    response = sign(client)
    assert response.status_code == 200
    assert response.json() == {"success": True, "redirect_url": None}
    assert {*SIGN_IN_COOKIES, "sessionid", "csrftoken"} <= set(response.cookies)
    assert client.get("/api/user/v1/me").json() == {"username": "maria"}


def test_version_1_wants_an_e_mail_address(client: Any, learner: User) -> None:
    assert posted(client, V1, email=learner.email, password=PASSWORD).status_code == 200
    assert posted(client, V1, email=learner.email.upper(), password=PASSWORD).status_code == 200
    by_name = posted(client, V1, email="maria", password=PASSWORD)
    assert by_name.json()["error_code"] == "incorrect-email-or-password"
    assert posted(client, V1, email_or_username="maria", password=PASSWORD).json()["value"] == INCOMPLETE


@pytest.mark.parametrize("name", ["maria", "Maria.Lopez@learners.example", "maria.lopez@LEARNERS.example"])
def test_version_2_takes_a_user_name_or_e_mail_address(client: Any, learner: User, name: str) -> None:
    assert sign(client, name).status_code == 200
    assert posted(client, V2, email=name, password=PASSWORD).json()["value"] == INCOMPLETE


def test_user_names_compare_with_case(client: Any, learner: User) -> None:
    assert sign(client, "MARIA").status_code == 400


def test_a_user_name_wins_over_an_e_mail_address(client: Any, learner: User) -> None:
    named_like_it = UserFactory(username="maria.lopez@learners.example")
    sign(client, "maria.lopez@learners.example")
    assert client.get("/api/user/v1/me").json() == {"username": named_like_it.username}


def test_login_ajax_takes_either_field(client: Any, learner: User) -> None:
    assert posted(client, "/login_ajax", email=learner.email, password=PASSWORD).status_code == 200
    assert posted(client, "/login_ajax", email_or_username="maria", password=PASSWORD).status_code == 200
    assert client.get("/login_ajax").status_code == 405


@pytest.mark.parametrize(("path", "field"), [(V1, "email"), (V2, "email_or_username")])
def test_get_describes_the_form_and_sets_the_csrf_cookie(client: Any, path: str, field: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    body = response.json()
    assert (body["method"], body["submit_url"]) == ("post", path)
    assert [each["name"] for each in body["fields"]] == [field, "password"]
    assert response.cookies["csrftoken"].value


@pytest.mark.parametrize("path", [V1, V2, "/login_ajax"])
def test_the_login_calls_need_a_csrf_token(learner: User, path: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    form = {"email": learner.email, "email_or_username": "maria", "password": PASSWORD}
    refused = browser.post(path, form)
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("CSRF Failed: ")
    assert "sessionid" not in refused.cookies
    token = browser.get("/csrf/api/v1/token").json()["csrfToken"]
    assert browser.post(path, form, headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.parametrize(
    "form", [{}, {"email_or_username": "maria"}, {"password": "x"}, {"email_or_username": "", "password": "x"}]
)
def test_an_incomplete_form_says_so(client: Any, learner: User, form: dict[str, str]) -> None:
    response = posted(client, V2, **form)
    assert response.status_code == 400
    assert response.json() == {"success": False, "value": INCOMPLETE}


@pytest.mark.parametrize(
    "body", [[], None, {"email_or_username": ["maria"], "password": {}}, {"email_or_username": 5, "password": 5}]
)
def test_json_of_the_wrong_kind_is_an_incomplete_form(client: Any, learner: User, body: Any) -> None:
    response = client.post(V2, body, format="json")
    assert response.status_code == 400


@pytest.mark.parametrize("path", [V2, "/login"])
def test_a_nul_character_is_refused(client: Any, learner: User, path: str) -> None:
    response = sign(client, "maria\0", path=path)
    assert response.status_code in {200, 400}
    assert "sessionid" not in response.cookies


@pytest.mark.parametrize("name", ["x" * 100_000, "\N{PILE OF POO}@learners.example", "%"])
def test_odd_names_are_just_wrong(client: Any, learner: User, name: str) -> None:
    assert sign(client, name).json()["error_code"] == "incorrect-email-or-password"


def test_next_comes_back_when_it_is_safe(client: Any, learner: User, settings: Any) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    assert sign(client, next="/support/").json()["redirect_url"] == "/support/"
    assert sign(client, next="https://portal.example/a?b=c").json()["redirect_url"] == "https://portal.example/a?b=c"
    for foreign in (
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "https://portal.example.evil.example/",
    ):
        assert sign(client, next=foreign).json()["redirect_url"] is None
    assert sign(client, path=f"{V2}?next=/support/").json()["redirect_url"] == "/support/"


def test_a_wrong_password_and_an_unknown_name_look_the_same(client: Any, learner: User) -> None:
    known, unknown = sign(client, password="wrong"), sign(client, "nobody")
    assert known.status_code == unknown.status_code == 400
    assert (
        known.json()
        == unknown.json()
        == {
            "success": False,
            "value": "Email or password is incorrect.",
            "error_code": "incorrect-email-or-password",
            "context": {"failure_count": 1},
        }
    )
    assert "sessionid" not in known.cookies


def test_an_unknown_name_costs_a_password_hash(monkeypatch: Any) -> None:
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    with pytest.raises(sign_in.SignInRefused):
        sign_in.check("nobody", "x", lambda name: None)
    assert hashed == ["x"]


def test_an_account_without_usable_password_cannot_sign_in(client: Any, learner: User) -> None:
    learner.set_unusable_password()
    learner.save()
    assert sign(client).json()["error_code"] == "incorrect-email-or-password"


def test_inactive_accounts_cannot_sign_in(client: Any, learner: User, settings: Any) -> None:
    User.objects.filter(pk=learner.pk).update(is_active=False)
    body = sign(client).json()
    assert body["success"] is False
    assert body["error_code"] == "inactive-user"
    assert body["email"] == learner.email
    assert body["value"]
    assert client.get("/api/user/v1/me").status_code == 401
    assert sign(client, password="wrong").json()["error_code"] == "incorrect-email-or-password"
    settings.ALLOW_INACTIVE_LOGIN = True
    assert sign(client).status_code == 200


def test_the_page_leads_inactive_accounts_on_only_where_they_may_sign_in(
    client: Any, learner: User, settings: Any
) -> None:
    User.objects.filter(pk=learner.pk).update(is_active=False)
    settings.ALLOW_INACTIVE_LOGIN = True
    assert sign(client).status_code == 200
    page = client.get("/login?next=/support/")
    assert (page.status_code, page["Location"]) == (302, "/support/")
    assert jwt_of(page)["preferred_username"] == "maria"
    settings.ALLOW_INACTIVE_LOGIN = False
    assert client.get("/login?next=/support/").status_code == 200


def test_signing_in_without_the_login_application_is_refused(client: Any, learner: User) -> None:
    OAuthApplication.objects.filter(client_id=django_settings.JWT_LOGIN_CLIENT_ID).delete()
    response = sign(client)
    assert response.status_code == 400
    assert response.json()["success"] is False
    assert client.get("/api/user/v1/me").status_code == 401


def test_signing_in_changes_the_session_id(client: Any, learner: User) -> None:
    """A session that somebody else put into the browser is not the one that is signed in."""
    planted = client.session
    planted["anything"] = 1
    planted.save()
    assert sign(client).cookies["sessionid"].value != planted.session_key


# --- Lockout ---


@pytest.mark.parametrize("name", ["maria", "nobody"])
def test_too_many_failures_lock_an_account_and_an_unknown_name_alike(client: Any, learner: User, name: str) -> None:
    answers = [sign(client, name, "wrong").json() for _ in range(8)]
    assert [answer["error_code"] for answer in answers] == [
        "incorrect-email-or-password",
        "incorrect-email-or-password",
        "failed-login-attempt",
        "failed-login-attempt",
        "failed-login-attempt",
        "account-locked-out",
        "account-locked-out",
        "account-locked-out",
    ]
    assert [answer["context"]["failure_count"] for answer in answers] == [1, 2, 3, 4, 5, 6, 6, 6]
    assert [answer["context"].get("remaining_attempts") for answer in answers] == [
        None,
        None,
        3,
        2,
        1,
        None,
        None,
        None,
    ]
    assert all(answer["value"] for answer in answers)


def test_the_right_password_does_not_open_a_locked_account(client: Any, learner: User, settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 2
    for _ in range(2):
        sign(client, password="wrong")
    assert sign(client).json()["error_code"] == "account-locked-out"
    assert sign(client, learner.email).json()["error_code"] == "account-locked-out"


def test_a_lock_ends(client: Any, learner: User, settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS, settings.FAILED_LOGIN_LOCKOUT_SECONDS = 2, 600
    for _ in range(2):
        sign(client, password="wrong")
    row = LoginFailure.objects.get()
    assert timedelta(seconds=590) < row.locked_until - timezone.now() <= timedelta(seconds=600)
    LoginFailure.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert sign(client, password="wrong").json()["context"]["failure_count"] == 1
    assert sign(client).status_code == 200


def test_success_forgets_the_failures(client: Any, learner: User) -> None:
    sign(client, password="wrong")
    sign(client)
    assert not LoginFailure.objects.exists()


def test_failures_of_one_account_leave_the_others_alone(client: Any, learner: User, settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 1
    UserFactory(username="jose")
    sign(client, password="wrong")
    assert sign(client, "jose").status_code == 200


def test_a_success_that_was_checked_while_the_lock_fell_is_refused(
    learner: User, settings: Any, monkeypatch: Any
) -> None:
    """Guesses made at the same time: the right one among too many wrong ones is not told apart."""
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 1
    check = User.check_password

    def slowly(self: User, raw: str) -> bool:
        right = check(self, raw)
        if right:
            LoginFailure.objects.create(user=self, failure_count=1, locked_until=timezone.now() + timedelta(minutes=5))
        return right

    monkeypatch.setattr(User, "check_password", slowly)
    with pytest.raises(sign_in.SignInRefused) as refused:
        sign_in.check("maria", PASSWORD, lambda name: learner)
    assert refused.value.error_code == "account-locked-out"


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite in memory refuses what comes at once instead of queueing it"
)
@pytest.mark.django_db(transaction=True)
def test_no_failure_is_lost_when_many_come_at_once(settings: Any) -> None:
    settings.MAX_FAILED_LOGIN_ATTEMPTS = 100
    learner = UserFactory()
    barrier = threading.Barrier(4)

    def guess() -> None:
        try:
            barrier.wait()
            for _ in range(3):
                with pytest.raises(sign_in.SignInRefused):
                    sign_in.check(learner.username, "wrong", lambda name: User.objects.get(pk=learner.pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LoginFailure.objects.get(user=learner).failure_count == 12


# --- A sign-in saves the account ---


@pytest.mark.parametrize("path", ["/login", "/login_ajax", V2])
def test_what_waits_for_an_address_is_there_when_the_sign_in_answers(client: Any, path: str) -> None:
    learner = UserFactory(username="late", email="Late.Comer@acme.example")
    pending = PendingLearnerFactory(user_email="late.comer@acme.example")
    PendingAdminFactory(enterprise_customer=pending.enterprise_customer, user_email="late.comer@acme.example")
    response = posted(client, path, email_or_username="late", password=PASSWORD)
    uuid = pending.enterprise_customer.uuid
    assert set(jwt_of(response)["roles"]) == {f"enterprise_admin:{uuid}", f"enterprise_learner:{uuid}"}
    learner.refresh_from_db()
    assert learner.last_login


def test_a_sign_in_costs_a_fixed_number_of_statements(
    client: Any, learner: User, django_assert_max_num_queries: Any
) -> None:
    sign(client)
    with django_assert_max_num_queries(20):
        assert sign(Client()).status_code == 200


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL explains its plans in words")
def test_an_address_is_looked_up_in_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    from django.db.models import Value
    from django.db.models.functions import Lower

    wanted = User.objects.exclude(email="").alias(lowered=Lower("email")).filter(lowered=Lower(Value("A@b.example")))
    assert "user_email_unique" in wanted.explain()
