"""What the contact form shows of who fills it in (contract: support, /support/contact_us/)."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from enrollments.models import CourseEnrollment, CourseOverview, User
from enterprise.models import EnterpriseCustomerUser

LMS = "LMS"
ENTERPRISE_LEARNER = "enterprise_learner"


class ChosenCourse(NamedTuple):
    """A run that a ticket can be about."""

    course_id: str
    name: str


def tags_of(account: User | None) -> list[str]:
    """The tags of a ticket: where it comes from, and whether a customer stands behind the learner."""
    tags = [LMS]
    if settings.SITE_NAME:
        tags.append(f"site_name_{settings.SITE_NAME.replace('.', '_')}")
    if account and EnterpriseCustomerUser.objects.filter(user_id=account.pk, linked=True).exists():
        tags.append(ENTERPRISE_LEARNER)
    return tags


def courses_to_choose(account: User) -> list[ChosenCourse]:
    """The runs that the account is active in, by name; two statements."""
    active = CourseEnrollment.objects.filter(user=account, is_active=True)
    runs = CourseOverview.objects.in_bulk(list(active.order_by().values_list("course_id", flat=True)))
    return sorted(
        (ChosenCourse(run.pk, run.name) for run in runs.values()), key=lambda each: (each.name, each.course_id)
    )
