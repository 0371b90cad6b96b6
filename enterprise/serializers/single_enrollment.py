"""The wire format of single enrollment (contract: enterprise-learners, `POST .../course_enrollments/`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField, empty

MODES = ("audit", "verified", "professional")
NON_FIELD_ERRORS = "non_field_errors"


class SingleEnrollmentSerializer(serializers.Serializer):
    """One item; the first of the three that leads to a linked learner says who is meant."""

    lms_user_id = serializers.CharField(required=False, help_text="An account's id.")
    tpa_user_id = serializers.CharField(required=False, help_text="An id at the customer's identity provider.")
    user_email = serializers.EmailField(
        required=False, max_length=254, help_text="Without a linked learner of this address it waits for one."
    )
    course_run_id = serializers.CharField(help_text="In a catalog of the customer.")
    course_mode = serializers.ChoiceField(choices=MODES)
    cohort = serializers.CharField(required=False, max_length=255)
    email_students = serializers.BooleanField(default=False)
    is_active = serializers.BooleanField(default=True, help_text="False unenrolls.")


class SingleEnrollmentResultSerializer(serializers.Serializer):
    """What became of an item that could be carried out; others have their errors by field."""

    detail = serializers.CharField(required=False)


@cache
def _fields() -> dict[str, serializers.Field]:
    return dict(SingleEnrollmentSerializer().fields)


def checked(item: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of an item's fields, and the errors of those that have the wrong form."""
    if not isinstance(item, Mapping):
        kind = type(item).__name__
        text = "This field may not be null." if item is None else None
        return {}, {NON_FIELD_ERRORS: [text or f"Invalid data. Expected a dictionary, but got {kind}."]}
    values: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, field in _fields().items():
        try:
            values[name] = field.run_validation(item.get(name, empty))
        except SkipField:
            continue
        except ValidationError as error:
            errors[name] = error.detail
    return values, errors
