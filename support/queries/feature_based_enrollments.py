"""Whether feature-based enrollment is on for a run, since when and why (contract: support, FBE settings)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseMode, CourseOverview
from support.models import ContentTypeGatingConfig, CourseDurationLimitConfig, Level
from support.models.feature_based_enrollments import KEYS, FeatureBasedSetting

NEEDED_MODES = {"audit", "verified"}
DEFAULT = "Default"


@dataclass(frozen=True, slots=True)
class Effective:
    """The value that all levels add up to for one field.

    Args:
        value: None when no level has set the field.
        reason: the label of the last level that has set it, or `Default`.
    """

    value: Any = None
    reason: str = DEFAULT


@dataclass(frozen=True, slots=True)
class Switch:
    """How one of the two settings stands in a run.

    Args:
        enabled: whether it is on for the course.
        enabled_as_of: the effective date, even where it is off.
        reason: where `enabled` comes from.
    """

    enabled: bool
    enabled_as_of: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class FeatureBasedEnrollment:
    """Both settings of a run."""

    course_id: str
    course_name: str
    gating: Switch
    duration: Switch


def feature_based_enrollment(course_id: str) -> FeatureBasedEnrollment | None:
    """How feature-based enrollment stands in a run, in four statements; None when there is no such run."""
    try:
        key = CourseKey.parse(course_id)
    except InvalidCourseKey:
        return None
    run = CourseOverview.objects.filter(pk=key.text).first()
    if run is None:
        return None
    modes = set(CourseMode.objects.filter(course_id=run.pk).order_by().values_list("mode_slug", flat=True))
    can_be_on = modes >= NEEDED_MODES
    return FeatureBasedEnrollment(
        course_id=course_id,
        course_name=run.name,
        gating=_switch(ContentTypeGatingConfig, run, can_be_on),
        duration=_switch(CourseDurationLimitConfig, run, can_be_on),
    )


def effective(model: type[FeatureBasedSetting], run: CourseOverview) -> dict[str, Effective]:
    """The value of each field for a run: levels stack, and each field does so for itself. One statement."""
    of_run = Q(course_id=run.pk) | Q(org=run.org) | Q(org_course=org_course_of(run))
    # The service has one site: what is said of a site is said of every run.
    rows = model.objects.filter(of_run | Q(site__isnull=False) | Q(**dict.fromkeys(KEYS)))
    newest = rows.order_by().values(*KEYS).annotate(newest=Max("pk")).values("newest")
    by_level = {row.level: row for row in model.objects.filter(pk__in=newest).order_by("pk")}
    found = dict.fromkeys(model.FIELDS, Effective())
    for level in Level:
        for name in model.FIELDS:
            value = getattr(by_level.get(level), name, None)
            if value is not None:
                found[name] = Effective(value, str(level.label))
    return found


def org_course_of(run: CourseOverview) -> str:
    """What rows call the course of a run: `ORG+COURSE` of its key."""
    return CourseKey.parse(run.pk).course_key


def _switch(model: type[FeatureBasedSetting], run: CourseOverview, can_be_on: bool) -> Switch:
    fields = effective(model, run)
    enabled, since = fields["enabled"], fields["enabled_as_of"].value
    is_on = can_be_on and enabled.value is True and since is not None and since <= timezone.now()
    return Switch(enabled=is_on, enabled_as_of=since, reason=enabled.reason)
