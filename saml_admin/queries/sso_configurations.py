"""Sign-on configurations that a caller works on (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from enterprise.models import EnterpriseCustomerSsoConfiguration, EnterpriseCustomerUser
from enterprise.models.sso import time_to_answer

# What the history of a configuration says of its submission.
SUBMITTED, SUBMITTED_AGAIN = "submitted", "submitted again"


def first_customer(caller: Any) -> UUID | None:
    """The customer of the caller's first link: the active one, else the latest changed."""
    links = EnterpriseCustomerUser.objects.filter(user_id=caller.pk).order_by("-active", "-modified", "pk")
    return links.values_list("enterprise_customer_id", flat=True).first()


def membership(caller: Any, customer_id: UUID) -> bool | None:
    """Whether the caller's link with a customer is active; None: there is none."""
    links = EnterpriseCustomerUser.objects.filter(user_id=caller.pk, enterprise_customer=customer_id)
    return links.values_list("active", flat=True).first()


def configurations_of(caller: Any, customer_id: UUID | None) -> QuerySet[EnterpriseCustomerSsoConfiguration]:
    """Live configurations, the oldest first: all for staff, else those of customers that the caller is linked to.

    Args:
        customer_id: only those of this customer.
    """
    rows = EnterpriseCustomerSsoConfiguration.objects.order_by("created", "pk")
    if customer_id is not None:
        rows = rows.filter(enterprise_customer=customer_id)
    if caller.is_staff:
        return rows
    linked = EnterpriseCustomerUser.objects.filter(user_id=caller.pk).order_by()
    return rows.filter(enterprise_customer__in=linked.values("enterprise_customer"))


def configuration_named(uuid: UUID) -> EnterpriseCustomerSsoConfiguration | None:
    """A configuration, removed or not, with its customer."""
    return EnterpriseCustomerSsoConfiguration.all_objects.select_related("enterprise_customer").filter(pk=uuid).first()


def unanswered() -> list[tuple[UUID, bool]]:
    """Configurations that this service submitted and that wait for an answer, removed ones too, the oldest first.

    Returns:
        The uuid of each, and whether it had been submitted before.
    """
    submission = EnterpriseCustomerSsoConfiguration.history.filter(
        uuid=OuterRef("pk"),
        submitted_at=OuterRef("submitted_at"),
        history_change_reason__in=(SUBMITTED, SUBMITTED_AGAIN),
    ).order_by("-history_date")
    rows = (
        EnterpriseCustomerSsoConfiguration.all_objects.filter(submitted_at__gt=timezone.now() - time_to_answer())
        .filter(Q(configured_at__isnull=True) | Q(configured_at__lt=F("submitted_at")))
        .exclude(errored_at__gt=F("submitted_at"))
        .annotate(submission=Subquery(submission.values("history_change_reason")[:1]))
        .filter(submission__isnull=False)
    )
    return [
        (uuid, reason == SUBMITTED_AGAIN)
        for uuid, reason in rows.order_by("submitted_at", "pk").values_list("pk", "submission")
    ]


def provider_slug(configuration: EnterpriseCustomerSsoConfiguration) -> str:
    """The slug of the provider that this service makes of a configuration."""
    return f"sso-{configuration.pk.hex[:20]}"
