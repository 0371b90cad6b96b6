"""Wire format of course resets (contract: support, course_reset)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CourseResetSerializer(serializers.Serializer[Any]):
    """Describes what `course_reset_body` builds."""

    course_id = serializers.CharField()
    display_name = serializers.CharField()
    can_reset = serializers.BooleanField()
    comment = serializers.CharField(allow_blank=True, help_text="Of the latest reset.")
    status = serializers.CharField(help_text="Why it can or cannot be reset, or how far the latest reset is.")


class CourseResetRequestSerializer(serializers.Serializer[Any]):
    """Describes the body of a request."""

    course_id = serializers.CharField()
    comment = serializers.CharField(max_length=255, required=False, allow_blank=True, allow_null=True)


class CourseResetErrorSerializer(serializers.Serializer[Any]):
    """Describes a refusal."""

    error = serializers.CharField()


def course_reset_body(course: Any) -> dict[str, Any]:
    """A course, from a `ResettableCourse` of the queries."""
    return {
        "course_id": course.run.pk,
        "display_name": course.run.name,
        "can_reset": course.can_reset,
        "comment": course.comment,
        "status": course.status,
    }
