"""Cohorts: groups of learners inside a run."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Cohort(models.Model):
    """A named group of a run."""

    course_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["course_id", "name"], name="cohort_unique")]

    def __str__(self) -> str:
        return f"{self.name} of {self.course_id}"


class CohortMembership(models.Model):
    """A learner is in at most one cohort of a run."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="cohort_memberships", db_index=False
    )
    course_id = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "course_id"], name="cohort_membership_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.cohort_id}"
