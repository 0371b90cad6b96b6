"""Courses by the keys that facts about learners name them with."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from enrollments.models import Course


def titles_of(uuids: Iterable[UUID]) -> dict[UUID, str]:
    """The titles of those courses that are in the catalogue; one statement."""
    wanted = set(uuids)
    return dict(Course.objects.filter(uuid__in=wanted).order_by().values_list("uuid", "title")) if wanted else {}
