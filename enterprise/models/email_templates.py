"""Texts of the enrollment mails (contract: enterprise-learners, Enrollment mail task)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer


class EnrollmentNotificationEmailTemplate(TimeStampedModel):
    """A mail's subject, plain text and HTML: one default per type, and at most one per type and customer."""

    class TemplateType(models.TextChoices):
        ADMIN_ENROLL = "ADMIN_ENROLL"
        SELF_ENROLL = "SELF_ENROLL"

    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="enrollment_email_templates", null=True, blank=True
    )
    template_type = models.CharField(max_length=255, choices=TemplateType.choices, default=TemplateType.SELF_ENROLL)
    subject_line = models.CharField(max_length=100, blank=True, default="", help_text="{course_name} is filled in.")
    plaintext_template = models.TextField(blank=True, default="")
    html_template = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "enrollment e-mail template"
        constraints = [
            models.UniqueConstraint(fields=["enterprise_customer", "template_type"], name="enrollment_template_unique"),
            models.UniqueConstraint(
                fields=["template_type"],
                condition=Q(enterprise_customer__isnull=True),
                name="enrollment_template_default_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template_type} ({self.enterprise_customer or 'default'})"
