"""The mails that invitations ask for (contract: enterprise-admins-groups-sso, Background work)."""

from __future__ import annotations

from enrollments.services.outbox import NewMessage
from enterprise.emails.admin_invites import MESSAGE_TYPE


def invitation(invited: int, email: str, is_learner: bool) -> NewMessage:
    """The mail of a new invitation.

    Args:
        invited: id of the pending admin.
        is_learner: whether the address is that of a linked, active learner of the customer.
    """
    context = {"invited": invited, "is_learner": is_learner}
    return NewMessage(f"admin-invite:{invited}", MESSAGE_TYPE, email, context)


def reminder(invited: int, email: str, is_learner: bool, number: int) -> NewMessage:
    """The mail that reminds of an invitation; `number` counts from 1."""
    context = {"invited": invited, "is_learner": is_learner, "reminder_number": number}
    return NewMessage(f"admin-invite:{invited}:reminder:{number}", MESSAGE_TYPE, email, context)
