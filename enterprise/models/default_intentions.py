"""Courses that a customer's learners are enrolled in by default (contract: enterprise-learners)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.course_enrollments import EnterpriseCourseEnrollment
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.removal import PresentManager


class DefaultEnterpriseEnrollmentIntention(TimeStampedModel):
    """A course, or one run of it, that every learner of the customer is meant to take."""

    class ContentType(models.TextChoices):
        COURSE = "course"
        COURSE_RUN = "course_run"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="default_enrollment_intentions", db_index=False
    )
    content_type = models.CharField(max_length=127, choices=ContentType.choices, null=True, blank=True)
    content_key = models.CharField(max_length=255)
    is_removed = models.BooleanField(default=False)

    objects = PresentManager["DefaultEnterpriseEnrollmentIntention"]()
    all_objects: ClassVar[models.Manager[DefaultEnterpriseEnrollmentIntention]] = models.Manager()
    history = History()

    class Meta:
        verbose_name = "default enrollment intention"
        ordering = ["created"]
        base_manager_name = "all_objects"
        constraints = [models.UniqueConstraint(fields=["enterprise_customer", "content_key"], name="intention_unique")]

    def __str__(self) -> str:
        return self.content_key


class DefaultEnterpriseEnrollmentRealization(TimeStampedModel):
    """The enterprise enrollment that came of an intention for one learner."""

    intended_enrollment = models.ForeignKey(
        DefaultEnterpriseEnrollmentIntention, models.CASCADE, related_name="realizations"
    )
    realized_enrollment = models.OneToOneField(
        EnterpriseCourseEnrollment, models.CASCADE, related_name="default_enrollment_realization"
    )

    history = History()

    class Meta:
        verbose_name = "default enrollment realization"

    def __str__(self) -> str:
        return f"{self.intended_enrollment_id} realized"
