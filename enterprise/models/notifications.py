"""Notices on the admin portal's pages, and who has read them (contract: enterprise-customers 2)."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import models

from config.db.models import TimeStampedModel
from enterprise.models.learners import EnterpriseCustomerUser


def today() -> date:
    """The date in UTC, by which notifications begin and expire."""
    return datetime.now(UTC).date()


class AdminNotificationFilter(TimeStampedModel):
    """The name of a customer's attribute: a notification with it is for customers of whom it is true."""

    filter = models.CharField(max_length=50, unique=True, help_text="Such as enable_analytics_screen.")

    class Meta:
        verbose_name = "notification filter"
        ordering = ["filter"]

    def __str__(self) -> str:
        return self.filter


class AdminNotification(TimeStampedModel):
    """A text for the admins of all customers that its filters leave."""

    title = models.CharField(max_length=255)
    text = models.CharField(max_length=512, help_text="Markdown.")
    is_active = models.BooleanField(default=True)
    start_date = models.DateField(default=today)
    expiration_date = models.DateField(default=today, help_text="The last day on which it is shown.")
    filters = models.ManyToManyField(AdminNotificationFilter, related_name="notifications", blank=True)

    class Meta:
        verbose_name = "notification"
        ordering = ["start_date"]
        indexes = [
            models.Index(fields=["start_date"], name="notification_start", condition=models.Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.title


class AdminNotificationRead(TimeStampedModel):
    """Whether a learner of a customer has read a notification."""

    enterprise_customer_user = models.ForeignKey(
        EnterpriseCustomerUser, models.CASCADE, related_name="notification_reads", db_index=False
    )
    admin_notification = models.ForeignKey(AdminNotification, models.CASCADE, related_name="reads")
    is_read = models.BooleanField(default=False)

    class Meta:
        verbose_name = "notification read"
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise_customer_user", "admin_notification"], name="notification_read_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.admin_notification_id} by {self.enterprise_customer_user_id}"
