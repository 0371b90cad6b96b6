"""The mails to who is invited to administer a customer, and their reminders.

Contract: enterprise-admins-groups-sso, Background work.
"""

from __future__ import annotations

from django.conf import settings

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import OutboxMessage
from enterprise.models import PendingEnterpriseCustomerAdminUser

MESSAGE_TYPE = "enterprise.admin_invite"
INVITATION = "Administer {} at {}"
REMINDER = "Reminder: administer {} at {}"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; one statement. Who is not invited any more gets no mail.

    The context of a message is `{"invited": id, "is_learner": bool}`; that of a reminder has its `reminder_number` too.
    """
    rows = PendingEnterpriseCustomerAdminUser.objects.select_related("enterprise_customer")
    invited = rows.in_bulk({message.context["invited"] for message in messages})
    return {
        message.pk: _letter(row, message)
        if (row := invited.get(message.context["invited"]))
        else "The invitation was taken back or used meanwhile."
        for message in messages
    }


def register_link(slug: str) -> str:
    """Where an invited admin of the customer with this slug begins."""
    return f"{settings.ENTERPRISE_ADMIN_PORTAL_BASE_URL.rstrip('/')}/{slug}/admin/register"


def _letter(invited: PendingEnterpriseCustomerAdminUser, message: OutboxMessage) -> Rendered:
    customer, number = invited.enterprise_customer, message.context.get("reminder_number")
    context = {
        "customer_slug": customer.slug,
        "enterprise_customer_name": customer.name,
        "enterprise_sender_alias": customer.sender_alias or "",
        "register_link": register_link(customer.slug),
        "is_learner": message.context["is_learner"],
        "platform_name": settings.PLATFORM_NAME,
        "reminder_number": number,
        "admin_invite_created_at": invited.created,
    }
    subject = (REMINDER if number else INVITATION).format(customer.name, settings.PLATFORM_NAME)
    return letter("admin_invite", subject, context, app="enterprise", sender_alias=customer.sender_alias or "")
