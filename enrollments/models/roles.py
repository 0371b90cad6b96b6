"""Roles in courses: on a run, on an organisation or on the whole service."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class CourseAccessRole(models.Model):
    """`org` blank: a global role. `course_id` blank: a role on all runs of the org."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="course_roles", db_index=False)
    org = models.CharField(max_length=64, blank=True, default="")
    course_id = models.CharField(max_length=255, blank=True, default="")
    role = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "org", "course_id", "role"], name="course_role_unique")]
        indexes = [models.Index(fields=["course_id", "role"], name="course_role_run")]

    def __str__(self) -> str:
        return f"{self.role} on {self.course_id or self.org or 'everything'}"
