"""The mail that tells a customer that its sign-on works (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from enrollments.emails.letters import letter
from enrollments.emails.registry import Rendered
from enrollments.models import OutboxMessage
from enterprise.models import EnterpriseCustomer

MESSAGE_TYPE = "saml_admin.sso_configured"


def render(messages: list[OutboxMessage]) -> dict[int, Rendered]:
    """Writes the mails of a delivery batch; one statement. The context of a message is `{"customer": uuid}`."""
    customers = EnterpriseCustomer.all_objects.in_bulk({message.context["customer"] for message in messages})
    return {message.pk: _letter(customers.get(UUID(message.context["customer"]))) for message in messages}


def _letter(customer: EnterpriseCustomer | None) -> Rendered:
    if customer is None:
        return "The customer does not exist any more."
    portal = settings.ENTERPRISE_ADMIN_PORTAL_BASE_URL.rstrip("/")
    context = {
        "enterprise_customer_slug": customer.slug,
        "enterprise_customer_name": customer.name,
        "enterprise_sender_alias": customer.sender_alias or "",
        "enterprise_contact_email": customer.contact_email or "",
        "settings_link": f"{portal}/{customer.slug}/admin/settings/sso",
    }
    subject = f"Single sign-on of {customer.name} is set up"
    return letter("sso_configured", subject, context, sender_alias=customer.sender_alias or "", app="saml_admin")
