"""The audit line of enrollment requests that came with the API key (contract: enrollment-api, Audit entry)."""

from __future__ import annotations

import logging
from typing import Any

from enrollments.models import CourseEnrollment

audit_log = logging.getLogger("matricula.audit")


def enrollment_change_requested(
    *, user_id: int, course_id: str, requested_mode: Any, requested_activation: Any
) -> None:
    """Logs what was asked for, as sent, beside what is stored now; one statement."""
    rows = CourseEnrollment.objects.filter(user_id=user_id, course_id=course_id)
    actual_mode, actual_activation = rows.values_list("mode", "is_active").first() or (None, None)
    values = {
        "actual_activation": actual_activation,
        "actual_mode": actual_mode,
        "course_id": course_id,
        "requested_activation": requested_activation,
        "requested_mode": requested_mode,
        "user_id": user_id,
    }
    entry = ", ".join(f'{name}="{_one_line(value)}"' for name, value in sorted(values.items()))
    audit_log.info("enrollment_change_requested: %s", entry)


def _one_line(value: Any) -> str:
    """The value without characters that could forge a second log line."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value))
