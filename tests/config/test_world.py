"""The frame of the world loader, without an app: reading, order, references within a file (contract: world-format)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import models

from config.world import (
    SECTION_NAMES,
    Column,
    Entry,
    Extension,
    Load,
    Object,
    Objects,
    Place,
    Reader,
    Refused,
    Relative,
    Section,
    Shape,
    Source,
    Texts,
    Values,
    WorldRefused,
    load_world,
)
from config.world.times import read_date, read_time

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
PLACE = Place("users", 3)


def source(sections: dict[str, Any], name: str = "world.json") -> Source:
    return Source.parse(name, Path(), json.dumps(sections).encode())


def read(reader: Reader, value: Any) -> Any:
    return reader.read(Load([], now=NOW), PLACE.field("it"), value)


def refusal(reader: Reader, value: Any) -> str:
    with pytest.raises(Refused) as refused:
        read(reader, value)
    return str(refused.value)


class Recorder:
    """Sections of given names that keep the entries they were handed, in the order in which they were handed."""

    def __init__(self, *names: str, fields: dict[str, Reader] | None = None, **more: Any) -> None:
        self.loaded: list[tuple[str, list[dict[str, Any]]]] = []
        fields = fields or {
            "key": Column(models.CharField(max_length=10)),
            "note": Column(models.CharField(max_length=99)),
        }
        self.sections = [
            Section(name=name, key=("key",), fields=fields, load=self.remember(name), **more) for name in names
        ]

    def remember(self, name: str) -> Any:
        def load(run: Load, entries: list[Entry]) -> None:
            self.loaded.append((name, [entry.given for entry in entries]))

        return load


# --- Times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("-2d", NOW - timedelta(days=2)),
        ("+3h", NOW + timedelta(hours=3)),
        ("+90m", NOW + timedelta(minutes=90)),
        ("-5m", NOW - timedelta(minutes=5)),
        ("now", NOW),
    ],
)
def test_a_relative_time_counts_from_now_in_days_hours_or_minutes(text: str, moment: datetime) -> None:
    assert read_time(text, NOW) == Relative(moment)


def test_a_time_is_iso_8601_with_any_zone() -> None:
    assert read_time("2030-01-02T03:04:05Z", NOW) == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read_time("2030-01-02T03:04:05.000600+02:00", NOW) == datetime(2030, 1, 2, 1, 4, 5, 600, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2d",
        "-2w",
        "+-2d",
        "+1.5h",
        "yesterday",
        "2030-01-02T03:04:05",
        "2030-13-01T00:00:00Z",
        "+999999999d",
        "now ",
    ],
)
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_time(text, NOW)


def test_a_date_is_the_utc_date_of_a_time() -> None:
    assert read_date("-20d", NOW) == Relative(date(2031, 4, 16))
    assert read_date("2030-01-02T01:00:00+02:00", NOW) == date(2030, 1, 1)
    assert read_date("2030-01-02", NOW) == date(2030, 1, 2)
    assert read(Column(models.DateField()), "now") == Relative(date(2031, 5, 6))


# --- Files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "this is not JSON"),
        (b"[]", "a world is one JSON object"),
        (b'{"users": {}}', "users: a section is a list of objects"),
        (b'{"users": [{}, 5]}', "users[1]: this is not an object"),
        (b'{"users": [], "users": []}', "an object has the key 'users' twice"),
        (b'{"users": [{"username": "a", "username": "b"}]}', "an object has the key 'username' twice"),
        (b'{"users": [{"n": NaN}]}', "NaN is not JSON"),
        (b'{"users": [{"n": 1e999}]}', "the number 1e999 is too large"),
        (b'{"users": [{"n": ' + b"9" * 5000 + b"}]}", "digits"),
        (b'{"users": [{"n": ' + b"[" * 100_000 + b"}]}", "nested too deeply"),
        (b'{"users": [{"name": "a\\u0000b"}]}', "users[0]: a text holds a NUL character"),
        (b'{"users": [{"name": "a\\ud800b"}]}', "users[0]: a text holds"),
        (b'{"users": [{"name": ["\\udfff"]}]}', "users[0]: a text holds"),
        (b'\xff{"users": []}', "this is not UTF-8"),
    ],
)
def test_a_file_that_is_no_world_is_refused_by_name(content: bytes, reason: str) -> None:
    with pytest.raises(WorldRefused) as refused:
        Source.parse("broken.json", Path(), content)
    assert str(refused.value).startswith("broken.json: ")
    assert reason in str(refused.value)


def test_a_file_may_begin_with_a_byte_order_mark_and_hold_any_script() -> None:
    read_back = Source.parse("w", Path(), '\ufeff{"users": [{"name": "Jos\u00e9 \U0001f600"}]}'.encode())
    assert read_back.sections == {"users": [{"name": "Jos\u00e9 \U0001f600"}]}


# --- Values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (models.CharField(max_length=3), "abc", "abc"),
        (models.CharField(max_length=3, null=True), None, None),
        (models.BooleanField(), False, False),
        (models.IntegerField(), -4, -4),
        (models.FloatField(), 0.5, 0.5),
        (models.FloatField(), 1, 1.0),
        (models.DecimalField(max_digits=8, decimal_places=5), 12.5, Decimal("12.5")),
        (models.DecimalField(max_digits=8, decimal_places=5), "0.00001", Decimal("0.00001")),
        (models.JSONField(), {"a": [1, None, True]}, {"a": [1, None, True]}),
        (models.DateTimeField(), "-1d", Relative(NOW - timedelta(days=1))),
    ],
)
def test_a_column_takes_values_of_its_kind(field: models.Field, value: Any, stored: Any) -> None:
    assert read(Column(field), value) == stored


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (models.CharField(max_length=3), "abcd", "at most 3 characters"),
        (models.CharField(max_length=3), None, "may not be null"),
        (models.CharField(max_length=3), 5, "5 is not a text"),
        (models.CharField(max_length=3, choices=[("a", "a")]), "b", "not a valid choice"),
        (models.EmailField(), "nobody", "valid email"),
        (models.BooleanField(), "true", "'true' is not true or false"),
        (models.BooleanField(), 1, "1 is not true or false"),
        (models.IntegerField(), "5", "'5' is not a whole number"),
        (models.IntegerField(), 5.0, "5.0 is not a whole number"),
        (models.IntegerField(), True, "True is not a whole number"),
        (models.FloatField(), "0.5", "'0.5' is not a number"),
        (models.DecimalField(max_digits=4, decimal_places=2), 12.345, "no more than 4 digits"),
        (models.DecimalField(max_digits=4, decimal_places=2), False, "False is not a number"),
        (models.UUIDField(), "12", "valid UUID"),
        (models.DateTimeField(), "2030-01-02T03:04:05", "it has no zone"),
        (models.DateTimeField(), 5, "5 is not a time"),
        (models.DateField(), "soon", "'soon' is not a time"),
    ],
)
def test_what_the_models_validation_refuses_is_named_with_its_place(
    field: models.Field, value: Any, reason: str
) -> None:
    text = refusal(Column(field), value)
    assert text.startswith("users[3].it: ")
    assert reason in text


def test_lists_of_texts_and_of_anything() -> None:
    assert read(Texts(), ["a", "b"]) == ["a", "b"]
    assert read(Texts(split=True), "a  b") == ["a", "b"]
    assert read(Values(), [1, {"a": None}]) == [1, {"a": None}]
    assert "is not a list" in refusal(Texts(), "a")
    assert "users[3].it[1]: 5 is not a text" in refusal(Texts(), ["a", 5])
    assert "'a' is in the list twice" in refusal(Texts(unique=True), ["a", "b", "a"])


def test_objects_inside_objects_are_told_apart_by_their_own_keys() -> None:
    shape = Shape(key=("slug",), fields={"slug": Column(models.CharField(max_length=9), "mode_slug")})
    entries = read(Objects(shape), [{"slug": "audit"}, {"slug": "honor"}])
    assert [entry.values for entry in entries] == [{"mode_slug": "audit"}, {"mode_slug": "honor"}]
    assert "users[3].it[1]: This has the same natural key as it[0]" in refusal(
        Objects(shape), [{"slug": "audit"}, {"slug": "audit"}]
    )
    assert "users[3].it[0].slug: This field is needed" in refusal(Objects(shape), [{}])
    assert "users[3].it: This is not an object" in refusal(Object(shape), "audit")
    assert read(Object(shape, null=True), None) is None


# --- Sections -----------------------------------------------------------------------------------------------------


def test_the_order_is_that_of_the_format_whatever_the_order_of_the_file(db: None) -> None:
    recorder = Recorder("groups", "users", "learners", "courses")
    row = [{"key": "a"}]
    load_world([source({"groups": row, "learners": row, "courses": row, "users": row})], recorder.sections)
    assert [name for name, _ in recorder.loaded] == ["users", "courses", "learners", "groups"]


def test_every_section_of_the_format_has_its_place() -> None:
    assert len(SECTION_NAMES) == len(set(SECTION_NAMES)) == 46
    assert SECTION_NAMES[0] == "sites"
    assert SECTION_NAMES[-1] == "program_course_enrollments"


def test_a_section_nobody_knows_and_one_that_no_app_loads_yet_are_refused_by_name() -> None:
    recorder = Recorder("users")
    with pytest.raises(WorldRefused) as refused:
        load_world([source({"users": [], "folks": [], "reporting": []})], recorder.sections)
    assert refused.value.problems == [
        "folks: there is no such section.",
        "reporting: this section is part of the format, but no installed app loads it yet.",
    ]
    assert recorder.loaded == []


def test_an_unknown_field_is_refused_with_section_index_and_field(db: None) -> None:
    recorder = Recorder("users")
    with pytest.raises(WorldRefused, match=r"users\[1\]\.notes: There is no such field; 'note' comes close\."):
        load_world([source({"users": [{"key": "a"}, {"key": "b", "notes": "x"}]})], recorder.sections)


def test_all_problems_of_a_section_are_told_at_once_up_to_fifty(db: None) -> None:
    recorder = Recorder("users")
    with pytest.raises(WorldRefused) as refused:
        load_world([source({"users": [{"key": f"k{n}", "note": 5} for n in range(60)]})], recorder.sections)
    assert len(refused.value.problems) == 51
    assert refused.value.problems[-1] == "... and 10 more."


def test_a_field_that_another_section_stores_is_refused_until_an_app_takes_it(db: None) -> None:
    recorder = Recorder("course_runs")
    world = source({"course_runs": [{"key": "a", "content_gating": {"enabled": True}}]})
    with pytest.raises(WorldRefused, match=r"content_gating: This field becomes rows of feature_based_settings"):
        load_world([world], recorder.sections)
    taken: list[Any] = []
    extension = Extension(
        section="course_runs",
        fields={"content_gating": Column(models.JSONField())},
        load=lambda load, entries: taken.extend(entry.given["content_gating"] for entry in entries),
    )
    load_world([world], recorder.sections, [extension])
    assert taken == [{"enabled": True}]


def test_a_natural_key_is_needed_and_may_not_be_a_relative_time(db: None) -> None:
    recorder = Recorder("users", fields={"key": Column(models.DateTimeField())})
    with pytest.raises(WorldRefused) as refused:
        load_world([source({"users": [{}, {"key": "-1d"}, {"key": "2030-01-01T00:00:00Z"}]})], recorder.sections)
    assert refused.value.problems == [
        "users[0].key: This field is needed: it tells the object from others.",
        "users[1].key: A natural key may not hold a relative time.",
    ]


def test_the_same_natural_key_twice_in_one_file_is_refused(db: None) -> None:
    recorder = Recorder("users")
    with pytest.raises(WorldRefused, match=r"users\[1\]: This has the same natural key as users\[0\]"):
        load_world([source({"users": [{"key": "a"}, {"key": "a"}]})], recorder.sections)


def test_files_are_loaded_together_and_the_fields_of_the_later_one_count(db: None) -> None:
    recorder = Recorder("users", "groups")
    first = source(
        {"groups": [{"key": "g"}], "users": [{"key": "a", "note": "one"}, {"key": "b", "note": "two"}]}, "1.json"
    )
    second = source({"users": [{"key": "b", "note": "three"}, {"key": "c"}]}, "2.json")
    load_world([first, second], recorder.sections)
    assert recorder.loaded == [
        ("users", [{"key": "a", "note": "one"}, {"key": "b", "note": "three"}, {"key": "c"}]),
        ("groups", [{"key": "g"}]),
    ]


def test_with_several_files_a_problem_names_its_file(db: None) -> None:
    recorder = Recorder("users")
    with pytest.raises(WorldRefused, match=r"^2\.json: users\[0\]\.x: There is no such field\.$"):
        load_world(
            [source({"users": []}, "1.json"), source({"users": [{"key": "a", "x": 1}]}, "2.json")], recorder.sections
        )


def test_keys_are_compared_ignoring_case_where_the_format_says_so(db: None) -> None:
    recorder = Recorder("users", ignoring_case=frozenset({"key"}))
    with pytest.raises(WorldRefused, match="same natural key"):
        load_world([source({"users": [{"key": "a"}, {"key": "A"}]})], recorder.sections)


def test_a_default_of_the_key_stands_in_for_a_field_left_out(db: None) -> None:
    recorder = Recorder("users", key_defaults={"key": "usual"})
    load_world([source({"users": [{}]})], recorder.sections)
    assert recorder.loaded == [("users", [{"key": "usual"}])]


def test_what_was_put_off_to_the_end_is_done_unless_only_checking(db: None) -> None:
    done: list[str] = []
    section = Section(name="users", fields={}, load=lambda load, entries: load.at_end(lambda: done.append("done")))
    load_world([source({"users": []})], [section], check=True)
    assert done == []
    load_world([source({"users": []})], [section])
    assert done == ["done"]
