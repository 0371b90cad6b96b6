"""Indented JSON, written faster than the standard library does (config.api.renderers)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from config.api.renderers import IndentedJSONRenderer, Prerendered, indented_text
from enrollments.models import CourseMode

KEY = UUID("11111111-2222-4333-8444-555555555555")


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, 1.5, -1e300, "", 'a "quoted"\n text, ünïcode \u2028', [], {}, [[]], [{}], {"a": []},
        [1, None, False, "x"], {"a": 1, "b": "two", "c": None, "d": True, "e": 0.1},
        [{"a": 1, "b": [{"c": "}, {", "d": [1, 2]}, {}], "e": {"f": {"g": []}}, 'h"': None}, 3, ["x", ["y"]]],
        {"a": (1, 2), "b": ({"c": 3},)}, {"true": True, "one": 1, "nested": [True, None, 1, 1.0]},
    ],
)  # fmt: skip
def test_indented_answers_look_as_the_standard_library_writes_them(value: Any) -> None:
    assert indented_text(value) == json.dumps(value, indent=2, ensure_ascii=False)


def test_what_is_no_json_is_written_as_elsewhere_in_the_api() -> None:
    moment = datetime(2031, 1, 10, 8, 30, 0, 123_456, tzinfo=UTC)
    value = {"moment": moment, "uuid": KEY, "price": Decimal("1.50"), "mode": CourseMode(mode_slug="audit").mode_slug}
    shown = {"moment": "2031-01-10T08:30:00.123Z", "uuid": str(KEY), "price": 1.5, "mode": "audit"}
    assert json.loads(indented_text([value, {"all": value}])) == [shown, {"all": shown}]
    with pytest.raises(ValueError, match="not JSON compliant"):
        indented_text({"a": [float("nan")]})


def test_a_part_that_is_written_already_is_taken_over() -> None:
    part = Prerendered(indented_text([{"a": 1}], "\n  "))
    assert indented_text({"kept": part}) == json.dumps({"kept": [{"a": 1}]}, indent=2)
    assert IndentedJSONRenderer().render({"kept": part, "half": "\ud800"}).endswith(b'"half": "\\ud800"\n}')
