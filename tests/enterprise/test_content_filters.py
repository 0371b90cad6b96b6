"""The language of content filters (contract: enterprise-customers 5.6), and what may be stored (section 2)."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enterprise.content import index, language
from enterprise.models import ContentFilter, ContentItem
from enterprise.models.catalogs import validate_content_filter
from tests import factories

FIELDS = ["content_type", "level_type", "partner", "subjects", "first_enrollable_paid_seat_price", "published", "title"]
DOCUMENT = {
    "content_type": "course",
    "key": "Acme+Sail",
    "level_type": "Introductory",
    "partner": "edX",
    "subjects": ["Water", "Wind"],
    "languages": [],
    "first_enrollable_paid_seat_price": 50,
    "number": "12",
    "published": True,
    "start": "2031-01-01T00:00:00Z",
    "authoring_organizations": [{"key": "Acme"}],
}


def holds(content_filter):
    return language.read(content_filter).matches(DOCUMENT)


# --- Members and operators ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_filter", "expected"),
    [
        ({}, True),
        (None, True),
        ({"level_type": "Introductory"}, True),
        ({"level_type": "introductory"}, False),
        ({"level_type": ["Advanced", "Introductory"]}, True),
        ({"level_type": ["Advanced"]}, False),
        ({"level_type": "Introductory", "key": "Acme+Row"}, False),
        ({"partner": "EDX"}, True),
        ({"partner__not": "edx"}, False),
        ({"level_type__not": "Advanced"}, True),
        ({"level_type__not": ["Advanced", "Introductory"]}, False),
        ({"level_type__exclude": ["Advanced", "Intermediate"]}, True),
        ({"title__not": "Sailing"}, True),
        ({"title__exclude": ["Sailing"]}, True),
        ({"title": "Sailing"}, False),
        ({"subjects": "Wind"}, True),
        ({"subjects": ["Fire", "Wind"]}, True),
        ({"subjects__exclude": "Wind"}, False),
        ({"subjects__exclude": ["Fire"]}, True),
        ({"languages": "en"}, False),
        ({"languages__not": "en"}, True),
        ({"published": True}, True),
        ({"published": 1}, False),
        ({"published": "true"}, False),
        ({"first_enrollable_paid_seat_price": 50.0}, True),
        ({"first_enrollable_paid_seat_price": "50"}, False),
        ({"first_enrollable_paid_seat_price__lte": "50"}, True),
        ({"first_enrollable_paid_seat_price__lt": "50"}, False),
        ({"first_enrollable_paid_seat_price__gte": 50}, True),
        ({"first_enrollable_paid_seat_price__gt": 49.5}, True),
        ({"first_enrollable_paid_seat_price__gt": ["10", 40]}, True),
        ({"first_enrollable_paid_seat_price__gt": [10, 60]}, False),
        ({"first_enrollable_paid_seat_price__lt": [60, 50]}, False),
        ({"number__gte": 12}, True),
        ({"published__gte": 0}, False),
        ({"title__lte": 5}, False),
        ({"level_type__gt": 5}, False),
        ({"first_enrollable_paid_seat_price__gt": "many"}, False),
        ({"first_enrollable_paid_seat_price__gt": None}, False),
        ({"level_type": None}, False),
        ({"level_type": []}, False),
        ({"authoring_organizations": "Acme"}, False),
        ({"authoring_organizations": {"key": "Acme"}}, False),
        ({"aggregration__key": "course:x"}, False),
        ({"aggregration__key__not": "course:x"}, False),
        ({"org__exempt": "Bolt"}, True),
        ({"nobody_knows": "x"}, True),
        ({"nobody_knows__exclude": ["x"]}, True),
        ({"enterprise_force_include_aggregation_keys": ["course:x"]}, True),
        ({"restricted_runs_allowed": {}}, True),
        ({"exclude_expired_course_run": True}, True),
        ({"level_type__startswith": "Intro"}, False),
        ({"level_type__regex": "(a+)+$"}, False),
        ({"nobody__knows": "x"}, False),
        ({"course_runs__status__not": "x"}, False),
        ({"level_type__": "Introductory"}, False),
        ([], False),
        ("text", False),
    ],
)
def test_a_document_meets_a_filter(content_filter, expected):
    assert holds(content_filter) is expected


def test_filters_that_mean_the_same_are_one():
    digest = language.read({"level_type": ["b", "a"], "partner": "edX", "org__exempt": "x"}).digest

    for same in (
        {"partner": ["EDX"], "org__exclude": ["x"], "level_type": ["a", "b", "a"], "nobody_knows": 1},
        {"org__exclude": "x", "level_type": ["b", "a"], "partner": "edx", "exclude_expired_course_run": False},
    ):
        assert language.read(same).digest == digest
    for other in (
        {"level_type": ["b"], "partner": "edx", "org__exclude": "x"},
        {"level_type__not": ["b", "a"], "partner": "edx", "org__exclude": "x"},
        {"level_type": ["b", "a"], "partner": "edx", "org__exclude": "x", "exclude_expired_course_run": True},
    ):
        assert language.read(other).digest != digest


# --- The same answers in SQL --------------------------------------------------------------------------------------

_words = st.sampled_from(
    ["a", "A", "ß", "", "edx", "EDX", "5", "5.0", "-3", "1e2", "nan", "true", "x" * 300, "\x00 \ud800"]
)
_scalars = st.one_of(
    _words,
    st.booleans(),
    st.integers(-3, 6),
    st.sampled_from([0.5, 5.0, -0.0, 10**400, 2**63, float("inf")]),
    st.none(),
)
_values = st.one_of(_scalars, st.lists(_scalars, max_size=3), st.just({"a": 1}), st.just([{"a": 1}]))
_documents = st.dictionaries(st.sampled_from(FIELDS), _values)
_members = st.builds(
    "".join,
    st.tuples(
        st.sampled_from([*FIELDS, "unknown"]),
        st.sampled_from(["", "", "__not", "__exclude", "__gt", "__gte", "__lt", "__lte", "__like"]),
    ),
)
_filters = st.dictionaries(_members, _values, max_size=3)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(_documents, min_size=1, max_size=4), filters=st.lists(_filters, min_size=1, max_size=4))
def test_sql_and_the_reference_agree(documents, filters):
    ContentItem.objects.all().delete()
    items = [
        ContentItem(content_type="course", key=f"k{number}", aggregation_key=f"course:k{number}", document=document)
        for number, document in enumerate(documents)
    ]
    # Values come from the documents as they are here; the stored ones only have to be storable.
    ContentItem.objects.bulk_create(
        ContentItem(content_type="course", key=item.key, aggregation_key=item.aggregation_key, document={})
        for item in items
    )
    ids = dict(ContentItem.objects.values_list("key", "pk"))
    for item in items:
        item.pk = ids[item.key]
    index.insert_values(items)

    for content_filter in filters:
        parsed = language.read(content_filter)
        by_sql = set(index.held_by(parsed).values_list("key", flat=True))
        assert by_sql == {item.key for item in items if index.holds(parsed, item)}, content_filter


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_filter",
    [
        {},
        {"exclude_expired_course_run": True},
        {"restricted_runs_allowed": {"course:a": ["r1"], "a": ["r2"], "course:b": ["r2"]}},
        {"enterprise_force_include_aggregation_keys": ["course:a"]},
        {"enterprise_force_include_aggregation_keys": ["course:a", "courserun:a"], "key": "nothing"},
        {"enterprise_force_include_aggregation_keys": ["course:a"], "level_type__like": "x"},
        {"content_type": "courserun", "exclude_expired_course_run": "true"},
    ],
)
def test_sql_and_the_reference_agree_about_the_control_members(content_filter):
    rows = [("course", "a", {}), ("course", "b", {"may_enter": False}), ("courserun", "r1", {"restricted": True})]
    rows += [("courserun", "r2", {"restricted": True, "expired": True}), ("courserun", "r3", {"expired": True})]
    for content_type, key, fields in rows:
        document = {"content_type": content_type, "key": key}
        about = {"course_key": "a", "aggregation_key": f"{content_type}:a", "document": document}
        index.insert_values([ContentItem.objects.create(content_type=content_type, key=key, **about, **fields)])
    ContentItem.objects.create(content_type="course", key="without a document", changes_at=None)
    parsed = language.read(content_filter)

    by_sql = set(index.held_by(parsed).values_list("key", flat=True))

    items = ContentItem.objects.exclude(document=None)
    assert by_sql == {item.key for item in items if index.holds(parsed, item)}


# --- What may be stored -------------------------------------------------------------------------------------------


def deep(levels):
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("content_filter", "message"),
    [
        ([], "Content filter must be an object."),
        ({"key": "Acme+Sail"}, "Content filter 'key' must be of type <class 'list'>"),
        ({"key": [1]}, "Content filter 'key' must contain values of type <class 'str'>"),
        (
            {"first_enrollable_paid_seat_price__lte": 100},
            "Content filter 'first_enrollable_paid_seat_price__lte' must be of type <class 'str'>",
        ),
        ({"level_type__regex": "(a+)+$"}, "has an unknown operator"),
        ({"level_type__": "x"}, "has an unknown operator"),
        ({"course_runs__status__not": "x"}, "has an unknown operator"),
        ({"nobody__knows": "x"}, "has an unknown operator"),
        ({"level_type": {"a": "b"}}, "must be a text, a number, a boolean, or a list of these."),
        ({"level_type": [["a"]]}, "must be a text, a number, a boolean, or a list of these."),
        ({"level_type": deep(5_000)}, "must be a text, a number, a boolean, or a list of these."),
        ({"nobody_knows": deep(5_000)}, "must not be longer than"),
        ({"min_effort__gt": "many"}, "must be a number, or a list of numbers."),
        ({"min_effort__gt": [1, None]}, "must be a number, or a list of numbers."),
        ({"title": "x" * 1_000_000}, "must not be longer than"),
        ({f"unknown{number}": "x" for number in range(200)}, "must not have more than"),
        ({"enterprise_force_include_aggregation_keys": "course:x"}, "must be a list of texts."),
        ({"restricted_runs_allowed": ["x"]}, "must be an object of lists of texts."),
        ({"restricted_runs_allowed": {"course:x": "y"}}, "must be an object of lists of texts."),
        ({"exclude_expired_course_run": "perhaps"}, "must be a boolean."),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_and_matches_nothing_unexpected(content_filter, message):
    with pytest.raises(ValidationError) as refusal:
        validate_content_filter(content_filter)

    assert any(message in each for each in refusal.value.messages)
    language.read(content_filter).matches(DOCUMENT)  # does not crash


@pytest.mark.parametrize(
    "content_filter",
    [
        {},
        {"key": [], "uuid": ["x"]},
        {"content_type": "course", "partner": "edx", "level_type": ["Introductory"], "status": "published"},
        {"first_enrollable_paid_seat_price__lte": "150", "course_type__exclude": "executive-education-2u"},
        {"aggregration__key": ["course:x"], "org__exempt": ["y"], "nobody_knows": {"deep": []}},
        {"restricted_runs_allowed": {"course:x": ["y"]}, "enterprise_force_include_aggregation_keys": ["course:x"]},
        {"key": [f"course-v1:Acme+C{number}+T1" for number in range(2_000)]},
    ],
)
def test_filters_in_use_are_taken(content_filter):
    validate_content_filter(content_filter)


@pytest.mark.django_db
@pytest.mark.parametrize("content_filter", [[], "text", 5, {"level_type__regex": "("}, {"level_type": {"a": []}}])
def test_what_was_stored_past_the_checks_matches_nothing_and_breaks_nothing(content_filter):
    from enterprise.queries.content import catalogs_containing, contains, effective_filter, holds, search

    run = factories.CourseRunFactory(id="course-v1:Acme+Sail+T1", course__key="Acme+Sail")
    catalog = factories.CatalogFactory(content_filter=content_filter)

    if content_filter != []:  # stands for no filter, like null
        assert search(catalog, page=1, page_size=10).count == 0
        assert not holds(catalog, run.pk)
        assert not contains([effective_filter(catalog)], [run.pk], [])
        assert catalogs_containing(catalog.enterprise_customer, [run.pk]) == {}
        assert json.dumps(ContentFilter.objects.get().content_filter)
