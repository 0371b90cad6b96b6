"""Every page of the operators' admin, walked through with the demo world: it opens, and answers nonsense in order."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from unfold.admin import ModelAdmin

from config.db.admin import HistoryAdmin
from enrollments.models import User
from tests.support.demo import demo_world

__all__ = ["demo_world"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_world")]

PAGES = list(admin.site._registry.items())
each_page = pytest.mark.parametrize(("model", "page"), PAGES, ids=[model._meta.label for model, _ in PAGES])

# Rows that only a running service makes, or that no world file can hold.
EMPTY_IN_THE_DEMO = {
    "enrollments.LoginFailure", "enrollments.RateLimitConfiguration", "enterprise.ChatGPTResponse",
    "saml_admin.SAMLConfiguration", "support.CourseEntitlementPolicy",
    "enterprise.DefaultEnterpriseEnrollmentRealization", "enterprise.RoleAssignmentUpdateOptions",
    "oauth2_provider.AccessToken", "waffle.Flag", "waffle.Sample", "waffle.Switch",
}  # fmt: skip

SILLY = [
    {"q": "%_'\"\\\x00"}, {"q": "x" * 10_000, "p": "x"}, {"q": "9" * 40, "p": "-1"}, {"p": "99999", "o": "99.x.-7"},
    {"zzz__exact": "1"}, {"pk__in": "x,y"}, {"pk__gte": "\x00"}, {"pk": "9" * 40}, {"_to_field": "zzz", "_popup": "x"},
    {"_facets": "x", "all": "x", "e": "1"}, {"created__year": "x"},
]  # fmt: skip


@pytest.fixture
def operator_client() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="admin"))
    return client


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def rows_of(model: Any) -> Any:
    return getattr(model, "all_objects", model._default_manager).order_by("pk")


def statements(client: Client, url: str) -> tuple[HttpResponse, int]:
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(url)
    return answer, len(asked)


@each_page
def test_every_page_is_one_of_the_theme(model: Any, page: Any) -> None:
    assert isinstance(page, ModelAdmin)
    assert not page.show_full_result_count


@each_page
def test_every_list_of_the_demo_has_something_to_show(model: Any, page: Any) -> None:
    assert rows_of(model).exists() or model._meta.label in EMPTY_IN_THE_DEMO


@each_page
def test_a_list_costs_as_many_statements_for_one_row_as_for_all(
    model: Any, page: Any, operator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = address(model, "changelist")
    operator_client.get(url)
    monkeypatch.setattr(page, "list_per_page", 1)
    answer, few = statements(operator_client, url)
    assert answer.status_code == 200
    monkeypatch.setattr(page, "list_per_page", 100)
    answer, many = statements(operator_client, url)
    assert answer.status_code == 200
    assert many <= few
    assert many <= 10


@each_page
def test_nonsense_in_the_address_of_a_list_is_no_error_of_the_server(
    model: Any, page: Any, operator_client: Client
) -> None:
    url = address(model, "changelist")
    filters = [{f"{name}__exact": value} for name in page.list_filter for value in ("\x00zzz", "9" * 40)]
    codes = {str(query)[:60]: operator_client.get(url, query).status_code for query in [*SILLY, *filters]}
    assert {query: code for query, code in codes.items() if code >= 500} == {}


@each_page
def test_the_pages_of_one_row_open(model: Any, page: Any, operator_client: Client) -> None:
    row = rows_of(model).last()
    may_add = page.has_add_permission(operator_client.get("/admin/").wsgi_request)
    codes = {"add": operator_client.get(address(model, "add")).status_code}
    if row is not None:
        key = str(row.pk)
        codes |= {name: operator_client.get(address(model, name, key)).status_code for name in ("change", "history")}
        deleting = operator_client.get(address(model, "delete", key)).status_code
        assert deleting in (200, 403)
    assert codes.pop("add") == (200 if may_add else 403)
    assert set(codes.values()) <= {200}


@each_page
def test_a_row_that_is_not_there_is_not_found(model: Any, page: Any, operator_client: Client) -> None:
    for key in ("zzz", "9" * 40, "_00", "11111111-1111-4111-8111-111111111111", "%20"):
        for name in ("change", "history", "delete"):
            answer = operator_client.get(address(model, name, key))
            assert answer.status_code in (302, 403, 404), (name, key)


@pytest.mark.parametrize("page", [page for _, page in PAGES if isinstance(page, HistoryAdmin)], ids=str)
def test_the_list_of_what_has_a_history_links_to_it(page: Any, operator_client: Client) -> None:
    row = rows_of(page.model).last()
    if row is None:
        pytest.skip("the demo has no such row")
    assert (
        address(page.model, "history", str(row.pk))
        in operator_client.get(address(page.model, "changelist")).content.decode()
    )
    for version in ("zzz", "9" * 40, "0"):
        assert operator_client.get(f"{address(page.model, 'history', str(row.pk))}{version}/").status_code == 404
    version = page.model.history.order_by("-history_id").first()
    if version is not None:
        url = f"{address(page.model, 'history', str(getattr(version, page.opts.pk.attname)))}{version.history_id}/"
        assert operator_client.get(url).status_code == 200
