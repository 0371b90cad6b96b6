"""When enrollments changed (contract: enterprise-learners, Plain enrollment layer, change history)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from django.db.models import Max

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from enrollments.models import CourseEnrollment


def latest_changes(enrollment_ids: Collection[int]) -> dict[int, datetime]:
    """Enrollment id -> its latest change; what has no history is not in it. One statement."""
    if not enrollment_ids:
        return {}
    history: Any = CourseEnrollment.history.filter(id__in_set=enrollment_ids).order_by()
    return dict(cast("Any", history.values_list("id").annotate(latest=Max("history_date"))))
