"""What audit learners get of a run: settings on five levels (contract: support, Feature-based enrollment settings)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.exceptions import ValidationError
from django.db import models

from enrollments.course_keys import is_run_key
from saml_admin.models.providers import VersionManager

KEYS = ("site", "org", "org_course", "course_id")


class Level(models.TextChoices):
    """What a row speaks for, the most general first; a later one overrides an earlier one. Labels are for agents."""

    GLOBAL = "global", "Global"
    SITE = "site", "Site"
    ORG = "org", "Org"
    ORG_COURSE = "org_course", "Org/Course"
    COURSE = "course", "Course Run"


class FeatureBasedSetting(models.Model):
    """A setting for everything, or for one site, organisation, course or run; empty fields leave it to other levels.

    Rows are never changed: a newer row of the same key replaces an older one.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("enabled", "enabled_as_of")

    change_date = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )
    enabled = models.BooleanField(null=True, blank=True)
    enabled_as_of = models.DateTimeField(null=True, blank=True)
    site = models.ForeignKey(Site, models.CASCADE, related_name="+", null=True, blank=True)
    org = models.CharField("organization", max_length=255, null=True, blank=True, db_index=True)
    org_course = models.CharField(
        "course", max_length=255, null=True, blank=True, db_index=True, help_text="ORG+COURSE"
    )
    course_id = models.CharField("course run", max_length=255, null=True, blank=True, db_index=True)

    objects: ClassVar[VersionManager] = VersionManager(*KEYS)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.level.label} {self.key or ''}".strip()

    def clean(self) -> None:
        """Raises ValidationError for more than one key, one that is none, or a start that is missing."""
        for name in KEYS[1:]:
            setattr(self, name, getattr(self, name) or None)
        if sum(getattr(self, name) is not None for name in KEYS) > 1:
            raise ValidationError("Give one of site, organization, course and course run, or none of them.")
        errors = {}
        if self.org_course is not None and not is_org_course(self.org_course):
            errors["org_course"] = "A course is written as ORG+COURSE, with one + between."
        if self.course_id is not None and not is_run_key(self.course_id):
            errors["course_id"] = "This is not the key of a course run."
        if self.enabled and self.enabled_as_of is None:
            errors["enabled_as_of"] = "Say from when on it is enabled."
        if errors:
            raise ValidationError(errors)

    @property
    def level(self) -> Level:
        """What the row speaks for."""
        if self.course_id is not None:
            return Level.COURSE
        if self.org_course is not None:
            return Level.ORG_COURSE
        if self.org is not None:
            return Level.ORG
        return Level.GLOBAL if self.site_id is None else Level.SITE

    @property
    def key(self) -> str | int | None:
        """The site's id, organisation, course or run that the row speaks for; None: for everything."""
        keys = (self.course_id, self.org_course, self.org, self.site_id)
        return next((key for key in keys if key is not None), None)


class ContentTypeGatingConfig(FeatureBasedSetting):
    """Whether graded content is kept from audit learners."""

    FIELDS = ("enabled", "enabled_as_of", "studio_override_enabled")

    studio_override_enabled = models.BooleanField(null=True, blank=True)

    class Meta(FeatureBasedSetting.Meta):
        verbose_name = "content gating setting"


class CourseDurationLimitConfig(FeatureBasedSetting):
    """Whether the access of audit learners ends."""

    class Meta(FeatureBasedSetting.Meta):
        verbose_name = "duration limit setting"


def is_org_course(text: str) -> bool:
    """Whether a text has the form `ORG+COURSE`."""
    parts = text.split("+")
    return len(parts) == 2 and all(parts)
