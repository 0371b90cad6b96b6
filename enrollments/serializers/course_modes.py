"""Wire format of the course modes API (contract: enrollment-api, Course modes)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time
from enrollments.course_keys import MAX_LENGTH, CourseKey, InvalidCourseKey
from enrollments.models import CourseMode

LARGEST_PRICE = 2**31 - 1


class RunKeyField(serializers.CharField):
    """A text that parses as the key of a run."""

    default_error_messages = {"invalid_key": "'{value}' is not a valid course id."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            return str(CourseKey.parse(text))
        except InvalidCourseKey:
            self.fail("invalid_key", value=text)


class CourseModeSerializer(serializers.Serializer[CourseMode]):
    """A mode as it is created and shown."""

    course_id = RunKeyField(max_length=MAX_LENGTH)
    mode_slug = serializers.CharField(max_length=100)
    mode_display_name = serializers.CharField(max_length=255)
    min_price = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_PRICE)
    currency = serializers.CharField(max_length=8)
    expiration_datetime = UtcDateTimeField(required=False, allow_null=True)
    expiration_datetime_is_explicit = serializers.BooleanField(required=False)
    description = serializers.CharField(required=False, allow_null=True, allow_blank=True)
    sku = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    bulk_sku = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)


class CourseModePatchSerializer(CourseModeSerializer):
    """What a merge patch may hold: which mode it is cannot be changed."""

    course_id = None  # type: ignore[assignment]
    mode_slug = None  # type: ignore[assignment]

    FIXED = ("course_id", "mode_slug")

    def to_internal_value(self, data: Any) -> Any:
        fixed = [name for name in self.FIXED if isinstance(data, dict) and name in data]
        if fixed:
            raise serializers.ValidationError({name: ["This field cannot be modified."] for name in fixed})
        return super().to_internal_value(data)


def course_mode_body(mode: CourseMode) -> dict[str, Any]:
    """A mode row."""
    return {
        "course_id": mode.course_id,
        "mode_slug": mode.mode_slug,
        "mode_display_name": mode.mode_display_name,
        "min_price": mode.min_price,
        "currency": mode.currency,
        "expiration_datetime": wire_time(mode.expiration_datetime),
        "expiration_datetime_is_explicit": mode.expiration_datetime_is_explicit,
        "description": mode.description,
        "sku": mode.sku,
        "bulk_sku": mode.bulk_sku,
    }
