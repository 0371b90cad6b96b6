"""The endpoints that depend on settings alone, health, documents, files and error pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rest_framework.test import APIClient

from config.api import health

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]


# --- CSRF token, configuration of the micro-frontends ----------------------------------------------------------------


def test_anybody_gets_a_csrf_token_and_its_cookie(client: APIClient) -> None:
    answer = client.get("/csrf/api/v1/token")
    assert answer.status_code == 200
    assert list(answer.json()) == ["csrfToken"]
    assert answer.cookies["csrftoken"].value
    assert answer["Cache-Control"] == "no-store"


def test_bad_credentials_do_not_keep_anybody_from_a_csrf_token(client: APIClient) -> None:
    assert client.get("/csrf/api/v1/token", HTTP_AUTHORIZATION="JWT bad").status_code == 200


def test_the_csrf_address_has_no_slash_and_one_method(client: APIClient) -> None:
    assert client.get("/csrf/api/v1/token/").status_code == 404
    assert client.post("/csrf/api/v1/token").json() == {"detail": 'Method "POST" not allowed.'}


def test_the_configuration_of_micro_frontends(client: APIClient, settings: Any) -> None:
    settings.MFE_CONFIG = {"SITE_NAME": "Campus", "THEME": "plain", "OVERRIDES": {"learner-portal": {"THEME": "blue"}}}
    address = "/api/mfe_config/v1"
    assert client.get(address).json() == {"SITE_NAME": "Campus", "THEME": "plain"}
    assert client.get(address, {"mfe": "learner-portal"}).json() == {"SITE_NAME": "Campus", "THEME": "blue"}
    assert client.get(address, {"mfe": "unknown"}).json() == {"SITE_NAME": "Campus", "THEME": "plain"}
    assert settings.MFE_CONFIG["OVERRIDES"]


def test_no_configuration_is_an_empty_object(client: APIClient, settings: Any) -> None:
    settings.MFE_CONFIG = {}
    assert client.get("/api/mfe_config/v1", {"mfe": "x"}).json() == {}


# --- Health ----------------------------------------------------------------------------------------------------------


def test_the_process_is_alive_without_asking_anything(client: APIClient, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


def test_readiness_names_every_part(client: APIClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "checks": {"database": "ok", "cache": "ok", "broker": "ok", "migrations": "ok"}},
    )


def failing(client: APIClient) -> list[str]:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failed"
    return [name for name, outcome in answer.json()["checks"].items() if outcome != "ok"]


def test_a_cache_that_is_down_is_not_ready(client: APIClient, settings: Any) -> None:
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {**settings.CACHES, "default": {"BACKEND": backend, "LOCATION": "redis://127.0.0.1:1/0"}}
    assert failing(client) == ["cache"]


def test_a_broker_that_is_down_is_not_ready(client: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from config.celery import app

    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setenv("CELERY_BROKER_URL", settings.CELERY_BROKER_URL)  # Celery asks the environment first
    monkeypatch.setattr(app.conf, "broker_url", settings.CELERY_BROKER_URL)
    assert failing(client) == ["broker"]


def test_a_database_that_is_down_is_not_ready(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def refuse() -> None:
        raise OperationalError("no connection")

    monkeypatch.setitem(health.CHECKS, "database", refuse)
    assert failing(client) == ["database"]


def test_waiting_migrations_are_not_ready(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = [("enrollments.0002_next", False)]
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *_: plan)
    monkeypatch.setitem(health.CHECKS, "migrations", health.MigrationCheck())
    assert failing(client) == ["migrations"]
    plan.clear()
    assert client.get("/readyz").status_code == 200


def test_applied_migrations_are_read_once(client: APIClient, monkeypatch: Any, django_assert_num_queries: Any) -> None:
    monkeypatch.setitem(health.CHECKS, "migrations", health.MigrationCheck())
    assert client.get("/readyz").status_code == 200
    with django_assert_num_queries(1):
        client.get("/readyz")


# --- The description of the API --------------------------------------------------------------------------------------


def test_the_description_is_served_and_names_the_schemes(client: APIClient) -> None:
    answer = client.get("/api-docs/schema/")
    assert answer.status_code == 200
    description = yaml.safe_load(answer.content)
    assert description["openapi"].startswith("3.")
    assert "/csrf/api/v1/token" in description["paths"]
    assert client.get("/api-docs/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()["openapi"]


def test_the_description_is_made_once_and_then_kept_for_a_while(client, monkeypatch):
    first = client.get("/api-docs/schema/")

    monkeypatch.setattr("drf_spectacular.generators.SchemaGenerator.get_schema", None)

    assert client.get("/api-docs/schema/").content == first.content


@pytest.mark.parametrize("path", ["/api-docs/", "/api-docs/redoc/"])
def test_the_pages_ask_nobody_else_for_anything(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "://" not in page
    assert "/static/drf_spectacular_sidecar/" in page
    policy = answer["Content-Security-Policy"]
    scripts = next((part for part in policy.split(";") if part.strip().startswith("script-src")), "default-src 'self'")
    assert "unsafe" not in scripts
    assert "default-src 'self'" in policy


def test_the_script_of_the_page_is_a_file_of_its_own(client: APIClient) -> None:
    page = client.get("/api-docs/").content.decode()
    assert page.count("<script") == page.count("<script src=")
    answer = client.get("/api-docs/?script=")
    assert answer["Content-Type"].startswith("application/javascript")
    assert "SwaggerUIBundle(" in answer.content.decode()


@pytest.mark.parametrize(
    "asset",
    ["swagger-ui-dist/swagger-ui.css", "swagger-ui-dist/swagger-ui-bundle.js", "redoc/bundles/redoc.standalone.js"],
)
def test_the_files_of_the_pages_are_there(asset: str) -> None:
    from django.contrib.staticfiles import finders

    assert finders.find(f"drf_spectacular_sidecar/{asset}")


# --- Uploaded files --------------------------------------------------------------------------------------------------


@pytest.fixture
def uploads(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    (tmp_path / "media" / "logos").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "media"


def test_an_uploaded_file_is_served_and_runs_nothing(client: APIClient, uploads: Path) -> None:
    (uploads / "logos" / "a.svg").write_text("<svg><script>alert(1)</script></svg>")
    answer = client.get("/media/logos/a.svg")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content).startswith(b"<svg>")  # type: ignore[attr-defined]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["../secret.txt", "%2e%2e/secret.txt", "logos/../../secret.txt", "nothing.png", "", "logos/"]
)
def test_nothing_outside_the_uploads_is_served(client: APIClient, uploads: Path, path: str) -> None:
    assert client.get(f"/media/{path}").status_code == 404
    assert client.post(f"/media/{path}").status_code in {404, 405}


# --- Error pages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/nothing", "/enterprise/api/v1/nothing", "/auth/saml/v0/nothing/"])
def test_an_unknown_address_of_an_api_is_404_in_json(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("path", ["/nothing", "/support-nothing/x", "/pages/nothing/"])
def test_an_unknown_page_is_404_in_html(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer.content.startswith(b"<!DOCTYPE html>")


def test_a_broken_view_is_500_in_json_under_an_api_and_a_page_elsewhere(client: APIClient) -> None:
    answer = client.get("/api/broken/")
    assert (answer.status_code, answer.json()) == (500, {"detail": "A server error occurred."})
    answer = client.get("/pages/broken/")
    assert answer.status_code == 500
    assert answer.content.startswith(b"<!DOCTYPE html>")
    assert b"a bug of ours" not in answer.content


PROGRAMS = [{"USE-JWT-COOKIE": "true", "Accept": "text/html"}, {"Accept": "application/json, text/plain, */*"}]


@pytest.mark.parametrize("headers", PROGRAMS)
def test_programs_are_told_in_plain_text_what_people_are_told_on_a_page(
    client: APIClient, headers: dict[str, str]
) -> None:
    for path, status in (("/pages/nothing/", 404), ("/pages/broken/", 500)):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (status, "text/plain; charset=utf-8")
        assert answer.content
        assert b"<" not in answer.content
    browser = APIClient(enforce_csrf_checks=True)
    answer = browser.post("/pages/form/", "a=b", content_type="application/x-www-form-urlencoded", headers=headers)
    assert answer.status_code == 403
    assert answer.content.startswith(b"CSRF Failed: ")


@pytest.mark.parametrize("host", ["evil.example", "a b", "evil.example:x", "[::1", ""])
def test_a_strange_host_is_refused(client: APIClient, host: str) -> None:
    answer = client.get("/api/public", headers={"Host": host})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Bad request."})
    answer = client.get("/pages/one/", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.content.startswith(b"<!DOCTYPE html>")


def test_a_body_that_is_too_large_for_a_page_is_413(client: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = client.generic(
        "POST", "/pages/form/", "name=" + "x" * 200, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 413


def test_a_csrf_failure_is_a_page_and_json_under_an_api() -> None:
    browser = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    answer = browser.post("/pages/form/", "name=x", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")
    answer = browser.post("/api/broken/", "name=x", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: ")


def test_pages_have_a_strict_content_security_policy(client: APIClient) -> None:
    policy = client.get("/pages/one/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy


def test_answers_do_not_depend_on_what_accept_asks_for(client: APIClient) -> None:
    for accept in ["text/html", "application/xml", "nonsense", "application/json; indent=4", "*/*", ""]:
        answer = client.get("/api/mfe_config/v1", headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"


def test_a_format_parameter_is_ignored(client: APIClient) -> None:
    assert client.get("/api/mfe_config/v1", {"format": "xml"}).status_code == 200


def test_metrics_are_off_by_default(client: APIClient) -> None:
    assert client.get("/metrics").status_code == 404
