"""Statements compiled once, and moments written by the database (config.db.reads)."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db.models import CharField, DateTimeField

from config.api.fields import wire_time
from config.db.reads import (
    EitherEnd,
    Given,
    GivenSet,
    KeptCount,
    KeptInstances,
    KeptList,
    KeptPage,
    KeptRows,
    KeptStatement,
    KeyedStatement,
    WireTime,
    _read_json,
)
from enrollments.models import CourseOverview
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerCatalog
from tests.factories import CatalogFactory, CatalogQueryFactory, CourseRunFactory, EnterpriseCustomerFactory

pytestmark = pytest.mark.django_db

rows = KeyedStatement(
    lambda keys: CourseOverview.objects.filter(pk__in_set=keys).order_by("pk").values_list("id", "self_paced", "start")
)


@pytest.mark.parametrize(
    "moment",
    [
        None,
        datetime(2031, 1, 10, 8, 30, tzinfo=UTC),
        datetime(2031, 1, 10, 8, 30, 0, 120000, tzinfo=UTC),
        datetime(2031, 1, 10, 8, 30, 0, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))),
        datetime(2031, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    ],
)
def test_the_database_writes_moments_as_answers_do(moment):
    run = CourseRunFactory(start=moment)
    (written,) = CourseOverview.objects.filter(pk=run.pk).values_list(WireTime("start"), flat=True)
    assert written == wire_time(moment)


def test_kept_instances_are_those_of_their_query(django_assert_num_queries):
    runs = [CourseRunFactory(self_paced=place == 1, start=None) for place in range(3)]
    of_ids = KeptInstances(lambda: CourseOverview.objects.filter(pk__in_set=GivenSet("ids")).order_by("pk"))
    for chosen in (runs, runs[1:], []):
        with django_assert_num_queries(1):
            found = of_ids(ids=[run.pk for run in chosen])
        assert found == sorted(chosen, key=lambda run: run.pk)
    assert [run.self_paced for run in of_ids(ids=[run.pk for run in runs])].count(True) == 1
    found = of_ids(ids=[runs[0].pk])[0]
    found.display_name = "Changed"
    found.save()
    assert CourseOverview.objects.get(display_name="Changed") == runs[0]


def test_kept_instances_come_with_what_is_wanted_of_related_ones(django_assert_num_queries):
    query = CatalogQueryFactory(content_filter={"key": ["Acme+A"]})
    with_query = CatalogFactory(enterprise_catalog_query=query, title="With")
    without = CatalogFactory(enterprise_catalog_query=None, title="Without")
    related = {"enterprise_catalog_query": ["content_filter"], "enterprise_customer": ["slug", "name"]}
    titled = KeptInstances(
        lambda: EnterpriseCustomerCatalog.objects.filter(title=Given("title", CharField())).order_by(), related
    )
    for catalog, content_filter in ((with_query, {"key": ["Acme+A"]}), (without, None)):
        with django_assert_num_queries(1):
            (found,) = titled(title=catalog.title)
            assert found == catalog
            assert found.enterprise_customer.name == catalog.enterprise_customer.name
            assert getattr(found.enterprise_catalog_query, "content_filter", None) == content_filter
            assert found.enterprise_customer.slug == catalog.enterprise_customer.slug
        assert found.enterprise_customer.country == catalog.enterprise_customer.country


def test_a_keyed_statement_gives_the_rows_of_its_query_whatever_the_keys(django_assert_num_queries):
    runs = [CourseRunFactory(self_paced=place == 1) for place in range(3)]
    for chosen in (runs, runs[:1], runs[1:]):
        with django_assert_num_queries(1):
            found = rows([run.pk for run in chosen])
        assert found == sorted((run.pk, run.self_paced, run.start) for run in chosen)
        assert {type(self_paced) for _, self_paced, _ in found} == {bool}
    assert rows({"course-v1:No+Such+Run", "with 'quotes' \\ and ünïcode"}) == []


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -2.5, True, None, "ü", {}], "b": {"c": []}},
        {"large": 2**64, "larger": 10**30, "small": -(2**63), "smaller": -(10**30)},
        ["0" * 40, 0.1, 1e300, 12345678901234567],
        functools.reduce(lambda inner, _: [inner], range(600), "deep"),
        "text",
        0,
        False,
    ],
    ids=["nested", "large integers", "numbers", "deep", "text", "zero", "false"],
)
def test_json_comes_as_the_query_gives_it(value):
    catalog = CatalogFactory(enabled_course_modes=value)
    kept = KeyedStatement(
        lambda keys: EnterpriseCustomerCatalog.objects.filter(pk__in_set=keys).values_list("enabled_course_modes")
    )
    ((read,),) = kept([catalog.pk])
    (expected,) = EnterpriseCustomerCatalog.objects.filter(pk=catalog.pk).values_list("enabled_course_modes", flat=True)
    assert (read, type(read)) == (expected, type(expected))
    assert repr(read) == repr(expected)


def test_a_lone_half_of_a_pair_and_what_is_no_number_are_read_as_json_does():
    assert _read_json('["\\ud800", NaN]')[0] == "\ud800"


def test_decimals_come_as_the_query_gives_them():
    EnterpriseCustomerFactory(name="Some", default_contract_discount="12.50000")
    EnterpriseCustomerFactory(name="None", default_contract_discount=None)
    statement = KeptStatement(
        lambda: EnterpriseCustomer.objects.order_by("name").values_list("name", "default_contract_discount")
    )
    assert statement() == [("None", None), ("Some", Decimal("12.50000"))]


def test_no_keys_cost_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rows([]) == []


def test_constants_stay_as_they_were_when_the_statement_was_compiled():
    statement = KeyedStatement(
        lambda keys: CourseOverview.objects.filter(pk__in_set=keys, org="Acme").order_by("pk").values_list("id")
    )
    ours, _ = CourseRunFactory(org="Acme"), CourseRunFactory(org="Other")
    keys = list(CourseOverview.objects.values_list("pk", flat=True))
    assert statement(keys) == statement(keys) == [(ours.pk,)]


def test_given_values_are_new_at_every_call():
    after = KeptStatement(
        lambda: (
            CourseOverview.objects.filter(start__gt=Given("moment", DateTimeField())).order_by("pk").values_list("id")
        )
    )
    first, second = (CourseRunFactory(start=datetime(2031, 1, day, tzinfo=UTC)) for day in (1, 3))
    assert after(moment=datetime(2031, 1, 2, tzinfo=UTC)) == [(second.pk,)]
    assert after(moment=datetime(2030, 1, 2, tzinfo=UTC)) == [(first.pk,), (second.pk,)]


def test_a_statement_without_its_keys_is_refused():
    statement = KeyedStatement(lambda keys: CourseOverview.objects.filter(org="Acme").values_list("id"))
    with pytest.raises(TypeError, match="has its keys as a parameter"):
        statement(["x"])


# --- Pages ----------------------------------------------------------------------------------------------------------

of_org = KeptPage(
    lambda: CourseOverview.objects.filter(org=Given("org", CharField())).order_by("pk").values_list("id", "self_paced")
)
of_org_backwards = KeptPage(
    lambda: CourseOverview.objects.filter(org=Given("org", CharField())).order_by("-pk").values_list("id", "self_paced")
)


def test_a_kept_page_is_cut_anew_at_each_call(django_assert_num_queries):
    runs = sorted(CourseRunFactory(org="Acme", self_paced=True).pk for _ in range(5))
    CourseRunFactory(id="course-v1:Other+C+T1")
    for start, stop in ((0, 2), (2, 4), (4, 9), (9, 12)):
        with django_assert_num_queries(1):
            assert of_org(start, stop, org="Acme") == [(run, True) for run in runs[start:stop]]


def test_the_second_half_of_a_list_is_read_from_its_end(monkeypatch):
    monkeypatch.setattr(EitherEnd, "NEAR", 1)
    runs = sorted(CourseRunFactory(org="Acme").pk for _ in range(7))
    kept = KeptRows(of_org, of_org_backwards, "default", {"org": "Acme"})
    plain = CourseOverview.objects.order_by("pk").values_list("id", "self_paced")
    for rows in (kept, plain):
        ends = EitherEnd(rows, runs)
        for size in (1, 2, 3, 7, 9):
            for start in range(9):
                assert [run for run, _ in ends[start : start + size]] == runs[start : start + size]


def test_a_kept_list_is_sliced_and_counted_as_the_query_would_be(django_assert_num_queries):
    def build():
        later = CourseOverview.objects.filter(start__gt=Given("moment", DateTimeField()))
        return later.order_by("-start").values_list("id", "self_paced")

    runs = [CourseRunFactory(start=datetime(2031, 1, day, tzinfo=UTC)) for day in (1, 2, 3, 4)]
    page, number = KeptPage(build), KeptCount(build)
    found = KeptList(page, number, moment=datetime(2031, 1, 1, 12, tzinfo=UTC))
    with django_assert_num_queries(3):
        assert (len(found), found[:2], found[2:5]) == (
            3,
            [(runs[3].pk, False), (runs[2].pk, False)],
            [(runs[1].pk, False)],
        )
    assert len(KeptList(page, number, moment=datetime(2032, 1, 1, tzinfo=UTC))) == 0
