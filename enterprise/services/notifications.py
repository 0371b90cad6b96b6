"""Reading notifications (contract: enterprise-customers 4.11)."""

from __future__ import annotations

from django.db import transaction

from enrollments.models import User
from enterprise.models import AdminNotification, AdminNotificationRead, EnterpriseCustomerUser


class NothingToRead(Exception):
    """There is no such notification, or the reader is not linked to the customer."""


@transaction.atomic
def mark_read(reader: User, slug: str, notification_id: int) -> None:
    """The linked learner of the (active) customer with this slug has read a notification. Repeating it changes nothing.

    Raises:
        NothingToRead: there is no such link or notification.
    """
    links = EnterpriseCustomerUser.objects.filter(
        user_id=reader.pk, enterprise_customer__slug=slug, enterprise_customer__active=True
    )
    link = links.order_by().first()
    notification = AdminNotification.objects.filter(pk=notification_id).order_by().first()
    if link is None or notification is None:
        raise NothingToRead(slug)
    read, created = AdminNotificationRead.objects.get_or_create(
        enterprise_customer_user=link, admin_notification=notification, defaults={"is_read": True}
    )
    if not created and not read.is_read:
        read.is_read = True
        read.save()
