"""Which content a customer may take (contract: enterprise-customers 2)."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.content.language import problems
from enterprise.models.customers import EnterpriseCustomer

DEFAULT_COURSE_MODES = [
    "verified",
    "professional",
    "no-id-professional",
    "audit",
    "honor",
    "unpaid-executive-education",
]


def default_course_modes() -> list[str]:
    """The modes that a new catalog admits, best first."""
    return list(DEFAULT_COURSE_MODES)


def validate_content_filter(content_filter: Any) -> None:
    """Raises ValidationError for a content filter that makes no sense (contract: enterprise-customers 2 and 5.6)."""
    if found := list(problems(content_filter)):
        raise ValidationError(found)


class EnterpriseCatalogQuery(TimeStampedModel):
    """A content filter that several catalogs share."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4)
    title = models.CharField(max_length=255, unique=True, null=True, blank=True)
    content_filter = models.JSONField(default=dict, null=True, blank=True, validators=[validate_content_filter])
    include_exec_ed_2u_courses = models.BooleanField(default=False)

    class Meta:
        verbose_name = "catalog query"
        verbose_name_plural = "catalog queries"
        ordering = ["created"]

    def __str__(self) -> str:
        return self.title or str(self.uuid)


class EnterpriseCustomerCatalog(TimeStampedModel):
    """The content of one customer: a shared query's filter, or its own."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=255, default="All Content")
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="enterprise_customer_catalogs", db_index=False
    )
    enterprise_catalog_query = models.ForeignKey(
        EnterpriseCatalogQuery, models.SET_NULL, related_name="catalogs", null=True, blank=True
    )
    content_filter = models.JSONField(default=dict, null=True, blank=True, validators=[validate_content_filter])
    enabled_course_modes = models.JSONField(default=default_course_modes, blank=True)
    publish_audit_enrollment_urls = models.BooleanField(default=False)

    history = History()

    class Meta:
        verbose_name = "catalog"
        ordering = ["created"]
        indexes = [models.Index(fields=["enterprise_customer", "created"], name="catalog_customer_created")]

    def __str__(self) -> str:
        return self.title
