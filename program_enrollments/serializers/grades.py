"""The wire format of grades in a course run (contract: program-enrollments, grades)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

UNKNOWN_ERROR = "Unknown error"
DIGITS = 2  # of a share, after the point


class GradeSerializer(serializers.Serializer):
    """Describes what `grade_body` builds: a row has `error`, or the three that follow."""

    student_key = serializers.CharField(allow_null=True)
    error = serializers.CharField(required=False, help_text="Why the grade cannot be read.")
    passed = serializers.BooleanField(required=False)
    percent = serializers.FloatField(required=False, help_text="From 0 to 1.")
    letter_grade = serializers.CharField(required=False, allow_null=True)


def grade_body(row: Any) -> dict[str, Any]:
    """A student's grade, from a `StudentGrade` of the queries; one that nobody stored is no error."""
    if row.error is not None:
        return {"student_key": row.student_key, "error": row.error or UNKNOWN_ERROR}
    return {
        "student_key": row.student_key,
        "passed": bool(row.letter_grade),
        "percent": round(row.percent, DIGITS),
        "letter_grade": row.letter_grade or None,
    }


def has_error(body: dict[str, Any]) -> bool:
    """Whether a row says that its grade cannot be read."""
    return "error" in body
