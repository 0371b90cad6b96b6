"""Catalogs and catalog queries in the operators' console (contract: enterprise-customers 2, 5.6)."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def console():
    client = Client(raise_request_exception=False)
    client.force_login(factories.UserFactory(staff=True, superuser=True))
    return client


def edit(client, query, content_filter, **fields):
    text = content_filter if isinstance(content_filter, str) else json.dumps(content_filter)
    address = reverse("admin:enterprise_enterprisecatalogquery_change", args=[query.pk])
    return client.post(address, {"title": query.title or "", "content_filter": text, **fields})


def errors_of(answer):
    assert answer.status_code == 200, answer.content[:500]
    return answer.context["adminform"].form.errors.get("content_filter", [])


def test_a_new_filter_reaches_the_catalogs(console):
    query = factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    catalog = factories.CatalogFactory(enterprise_catalog_query=query)

    answer = edit(console, query, {"org": "Bolt"}, include_exec_ed_2u_courses="on")

    assert answer.status_code == 302
    query.refresh_from_db()
    catalog.refresh_from_db()
    assert (query.content_filter, query.include_exec_ed_2u_courses) == ({"org": "Bolt"}, True)
    assert catalog.content_filter == {"org": "Bolt"}


def test_an_edited_query_may_not_become_a_copy_of_another(console):
    other = factories.CatalogQueryFactory(title="Other", content_filter={"org": "Acme", "key": ["A+B"]})
    query = factories.CatalogQueryFactory(content_filter={"org": "Bolt"})

    answer = edit(console, query, '{"key": ["A+B"],\n "org": "Acme"}')

    assert errors_of(answer) == [f"Duplicate value, see {other.uuid}(Other)"]
    query.refresh_from_db()
    assert query.content_filter == {"org": "Bolt"}
    assert edit(console, query, {"key": ["A+C"], "org": "Acme"}).status_code == 302


def test_a_filter_that_is_not_changed_is_not_compared(console):
    factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    query = factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    assert edit(console, query, {"org": "Acme"}, title="Renamed").status_code == 302
    query.refresh_from_db()
    assert query.title == "Renamed"


def test_a_new_query_is_not_compared(console):
    factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    answer = console.post(
        reverse("admin:enterprise_enterprisecatalogquery_add"), {"title": "New", "content_filter": '{"org": "Acme"}'}
    )
    assert answer.status_code == 302
    assert EnterpriseCatalogQuery.objects.filter(content_filter={"org": "Acme"}).count() == 2


@pytest.mark.parametrize(
    ("content_filter", "text"),
    [
        ({"key": "A+B"}, "Content filter 'key' must be of type <class 'list'>"),
        ({"key": ["A+B", 5]}, "Content filter 'key' must contain values of type <class 'str'>"),
        ({"first_enrollable_paid_seat_price__lte": 5}, "must be of type <class 'str'>"),
        ({"org__like": "A"}, "unknown operator"),
        ({"org__exclude__gt": "A"}, "unknown operator"),
        ({"org": {"a": {"b": 1}}}, "must be a text"),
        (["org"], "must be an object"),
        ({f"org{n}": "x" for n in range(500)}, "more than 100 members"),
        ({"key": ["x" * 1000] * 250}, "longer than 200000 characters"),
        (json.dumps({"key": ["x" * 1000] * 1000}), "longer than 200000 characters"),
        ("[" * 100_000, "nested more than 20 levels"),
        ('{"a":' * 900 + "1" + "}" * 900, "nested more than 20 levels"),
        ("[" * 30 + "]" * 30, "nested more than 20 levels"),
        ("{", "Enter a valid JSON."),
        ('{"key": NaN}', "must be of type <class 'list'>"),
        ("nonsense \x00", ""),
    ],
)  # fmt: skip
def test_filters_that_make_no_sense_are_refused_with_a_sentence(console, content_filter, text):
    query = factories.CatalogQueryFactory(content_filter={"org": "Bolt"})

    answer = edit(console, query, content_filter)

    assert any(text in error for error in errors_of(answer))
    query.refresh_from_db()
    assert query.content_filter == {"org": "Bolt"}
    assert len(answer.content) < 1_000_000


def test_a_filter_is_shown_with_its_members_one_below_the_other(console):
    query = factories.CatalogQueryFactory(content_filter={"org": "Ünï", "key": ["A+B"]})
    answer = console.get(reverse("admin:enterprise_enterprisecatalogquery_change", args=[query.pk]))
    shown = answer.context["adminform"].form["content_filter"].value()
    assert answer.status_code == 200
    assert json.loads(shown) == query.content_filter
    assert '\n  "org": "Ünï"' in shown


def catalog_form(catalog, **fields):
    return {
        "title": catalog.title,
        "enterprise_customer": catalog.enterprise_customer_id,
        "enterprise_catalog_query": catalog.enterprise_catalog_query_id or "",
        "content_filter": json.dumps(catalog.content_filter),
        "enabled_course_modes": json.dumps(catalog.enabled_course_modes),
        **fields,
    }


def test_a_catalog_is_changed_and_keeps_the_filter_of_its_query(console):
    query = factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    catalog = factories.CatalogFactory(content_filter={"org": "Bolt"})
    address = reverse("admin:enterprise_enterprisecustomercatalog_change", args=[catalog.pk])

    assert (
        console.post(address, catalog_form(catalog, title="New", enabled_course_modes='["audit"]')).status_code == 302
    )
    catalog.refresh_from_db()
    assert (catalog.title, catalog.enabled_course_modes, catalog.content_filter) == ("New", ["audit"], {"org": "Bolt"})

    assert console.post(address, catalog_form(catalog, enterprise_catalog_query=query.pk)).status_code == 302
    catalog.refresh_from_db()
    assert catalog.content_filter == {"org": "Acme"}
    assert catalog.history.count() == 3


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"enabled_course_modes": '{"a": 1}'}, "enabled_course_modes"),
        ({"enabled_course_modes": "[5]"}, "enabled_course_modes"),
        ({"content_filter": '{"key": "A+B"}'}, "content_filter"),
        ({"content_filter": "[" * 5000}, "content_filter"),
    ],
)
def test_wrong_values_of_a_catalog_are_refused(console, fields, name):
    catalog = factories.CatalogFactory()
    address = reverse("admin:enterprise_enterprisecustomercatalog_change", args=[catalog.pk])
    answer = console.post(address, catalog_form(catalog, **fields))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [name]
    assert EnterpriseCustomerCatalog.objects.get().history.count() == 1


def test_deleting_a_query_leaves_its_catalogs_with_the_last_filter(console):
    query = factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    catalog = factories.CatalogFactory(enterprise_catalog_query=query, content_filter={"org": "Acme"})
    address = reverse("admin:enterprise_enterprisecatalogquery_delete", args=[query.pk])
    assert console.post(address, {"post": "yes"}).status_code == 302
    catalog.refresh_from_db()
    assert (catalog.enterprise_catalog_query, catalog.content_filter) == (None, {"org": "Acme"})
