"""What the tests of subsidies share: learners with paid enrollments, and how those stand."""

from __future__ import annotations

from typing import Any

from enrollments.models import CourseEnrollment
from enterprise.models import EnterpriseCourseEnrollment
from tests import factories

RUN = "course-v1:Acme+Sail+T1"
NEVER, FLAGGED, CLEARED = (None, False, False), (True, True, True), (False, False, False)


def enrolled(customer: Any, run: Any = RUN, *, mode: str | None = "verified", **fields: Any) -> Any:
    """A learner's enterprise enrollment with the plain one behind it; `mode=None`: without.

    Args:
        fields: of the enterprise enrollment; `user`, `linked` of the learner; `is_active` of the plain enrollment.
    """
    user = fields.pop("user", None) or factories.UserFactory()
    linked, is_active = fields.pop("linked", True), fields.pop("is_active", True)
    link = fields.pop("link", None) or factories.LearnerFactory(
        enterprise_customer=customer, user=user, linked=linked, active=linked
    )
    run_key = run if isinstance(run, str) else run.pk
    if mode is not None:
        factories.CourseEnrollmentFactory(user=user, course_id=run_key, mode=mode, is_active=is_active)
    return factories.EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=run_key, **fields)


def plain(enrollment: Any) -> tuple[str, bool] | None:
    """Mode and activity of the plain enrollment behind an enterprise enrollment."""
    rows = CourseEnrollment.objects.filter(
        user_id=enrollment.enterprise_customer_user.user_id, course_id=enrollment.course_id
    )
    return rows.values_list("mode", "is_active").first()


def flags(enrollment: Any) -> tuple[bool | None, bool, bool]:
    """unenrolled, saved_for_later, and whether unenrolled_at is set."""
    row = EnterpriseCourseEnrollment.all_objects.get(pk=enrollment.pk)
    return row.unenrolled, row.saved_for_later, row.unenrolled_at is not None


def is_revoked(fulfillment: Any) -> bool:
    return bool(type(fulfillment).objects.get(pk=fulfillment.pk).is_revoked)


def history(row: Any) -> str:
    return "".join(row.history.order_by("history_id").values_list("history_type", flat=True))


def callers(customer: Any) -> dict[str, Any]:
    """An account of each kind, by name; `anonymous` is None."""
    other = factories.EnterpriseCustomerFactory()

    def learner_of(each: Any) -> Any:
        user = factories.UserFactory()
        factories.LearnerFactory(enterprise_customer=each, user=user)
        factories.RoleAssignmentFactory(user=user, role="enterprise_learner", enterprise_customer=each)
        return user

    provisioner = factories.UserFactory()
    factories.RoleAssignmentFactory(user=provisioner, role="enterprise_provisioning_admin")
    staff_admin = factories.customer_admin(other, is_staff=True)
    return {
        "anonymous": None,
        "nobody": factories.UserFactory(),
        "learner": learner_of(customer),
        "foreign learner": learner_of(other),
        "foreign admin": factories.customer_admin(other),
        "admin": factories.customer_admin(customer),
        "operator": factories.operator(),
        "provisioning admin": provisioner,
        "staff": factories.UserFactory(is_staff=True),
        "staff with a role elsewhere": staff_admin,
        "superuser": factories.UserFactory(is_superuser=True),
    }
