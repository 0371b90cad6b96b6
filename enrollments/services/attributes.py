"""Facts attached to enrollments change here (contract: enrollment-api, Other entities)."""

from __future__ import annotations

from collections.abc import Iterable

from enrollments.models import CourseEnrollment, CourseEnrollmentAttribute


def replace(enrollment: CourseEnrollment, attributes: Iterable[tuple[str, str, str]]) -> None:
    """Gives an enrollment these attributes in place of those it has, in the caller's transaction.

    Args:
        attributes: namespace, name and value of each, in order.
    """
    rows = [
        CourseEnrollmentAttribute(enrollment=enrollment, namespace=namespace, name=name, value=value)
        for namespace, name, value in attributes
    ]
    CourseEnrollmentAttribute.objects.filter(enrollment=enrollment).delete()
    CourseEnrollmentAttribute.objects.bulk_create(rows)
