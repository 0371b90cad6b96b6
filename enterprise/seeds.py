"""Rows that the service counts on; made after every migration, kept where they exist (contract: settings)."""

from __future__ import annotations

from typing import Any

from django.template.loader import get_template

from enterprise.models import (
    EnrollmentNotificationEmailTemplate,
    EnterpriseCustomerType,
    EnterpriseEnrollmentSource,
    EnterpriseFeatureRole,
    SystemWideEnterpriseRole,
)
from enterprise.models.customers import NON_PRODUCTION_CUSTOMER_TYPE, default_customer_type_id, own_site_id
from enterprise.models.roles import FEATURE_ROLES, SYSTEM_WIDE_ROLES

ENROLLMENT_SOURCES = {
    "manual": "Manual Enterprise Enrollment",
    "enterprise_api": "Enterprise API",
    "customer_admin": "Customer Admin Enrollment",
    "enrollment_url": "Enrollment URL",
    "offer_redemption": "Offer Redemption",
    "enrollment_task": "Enrollment Task",
    "management_command": "Management Command",
}
TEMPLATE_SUBJECTS = {
    "ADMIN_ENROLL": "You have been enrolled in {course_name}",
    "SELF_ENROLL": "Your enrollment in {course_name}",
}


def seed(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """Makes the missing seed rows of this app; receiver of `post_migrate`."""
    if using != "default":
        return
    own_site_id()
    default_customer_type_id()
    if not EnterpriseCustomerType.objects.filter(name=NON_PRODUCTION_CUSTOMER_TYPE).exists():
        EnterpriseCustomerType.objects.create(name=NON_PRODUCTION_CUSTOMER_TYPE)
    for name in SYSTEM_WIDE_ROLES:
        SystemWideEnterpriseRole.objects.get_or_create(name=name)
    for name in FEATURE_ROLES:
        EnterpriseFeatureRole.objects.get_or_create(name=name)
    for slug, name in ENROLLMENT_SOURCES.items():
        EnterpriseEnrollmentSource.objects.get_or_create(slug=slug, defaults={"name": name})
    for kind, subject in TEMPLATE_SUBJECTS.items():
        source = f"enterprise/emails/{kind.lower()}"
        EnrollmentNotificationEmailTemplate.objects.get_or_create(
            template_type=kind,
            enterprise_customer=None,
            defaults={
                "subject_line": subject,
                "plaintext_template": get_template(f"{source}.txt").template.source,  # type: ignore[attr-defined]
                "html_template": get_template(f"{source}.html").template.source,  # type: ignore[attr-defined]
            },
        )
