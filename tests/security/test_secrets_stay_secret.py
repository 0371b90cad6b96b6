"""Passwords, keys and tokens stand neither in log lines, however talkative, nor in what objects show of themselves."""

from __future__ import annotations

import copy
import json
import logging
import logging.config
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.apps import apps
from django.conf import settings as configured
from django.core import mail
from django.db import models
from django.test import Client
from rest_framework.test import APIClient

from config.logs import logging_settings
from enrollments.models import OAuthApplication
from enterprise.models import EnterpriseCustomerReportingConfiguration
from tests.conftest import API_KEY
from tests.factories import (
    PASSWORD,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCustomerFactory,
    OAuthApplicationFactory,
    UserFactory,
    customer_admin,
)

pytestmark = pytest.mark.django_db

WORD = "sentinel-word-Q4x9"
REPORTS = "/enterprise/api/v1/enterprise_customer_reporting/"
CREDENTIALS = "/enterprise/api/v1/enterprise-customer-api-credentials"


@pytest.fixture
def talkative(settings: Any) -> Iterator[Callable[[str], StringIO]]:
    """`talkative("json")` logs in that style with LOG_LEVEL=DEBUG, and gives the stream."""
    before = structlog.get_config()

    def start(style: str) -> StringIO:
        stream = StringIO()
        wanted = copy.deepcopy(logging_settings("DEBUG", style))
        wanted["handlers"]["stderr"]["stream"] = stream
        logging.config.dictConfig(wanted)
        return stream

    yield start
    structlog.configure(**before)
    logging.config.dictConfig(settings.LOGGING)


def private_key() -> str:
    """The PEM text of the key that signs tokens in tests."""
    kept = Path(configured.DATA_DIR) / "jwt_private_key.pem"
    return str(configured.JWT_PRIVATE_KEY or kept.read_text())


def ask_for_a_token(**form: str) -> dict[str, Any]:
    answer = APIClient(raise_request_exception=False).post("/oauth2/access_token", form, format="multipart")
    return dict(json.loads(answer.content))


def tour(as_user: Callable[..., APIClient], by_session: Callable[..., APIClient], committed: Any) -> list[str]:
    """Calls that send or answer secrets, right ones and wrong ones; gives all of these."""
    run = CourseRunFactory()
    CourseModeFactory(course_id=str(run.pk), mode_slug="audit")
    customer = EnterpriseCustomerFactory(enable_generation_of_api_credentials=True)
    ada = UserFactory(username="ada", staff=True)
    OAuthApplicationFactory(client_id="portal", client_secret=f"{WORD}-portal", authorization_grant_type="password")
    portal = {"client_id": "portal", "client_secret": f"{WORD}-portal", "grant_type": "password"}
    secrets = [PASSWORD, API_KEY, *re.findall(r"[A-Za-z0-9+/=]{40,}", private_key())]

    for kind in ("jwt", "bearer"):
        got = ask_for_a_token(**portal, token_type=kind, username="ada", password=PASSWORD)
        secrets += [got["access_token"], got["refresh_token"]]
        kept = {**portal, "grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
        again = ask_for_a_token(**kept, token_type=kind)
        secrets += [again["access_token"], again["refresh_token"]]
        ask_for_a_token(**kept, token_type=kind)  # shown twice
        for scheme in ("JWT", "Bearer"):
            for token in (again["access_token"], again["access_token"][:-4] + "AAAA"):
                APIClient().get("/api/enrollment/v1/enrollment", headers={"authorization": f"{scheme} {token}"})
        APIClient().get(f"/api/enrollment/v1/enrollment?access_token={again['access_token']}&a=1")
    ask_for_a_token(**portal, username="ada", password=f"{WORD}-wrong")
    ask_for_a_token(**{**portal, "client_secret": f"{WORD}-wrong"}, username="ada", password=PASSWORD)

    browser = Client(raise_request_exception=False)
    for word in (f"{WORD}-wrong", PASSWORD):
        browser.post("/login", {"email_or_username": "ada", "email": ada.email, "password": word})
        browser.post("/api/user/v1/account/login_session/", {"email": ada.email, "password": word})
        browser.post("/admin/login/", {"username": "ada", "password": word})
        browser.get(f"/login?password={word}")
    secrets += [cookie.value for name, cookie in browser.cookies.items() if "session" in name or "jwt" in name]

    for key in (API_KEY, f"{WORD}-key"):
        APIClient().get(f"/api/enrollment/v1/enrollment/ada,{run.pk}", headers={"x-edx-api-key": key})

    admin = customer_admin(customer)
    boss = as_user(admin)
    body = {"enterprise_customer_id": str(customer.pk), "active": True, "enable_compression": True, "hour_of_day": 7}
    hidden = {"encrypted_password": f"{WORD}-report", "encrypted_sftp_password": f"{WORD}-sftp"}
    for extra in ({"delivery_method": "email", "email": ["ops@acme.test"]}, {"delivery_method": "nonsense"}):
        boss.post(REPORTS, {**body, **hidden, **extra}, format="json")
    assert EnterpriseCustomerReportingConfiguration.objects.get().decrypted_password == f"{WORD}-report"
    boss.post(REPORTS, f'{{"encrypted_password": "{WORD}"', content_type="application/json")
    made = boss.post(f"{CREDENTIALS}/{customer.pk}/").json()
    secrets.append(made["client_secret"])
    ask_for_a_token(grant_type="client_credentials", client_id=made["client_id"], client_secret=made["client_secret"])
    boss.put(f"{CREDENTIALS}/{customer.pk}/regenerate_credentials", {"redirect_uris": "https://a.example"})
    secrets.append(OAuthApplication.objects.get(user=admin).readable_client_secret)

    with committed(execute=True):
        by_session(ada).post("/account/password", {"email_from_support_tools": ada.email})
    link = re.search(r"/password_reset_confirm/([^/\s]+/[^/\s]+)/", mail.outbox[-1].body)
    assert link
    secrets.append(link[1].split("/")[1])
    person = Client(raise_request_exception=False, enforce_csrf_checks=True)
    person.get(link[0])
    person.post(link[0], {"new_password1": f"{WORD}-new", "new_password2": f"{WORD}-new"})  # no CSRF token
    return [WORD, *secrets]


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_log_line_has_a_secret_in_it_at_any_level(
    style: str,
    talkative: Callable[[str], StringIO],
    as_user: Callable[..., APIClient],
    by_session: Callable[..., APIClient],
    django_capture_on_commit_callbacks: Any,
    settings: Any,
) -> None:
    settings.JWT_SHARED_SECRET = f"{WORD}-shared-with-all-the-neighbours"
    stream = talkative(style)
    secrets = tour(as_user, by_session, django_capture_on_commit_callbacks)
    secrets += [settings.SECRET_KEY, *settings.ENTERPRISE_REPORTING_SECRET, *settings.CLIENT_SECRET_KEYS]
    lines = stream.getvalue().splitlines()
    assert len(lines) > 30
    assert len(secrets) > 20
    assert all(len(secret) > 8 for secret in secrets)
    found = [line for line in lines if any(secret in line for secret in secrets)]
    assert not found, "\n".join(found)


def test_an_address_with_a_token_is_logged_without_it(talkative: Callable[[str], StringIO], client: Any) -> None:
    stream = talkative("json")
    client.get(f"/healthz?page=2&access_token={WORD}&x=1")
    client.get(f"/password_reset_confirm/MQ/{WORD}/?a=1")
    told = [json.loads(line).get("request", "") for line in stream.getvalue().splitlines()]
    assert "GET /healthz?page=2&access_token=***&x=1" in told
    assert "GET /password_reset_confirm/***?a=1" in told


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_traceback_tells_no_values(style: str, talkative: Callable[[str], StringIO]) -> None:
    stream = talkative(style)

    def fail(password: str) -> None:
        raise ValueError("as it must")

    try:
        fail(WORD)
    except ValueError:
        structlog.get_logger("anything").exception("failed")
        logging.getLogger("anything").exception("failed again")
    assert stream.getvalue().count("as it must") >= 2
    assert WORD not in stream.getvalue()


# --- What objects show of themselves --------------------------------------------------------------------------------


def hiding(model: type[models.Model]) -> models.Model:
    """A row whose texts are all the same secret, but what names it."""
    names = ("name", "username", "key", "slug", "title", "email", "course_id", "domain", "object_repr", "app_label")
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.JSONField):
            values[field.attname] = {"link": WORD}
        elif isinstance(field, models.CharField | models.TextField) and SECRET_NAMES.search(field.name):
            values[field.attname] = WORD
        elif isinstance(field, models.CharField) and field.name in names:
            values[field.attname] = "plain"
    return model(**values)


SECRET_NAMES = re.compile(r"password|secret|private_key|token|session_data|^code$|challenge", re.I)
HIDING = [
    model
    for model in apps.get_models()
    if any(
        isinstance(field, models.JSONField) or SECRET_NAMES.search(field.name) for field in model._meta.concrete_fields
    )
]


@pytest.mark.parametrize("model", HIDING, ids=lambda model: model._meta.label)
def test_no_object_shows_a_secret(model: type[models.Model]) -> None:
    row = hiding(model)
    try:
        shown = repr(row) + str(row)
    except (AttributeError, TypeError, ValueError, model.DoesNotExist):  # a text made of a relation that is not there
        shown = ""
    assert WORD not in shown


def test_objects_with_secrets_are_looked_at() -> None:
    looked_at = {model._meta.label for model in HIDING}
    assert {
        "enrollments.User",
        "enrollments.OAuthApplication",
        "enrollments.OutboxMessage",
        "enterprise.EnterpriseCustomerReportingConfiguration",
        "enterprise.EnterpriseCustomerSsoConfiguration",
        "saml_admin.SAMLConfiguration",
        "oauth2_provider.AccessToken",
    } <= looked_at
