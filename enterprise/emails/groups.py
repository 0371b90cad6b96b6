"""The mails to who was put into a group, or out of it (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage

from enrollments.emails.letters import letter
from enterprise.models import EnterpriseCustomer

INVITATION = "enterprise.group_invitation"
REMOVAL = "enterprise.group_removal"
TEMPLATES = {INVITATION: "group_invitation", REMOVAL: "group_removal"}
SUBJECTS = {INVITATION: "{} invites you to learn", REMOVAL: "Your learning with {} has changed"}


def group_letter(
    message_type: str, customer: EnterpriseCustomer, catalog_content_count: int, act_by_date: str
) -> EmailMessage:
    """One mail.

    Args:
        message_type: INVITATION or REMOVAL.
        catalog_content_count: how many courses, runs and programs the learner may, or might, choose from.
        act_by_date: `May 02, 2031`; only invitations have one.
    """
    contact = customer.contact_email or ""
    context = {
        "contact_admin_link": f"mailto:{contact}" if contact else "",
        "contact_email": contact,
        "enterprise_customer_name": customer.name,
        "catalog_content_count": catalog_content_count,
        "act_by_date": act_by_date,
        "platform_name": settings.PLATFORM_NAME,
    }
    subject = SUBJECTS[message_type].format(customer.name)
    alias = customer.sender_alias or ""
    return letter(TEMPLATES[message_type], subject, context, app="enterprise", sender_alias=alias)
