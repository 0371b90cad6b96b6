"""Storing default enrollment intentions (contract: enterprise-learners, DefaultEnterpriseEnrollmentIntention)."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from enterprise.models import DefaultEnterpriseEnrollmentIntention
from enterprise.queries.default_intentions import resolve

NO_COURSE_RUN = "The content key did not resolve to a valid course run."
REMOVED_BEFORE = "An intention for this content was removed from this customer before; restore that one instead."


def validate(intention: DefaultEnterpriseEnrollmentIntention) -> None:
    """Checks an intention and derives its content type. A removed one may name any content.

    Raises:
        ValidationError: on `content_key`: a removed intention of the customer has the same content, or the content
            leads to no course run.
    """
    resolution = resolve([intention.content_key])[intention.content_key]
    if not intention.is_removed:
        same = DefaultEnterpriseEnrollmentIntention.all_objects.filter(
            enterprise_customer_id=intention.enterprise_customer_id, content_key=intention.content_key, is_removed=True
        )
        if same.exclude(pk=intention.pk).exists():
            raise ValidationError({"content_key": REMOVED_BEFORE})
        if resolution.run is None:
            raise ValidationError({"content_key": NO_COURSE_RUN})
    intention.content_type = resolution.content_type


def save(intention: DefaultEnterpriseEnrollmentIntention) -> None:
    """Validates an intention and stores it.

    Raises:
        ValidationError: as `validate`.
    """
    validate(intention)
    intention.save()
