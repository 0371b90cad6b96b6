"""Serializer fields and the wire format of moments (contract: enrollment-api, Conventions)."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.api.fields import CanonicalUUIDField, FormBooleanField, UtcDateTimeField, wire_time
from config.api.renderers import JSONRenderer


def refused(field: serializers.Field, value: Any) -> list[str]:
    with pytest.raises(ValidationError) as problem:
        field.run_validation(value)
    return [str(message) for message in problem.value.detail]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2031, 1, 10, 8, 30, tzinfo=UTC), "2031-01-10T08:30:00Z"),
        (datetime(2031, 1, 10, 8, 30, 0, 120000, tzinfo=UTC), "2031-01-10T08:30:00.120000Z"),
        (datetime(2031, 1, 10, 8, 30, tzinfo=timezone(timedelta(hours=2))), "2031-01-10T06:30:00Z"),
        (datetime(2031, 1, 10, 8, 30), "2031-01-10T08:30:00Z"),  # noqa: DTZ001 (a naive one is meant)
        (None, None),
    ],
)
def test_moments_on_the_wire(moment: datetime | None, text: str | None) -> None:
    assert wire_time(moment) == text


def test_the_renderer_writes_moments_the_same_way() -> None:
    moment = datetime(2031, 1, 10, 8, 30, 0, 5, tzinfo=timezone(timedelta(hours=-3)))
    assert JSONRenderer().render({"at": moment, "on": date(2031, 1, 10)}) == (
        b'{"at":"2031-01-10T11:30:00.000005Z","on":"2031-01-10"}'
    )


def test_the_renderer_is_compact_and_safe_inside_a_script() -> None:
    assert JSONRenderer().render({"a": [1, "é\u2028\u2029"], "b": uuid.UUID(int=1)}) == (
        '{"a":[1,"é\\u2028\\u2029"],"b":"00000000-0000-0000-0000-000000000001"}'.encode()
    )


def test_the_renderer_survives_broken_unicode() -> None:
    assert JSONRenderer().render("a\udc80") == b'"a\\udc80"'


def test_nothing_to_render_is_no_body() -> None:
    assert JSONRenderer().render(None) == b""


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2031-01-10T08:30:00Z", datetime(2031, 1, 10, 8, 30, tzinfo=UTC)),
        ("2031-01-10T08:30:00.5+02:00", datetime(2031, 1, 10, 6, 30, 0, 500000, tzinfo=UTC)),
        ("2031-01-10 08:30", datetime(2031, 1, 10, 8, 30, tzinfo=UTC)),
    ],
)
def test_moments_come_in_as_utc(given: str, moment: datetime) -> None:
    read = UtcDateTimeField().run_validation(given)
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        "yesterday",
        "",
        5,
        [],
        {},
        True,
        "2031-13-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_moment_is_refused(given: Any) -> None:
    assert len(refused(UtcDateTimeField(), given)) == 1


def test_a_moment_field_writes_the_wire_format() -> None:
    assert UtcDateTimeField().to_representation(datetime(2031, 1, 1, tzinfo=UTC)) == "2031-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "given",
    [
        "0f3a5f0e-9d2c-4e0e-8f57-1c4f2a7f1b11",
        "0F3A5F0E-9D2C-4E0E-8F57-1C4F2A7F1B11",
        "0f3a5f0e9d2c4e0e8f571c4f2a7f1b11",
    ],
)
def test_uuids_come_in_as_text_and_go_out_canonical(given: str) -> None:
    field = CanonicalUUIDField()
    assert field.to_representation(field.run_validation(given)) == "0f3a5f0e-9d2c-4e0e-8f57-1c4f2a7f1b11"


@pytest.mark.parametrize(
    "given",
    ["zz", "", 5, 2**200, -1, [], {}, "{0f3a5f0e-9d2c-4e0e-8f57-1c4f2a7f1b11}", "0f3a5f0e-9d2c4e0e8f571c4f2a7f1b11",
     "0f3a5f0e-9d2c-4e0e-8f57-1c4f2a7f1b11\n", "０f3a5f0e-9d2c-4e0e-8f57-1c4f2a7f1b11"],
)  # fmt: skip
def test_what_is_no_uuid_is_refused(given: Any) -> None:
    assert refused(CanonicalUUIDField(), given) == ["Must be a valid UUID."]


class Switch(serializers.Serializer[Any]):
    on = FormBooleanField(required=False)


@pytest.mark.parametrize(
    ("sent", "read"), [("true", True), ("True", True), ("false", False), ("1", True), ("0", False)]
)
def test_booleans_of_a_form(sent: str, read: bool) -> None:
    form = Switch(data=QueryDict(f"on={sent}"))
    assert form.is_valid()
    assert form.validated_data == {"on": read}


def test_a_boolean_that_a_form_leaves_out_is_absent() -> None:
    form = Switch(data=QueryDict("other=1"))
    assert form.is_valid()
    assert form.validated_data == {}


@pytest.mark.parametrize("sent", ["perhaps", [], {}, 7, "2"])
def test_what_is_no_boolean_is_refused(sent: Any) -> None:
    form = Switch(data={"on": sent})
    assert not form.is_valid()
    assert form.errors == {"on": ["Must be a valid boolean."]}
