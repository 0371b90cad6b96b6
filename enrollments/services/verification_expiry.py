"""Learners who move to `verified` hear that their ID verification has expired (contract: support, section 5)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from django.conf import settings

from enrollments.emails import verification_expiry
from enrollments.models import User
from enrollments.queries import verification
from enrollments.queries.course_modes import VERIFIED
from enrollments.services import outbox
from enrollments.signals import EnrollmentChange


def remind(moved: Collection[EnrollmentChange]) -> None:
    """Queues the mail, one for each change (setting SEND_VERIFICATION_EXPIRY_EMAIL).

    To be called in the transaction of the changes. One statement when nobody's verification has expired.

    Args:
        moved: changes of mode; only active enrollments that are `verified` now count.
    """
    verified = [change for change in moved if change.is_active and change.mode == VERIFIED]
    if not (verified and settings.SEND_VERIFICATION_EXPIRY_EMAIL):
        return
    expired = verification.expired({change.user_id for change in verified})
    if not expired:
        return
    addresses = dict(User.objects.filter(pk__in_set=expired).values_list("pk", "email"))
    outbox.queue(
        outbox.NewMessage(
            key=f"verification-expiry:{change.enrollment_id}:{uuid4().hex}",
            message_type=verification_expiry.MESSAGE_TYPE,
            recipient=addresses[change.user_id],
            context={"enrollment_id": change.enrollment_id, "attempt_id": expired[change.user_id].pk},
        )
        for change in verified
        if change.user_id in expired
    )
