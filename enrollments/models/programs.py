"""Programs and their curricula."""

from __future__ import annotations

import uuid

from django.db import models

from config.db.models import TimeStampedModel
from enrollments.models.courses import Course, CourseOverview
from enrollments.models.organizations import Organization


class Program(TimeStampedModel):
    """A set of courses that leads to one credential."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=255, blank=True, default="")
    subtitle = models.CharField(max_length=255, blank=True, default="")
    type = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(max_length=24, default="active")
    marketing_slug = models.CharField(max_length=255, blank=True, default="")
    organizations = models.ManyToManyField(Organization, through="ProgramOrganization", related_name="programs")
    courses = models.ManyToManyField(Course, related_name="programs", blank=True)
    additional_metadata = models.JSONField(
        default=dict, blank=True, help_text="Further fields of the catalog's program document."
    )

    class Meta:
        ordering = ["created"]

    def __str__(self) -> str:
        return self.title or str(self.uuid)


class ProgramOrganization(models.Model):
    """An organisation of a program; the first is the owner."""

    program = models.ForeignKey(Program, models.CASCADE, related_name="program_organizations")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["program", "organization"], name="program_organization_unique")]

    def __str__(self) -> str:
        return str(self.organization)


class Curriculum(TimeStampedModel):
    """A way through a program: runs, courses (meaning all their runs) and child programs."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    program = models.ForeignKey(Program, models.CASCADE, related_name="curricula")
    name = models.CharField(max_length=255, blank=True, default="")
    is_active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    course_runs = models.ManyToManyField(CourseOverview, related_name="curricula", blank=True)
    courses = models.ManyToManyField(Course, related_name="curricula", blank=True)
    programs = models.ManyToManyField(Program, related_name="parent_curricula", blank=True)

    class Meta:
        verbose_name_plural = "curricula"
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name or str(self.uuid)
