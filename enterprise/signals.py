"""What this app tells others."""

from __future__ import annotations

from django.dispatch import Signal

# revocations: list[dict] — learner-credit fulfillments that were revoked, once each, after the commit; their shape is
# that of `enterprise.services.fulfillments.revocation_payload`.
learner_credit_revoked = Signal()
