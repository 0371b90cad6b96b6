"""Calls of the enrollment API that several test modules make."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, CourseOverview, User

ENROLLMENT = "/api/enrollment/v1/enrollment"


def ask(client: APIClient, run: CourseOverview | str, **fields: Any) -> Any:
    """POST enrollment for a run, with these further fields."""
    return client.post(ENROLLMENT, {"course_details": {"course_id": str(run)}, **fields}, format="json")


def stored(user: User, run: CourseOverview | str) -> tuple[str, bool] | None:
    """Mode and activity of an enrollment as stored; None without one."""
    row = CourseEnrollment.objects.filter(user=user, course_id=str(run)).first()
    return (row.mode, row.is_active) if row else None


def generic(user: User, run: CourseOverview | str, code: str) -> dict[str, str]:
    """Body G of the contract, and the reason beside it."""
    return {
        "message": "An error occurred while creating the new course enrollment "
        f"for user '{user.username}' in course '{run}'",
        "error_code": code,
    }
