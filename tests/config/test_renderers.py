"""Answers in JSON say the same whoever writes them: orjson, or the standard library for what orjson refuses."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db.models import IntegerChoices, TextChoices
from django.http import QueryDict
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import example, given, settings
from hypothesis import strategies as some

from config.api.renderers import IndentedJSONRenderer, JSONRenderer, WireEncoder, json_text

MOMENT = datetime(2031, 1, 10, 8, 30, 0, 123456, tzinfo=UTC)
texts = some.text(some.characters(codec=None))  # lone halves of surrogate pairs too
plain = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | texts
values = some.recursive(
    plain, lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts | some.integers(), inner, max_size=4)
)


class Mode(TextChoices):
    AUDIT = "audit"


class Size(IntegerChoices):
    LARGE = 2


class Pair(NamedTuple):
    a: int
    b: str


def by_the_library(value: Any, **form: Any) -> Any:
    return json.loads(json.dumps(value, cls=WireEncoder, allow_nan=False, **form))


@settings(deadline=None)
@given(values.filter(lambda value: value is not None))
@example("\ud800")
@example({1: 2**70, "é": ["\u2028", "\x7f\x00"]})
def test_answers_say_what_the_standard_library_would_say(value: Any) -> None:
    assert json.loads(JSONRenderer().render(value)) == by_the_library(value)
    assert json.loads(IndentedJSONRenderer().render(value)) == by_the_library(value)
    assert json.loads(json_text(value)) == by_the_library(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (MOMENT, '"2031-01-10T08:30:00.123456Z"'),
        (date(2031, 1, 10), '"2031-01-10"'),
        (time(8, 30), '"08:30:00"'),
        (Decimal("1.50"), "1.5"),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Mode.AUDIT, '"audit"'),
        (OrderedDict(b=1, a=(2, 3)), '{"b":1,"a":[2,3]}'),
        (Pair(1, "b"), '[1,"b"]'),
        (QueryDict("a=1&a=2"), '{"a":"2"}'),
        (Size.LARGE, "2"),
        ({True: "c", None: "b", 2: "a"}, '{"true":"c","null":"b","2":"a"}'),
        ({Mode.AUDIT: 1}, '{"audit":1}'),
        ({"set": {1}}, '{"set":[1]}'),
        (mark_safe("<b>"), '"<b>"'),
        (gettext_lazy("Yes"), '"Yes"'),
        (2**64, "18446744073709551616"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_json_does_not_know_has_its_usual_form(value: Any, text: str) -> None:
    assert JSONRenderer().render([value]).decode() == f"[{text}]"


def test_deep_nesting_is_written_too() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    assert JSONRenderer().render(deep) == b"[" * 301 + b"]" * 301


def test_the_desk_gets_two_blanks_and_milliseconds() -> None:
    body = {"at": MOMENT, "in": [date(2031, 1, 10), "é\u2028"], "none": [], "nothing": {}}
    expected = json.dumps(
        {"at": "2031-01-10T08:30:00.123Z", "in": ["2031-01-10", "é\u2028"], "none": [], "nothing": {}},
        indent=2,
        ensure_ascii=False,
    )
    assert IndentedJSONRenderer().render(body).decode() == expected
    assert IndentedJSONRenderer().render({1: body}).decode() == json.dumps(
        {1: json.loads(expected)}, indent=2, ensure_ascii=False
    )


def test_a_value_that_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        JSONRenderer().render({"what": object()})
