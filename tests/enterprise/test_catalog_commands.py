"""Commands that change many catalogs or queries (contract: enterprise-customers 6)."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from tests import factories

pytestmark = pytest.mark.django_db
EXCLUSION = {"course_type__exclude": "executive-education-2u"}


def run(name, *arguments, capsys):
    call_command(name, *arguments)
    return capsys.readouterr().out


def test_catalogs_of_a_query_get_another_one(capsys):
    old, new = factories.CatalogQueryFactory(), factories.CatalogQueryFactory(content_filter={"org": "Acme"})
    catalogs = [factories.CatalogFactory(enterprise_catalog_query=old) for _ in range(3)]
    other = factories.CatalogFactory(enterprise_catalog_query=factories.CatalogQueryFactory())
    modified = catalogs[0].modified

    assert "3 catalogs" in run("bulk_update_catalog_query_id", str(old.pk), str(new.pk), capsys=capsys)

    for catalog in catalogs:
        catalog.refresh_from_db()
        assert (catalog.enterprise_catalog_query, catalog.content_filter) == (new, {"org": "Acme"})
        assert [row.history_type for row in catalog.history.all()] == ["~", "+"]
        assert catalog.history.first().enterprise_catalog_query_id == new.pk
    assert catalogs[0].modified > modified
    other.refresh_from_db()
    assert other.enterprise_catalog_query not in (old, new)
    assert "0 catalogs" in run("bulk_update_catalog_query_id", str(old.pk), str(new.pk), capsys=capsys)


@pytest.mark.parametrize("arguments", [("9999", "{known}"), ("{known}", "9999"), ("x", "{known}"), ("{known}",)])
def test_a_query_that_is_not_there_changes_nothing(arguments):
    known = factories.CatalogQueryFactory()
    catalog = factories.CatalogFactory(enterprise_catalog_query=known)
    with pytest.raises(CommandError):
        call_command("bulk_update_catalog_query_id", *(each.format(known=known.pk) for each in arguments))
    catalog.refresh_from_db()
    assert catalog.enterprise_catalog_query == known


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"content_type": "course"}, {"content_type": "course", **EXCLUSION}),
        ({}, EXCLUSION),
        (None, EXCLUSION),
        ({"key": ["A+B"]}, {"key": ["A+B"], **EXCLUSION}),
        ({"course_type": "audit"}, {"course_type": "audit"}),
        ({"course_type__exclude": "audit"}, {"course_type__exclude": "audit"}),
        ({"aggregation_key": ["course:A+B"]}, {"aggregation_key": ["course:A+B"]}),
    ],
)
def test_executive_education_is_left_out_where_nothing_is_said_about_it(before, after, capsys):
    query = factories.CatalogQueryFactory(content_filter=before)
    catalog = factories.CatalogFactory(enterprise_catalog_query=query)
    wanting = factories.CatalogQueryFactory(content_filter={}, include_exec_ed_2u_courses=True)

    assert "would be changed" in run("exclude_executive_education", "--dry-run", capsys=capsys)
    query.refresh_from_db()
    assert query.content_filter == before

    told = run("exclude_executive_education", capsys=capsys)

    for row in (query, wanting, catalog):
        row.refresh_from_db()
    assert query.content_filter == after
    assert wanting.content_filter == {}
    if before != after:
        assert catalog.content_filter == after
    assert f"{int(before != after)} catalog queries were changed." in told
    assert "0 catalog queries" in run("exclude_executive_education", capsys=capsys)
