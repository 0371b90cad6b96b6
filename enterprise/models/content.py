"""What catalogs hold, as the catalogue and the content filters make it (contract: enterprise-customers 5).

A read model: every row can be made anew from the catalogue (`manage.py rebuild_content`). An item is true until
`changes_at`; a write to the catalogue sets that to the past, and whoever reads an item that lapsed refreshes it first.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models import Q

# Stands for the missing start of what has none: it comes first on every database.
BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)


class ContentItem(models.Model):
    """A course, course run or program as catalogs show it; without a document it waits to be made."""

    class ContentType(models.TextChoices):
        COURSE = "course"
        COURSE_RUN = "courserun"
        PROGRAM = "program"

    content_type = models.CharField(max_length=16, choices=ContentType)
    key = models.CharField(max_length=255, help_text="The course's or run's key; of a program its uuid.")
    uuid = models.CharField(max_length=36, blank=True, default="", db_index=True)
    aggregation_key = models.CharField(max_length=270, blank=True, default="")
    course_key = models.CharField(max_length=255, blank=True, default="", db_index=True)
    title = models.CharField(max_length=255, blank=True, default="")
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    expired = models.BooleanField(default=False, help_text="A run that ended, or takes no enrollments any more.")
    restricted = models.BooleanField(default=False, help_text="Shows only in catalogs that name it.")
    may_enter = models.BooleanField(default=True, help_text="Of a kind that catalogs take.")
    related = models.JSONField(default=list, blank=True, help_text="Restricted runs of a course; courses of a program.")
    document = models.JSONField(null=True, blank=True)
    changes_at = models.DateTimeField(null=True, blank=True, db_index=True, help_text="From then on the row is stale.")

    class Meta:
        ordering = ["aggregation_key", "start", "id"]
        constraints = [models.UniqueConstraint(fields=["key", "content_type"], name="content_item_unique")]

    def __str__(self) -> str:
        return self.key


class ContentItemValue(models.Model):
    """One value of one field of an item's document, as content filters compare it."""

    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="values")
    field = models.CharField(max_length=64)
    value = models.CharField(max_length=200, help_text="JSON; of a long text its hash.")
    number = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["field", "value", "item"], name="content_value_look_up")]

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"


class ContentFilter(models.Model):
    """A content filter with the items it holds; catalogs whose filters mean the same share one."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of what the filter means.")
    content_filter = models.JSONField(default=dict)
    items = models.ManyToManyField(ContentItem, through="ContentFilterItem", related_name="content_filters")
    count = models.PositiveIntegerField(default=0)
    current_count = models.PositiveIntegerField(default=0, help_text="Without expired runs.")

    def __str__(self) -> str:
        return self.digest[:12]


class ContentFilterItem(models.Model):
    """An item that a filter holds, with what results are ordered by."""

    content_filter = models.ForeignKey(ContentFilter, models.CASCADE, related_name="memberships", db_index=False)
    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="memberships")
    aggregation_key = models.CharField(max_length=270)
    start = models.DateTimeField(default=BEFORE_ALL)
    expired = models.BooleanField(default=False)

    class Meta:
        ordering = ["aggregation_key", "start", "item_id"]
        constraints = [models.UniqueConstraint(fields=["content_filter", "item"], name="content_membership_unique")]
        indexes = [
            models.Index(fields=["content_filter", "aggregation_key", "start", "item"], name="content_result_order"),
            models.Index(
                fields=["content_filter", "aggregation_key", "start", "item"],
                condition=Q(expired=False),
                name="content_current_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.content_filter_id}: {self.item_id}"


class ContentIndex(models.Model):
    """One row, which whoever writes the index locks first: filters and items are never matched past each other."""

    rebuilt_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "content index"

    def __str__(self) -> str:
        return "content index"
