"""Runs that learners from some countries may not take (contract: enrollment-api, Embargo)."""

from __future__ import annotations

from django.db import models
from django_countries.fields import CountryField


class RestrictedCourse(models.Model):
    """A run with country rules and the message that a refused learner sees."""

    course_id = models.CharField(max_length=255, unique=True)
    enroll_msg_key = models.CharField("message key", max_length=255, default="default")

    def __str__(self) -> str:
        return self.course_id


class CountryAccessRule(models.Model):
    """One country on the whitelist or blacklist of a restricted run."""

    class Rule(models.TextChoices):
        WHITELIST = "whitelist"
        BLACKLIST = "blacklist"

    restricted_course = models.ForeignKey(RestrictedCourse, models.CASCADE, related_name="country_rules")
    country = CountryField()
    rule_type = models.CharField(max_length=10, choices=Rule.choices, default=Rule.BLACKLIST)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["restricted_course", "country"], name="country_access_rule_unique")
        ]

    def __str__(self) -> str:
        return f"{self.rule_type} {self.country}"
