"""API keys, staff, restricted applications, groups (contract: enrollment-api; enterprise-customers 4.2.7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from enrollments.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

NOT_ALLOWED = {"detail": "You do not have permission to perform this action."}
AUDIT = "ApiKeyHeaderPermission used"


def audit_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if AUDIT in record.getMessage()]


def test_the_api_key_alone_is_enough(by_api_key: APIClient) -> None:
    answer = by_api_key.get("/api/keyed")
    assert (answer.status_code, answer.json()["user"]) == (200, "")


def test_the_api_key_does_not_help_where_it_does_not_count(by_api_key: APIClient) -> None:
    assert by_api_key.get("/api/anyway").status_code == 401
    assert by_api_key.get("/api/staff-only").status_code == 401


def test_a_wrong_api_key_is_ignored(client: APIClient, ana: User, by_jwt: Callable[..., APIClient]) -> None:
    for key in ["wrong", "", "kéy", "test-api-ke", "test-api-keyy"]:
        assert client.get("/api/keyed", HTTP_X_EDX_API_KEY=key).status_code == 401
        assert by_jwt("ana").get("/api/keyed", HTTP_X_EDX_API_KEY=key).status_code == 200


@pytest.mark.parametrize("unset", [None, ""])
def test_without_the_setting_no_key_is_ever_right(client: APIClient, settings: Any, unset: str | None) -> None:
    settings.EDX_API_KEY = unset
    for key in ["", "None", "test-api-key"]:
        assert client.get("/api/keyed", HTTP_X_EDX_API_KEY=key).status_code == 401


def test_every_match_leaves_an_audit_line(by_api_key: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        by_api_key.get("/api/keyed")
    assert audit_lines(caplog) == ['ApiKeyHeaderPermission used: ip="127.0.0.1", path="/api/keyed"']
    assert all(record.levelno == logging.INFO for record in caplog.records if AUDIT in record.getMessage())


def test_a_wrong_key_leaves_none(client: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/api/keyed", HTTP_X_EDX_API_KEY="wrong")
    assert audit_lines(caplog) == []


def test_the_audit_line_names_the_caller_behind_trusted_proxies(
    by_api_key: APIClient, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.NUM_PROXIES = 1
    with caplog.at_level(logging.INFO):
        by_api_key.get("/api/keyed", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9")
    assert audit_lines(caplog) == ['ApiKeyHeaderPermission used: ip="203.0.113.9", path="/api/keyed"']


def test_an_audit_line_is_one_line(by_api_key: APIClient, caplog: pytest.LogCaptureFixture, rf: Any) -> None:
    from config.api.permissions import has_api_key

    with caplog.at_level(logging.INFO):
        assert has_api_key(rf.get("/api/a%0Aroot did it", HTTP_X_EDX_API_KEY="test-api-key"))
    assert "\n" not in audit_lines(caplog)[0]


def test_staff_is_the_flag_and_nothing_else(by_jwt: Callable[..., APIClient]) -> None:
    UserFactory(username="boss", is_staff=True)
    UserFactory(username="root", is_superuser=True)
    UserFactory(username="ana")
    assert by_jwt("boss").get("/api/staff-only").status_code == 200
    for username in ["root", "ana"]:
        answer = by_jwt(username, administrator=True).get("/api/staff-only")
        assert (answer.status_code, answer.json()) == (403, NOT_ALLOWED)


def test_an_own_user_name_in_the_query_admits_nobody(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    for path in ["/api/staff-only", "/api/modes"]:
        assert by_jwt("ana").get(path, {"username": "ana"}).status_code == 403


RESTRICTED = {"is_restricted": True, "scopes": ["course_modes:read"], "filters": ["content_org:Acme"]}


def test_a_restricted_application_with_scope_and_organization_passes(
    ana: User, by_jwt: Callable[..., APIClient]
) -> None:
    assert by_jwt("ana", **RESTRICTED).get("/api/modes").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": ["read"]},
        {"scopes": "course_modes:read"},
        {"scopes": None},
        {"filters": []},
        {"filters": ["content_org:Other"]},
        {"filters": ["content_org:Acme Ltd", "content_org", 7]},
        {"filters": None},
        {"is_restricted": False},
        {"filters": ["content_org:Acme", "user:me"]},
        {"filters": ["content_org:Acme", "user:ben"]},
    ],
)
def test_a_restricted_application_lacking_anything_is_refused(
    ana: User, by_jwt: Callable[..., APIClient], change: dict[str, Any]
) -> None:
    assert by_jwt("ana", **{**RESTRICTED, **change}).get("/api/modes").status_code == 403


def test_a_user_filter_must_fit_the_user_asked_for(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    client = by_jwt("ana", **{**RESTRICTED, "filters": ["content_org:Acme", "user:me"]})
    assert client.get("/api/modes", {"username": "ana"}).status_code == 200
    assert client.get("/api/modes", {"username": "ben"}).status_code == 403


def test_staff_do_not_pass_by_a_restricted_token(by_jwt: Callable[..., APIClient]) -> None:
    UserFactory(username="boss", is_staff=True)
    assert by_jwt("boss").get("/api/modes").status_code == 200
    assert by_jwt("boss", is_restricted=True).get("/api/modes").status_code == 403


def test_members_of_any_named_group_pass(ana: User, by_jwt: Callable[..., APIClient]) -> None:
    ana.groups.add(Group.objects.get_or_create(name="enterprise_data_api_access")[0])
    client = by_jwt("ana")
    named = {"permissions": ["enterprise_enrollment_api_access", "enterprise_data_api_access"]}
    assert client.get("/api/grouped", named).status_code == 200
    for query in [{}, {"permissions": ["enterprise_enrollment_api_access"]}, {"permissions": [""]}]:
        answer = client.get("/api/grouped", query)
        assert (answer.status_code, answer.json()) == (403, {"detail": "User is not allowed to access the view."})


def test_staff_and_superusers_are_not_exempt_from_group_membership(by_jwt: Callable[..., APIClient]) -> None:
    UserFactory(username="root", is_staff=True, is_superuser=True)
    assert by_jwt("root").get("/api/grouped", {"permissions": "enterprise_data_api_access"}).status_code == 403
