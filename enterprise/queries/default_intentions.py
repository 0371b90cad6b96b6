"""What default enrollment intentions lead to (contract: enterprise-learners, DefaultEnterpriseEnrollmentIntention)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Lower

from enrollments.models import Course, CourseOverview
from enterprise.models import DefaultEnterpriseEnrollmentIntention, EnterpriseCustomer
from enterprise.queries.content import Run, advertised_run, load_runs, runs_of_courses

ContentType = DefaultEnterpriseEnrollmentIntention.ContentType


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a content key means: its kind, the course's key, and the run to enroll in; each None when there is none."""

    content_type: str | None = None
    course_key: str | None = None
    run: Run | None = None


UNRESOLVED = Resolution()


def resolve(content_keys: Collection[str]) -> dict[str, Resolution]:
    """What each content key means; a key that names neither a course nor a run is UNRESOLVED. Five statements at most.

    Keys are compared ignoring case. A course leads to the run it advertises, if there is one.
    """
    wanted = {key: key.lower() for key in content_keys}
    if not wanted:
        return {}
    addresses = set(wanted.values())
    courses = {
        course.key.lower(): course
        for course in Course.objects.annotate(lowered=Lower("key")).filter(lowered__in_set=addresses)
    }
    of_courses = runs_of_courses([course.pk for course in courses.values()]) if courses else {}
    runs: dict[str, Run] = {}
    if others := addresses - courses.keys():
        rows = CourseOverview.objects.annotate(lowered=Lower("id")).filter(lowered__in_set=others)
        runs = {run.row.pk.lower(): run for run in load_runs(rows.select_related("course__organization"))}
    resolved = {}
    for key, lowered in wanted.items():
        if course := courses.get(lowered):
            run = advertised_run(course.advertised_run_key, of_courses.get(course.pk, ()))
            resolved[key] = Resolution(ContentType.COURSE.value, course.key, run)
        elif found := runs.get(lowered):
            resolved[key] = Resolution(ContentType.COURSE_RUN.value, found.course_key, found)
        else:
            resolved[key] = UNRESOLVED
    return resolved


def intended_runs(customer: EnterpriseCustomer) -> dict[str, UUID]:
    """Run key -> the customer's first available intention that leads there. Six statements at most."""
    intentions = DefaultEnterpriseEnrollmentIntention.objects.filter(enterprise_customer=customer)
    by_key = dict(intentions.order_by("-created", "-pk").values_list("content_key", "pk"))
    resolved = resolve(by_key)
    # Newest first, so that the oldest intention for a run is the one that stays.
    return {run.row.pk: uuid for key, uuid in by_key.items() if (run := resolved[key].run) is not None}


def intention_for_run(customer: EnterpriseCustomer, run_key: str) -> DefaultEnterpriseEnrollmentIntention | None:
    """The customer's first available intention that leads to a run."""
    uuid = intended_runs(customer).get(run_key)
    return DefaultEnterpriseEnrollmentIntention.objects.filter(pk=uuid).first() if uuid else None
