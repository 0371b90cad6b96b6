"""Reminders to learners whose enrollments miss a required consent (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from config.db.sets import InPairs
from enrollments.models import CourseEnrollment, OutboxMessage
from enrollments.services import outbox
from enterprise.emails.missing_consents import MESSAGE_TYPE
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries.consents import ConsentStanding, standings
from enterprise.queries.content import content_in_catalogs

KEY = "missing-consents:{}"  # id of the newest enterprise enrollment that the mail is the first to tell of


class _Enrolled(NamedTuple):
    enrollment_id: int
    link_id: int
    user_id: int
    run_key: str
    created: datetime


def remind(
    customer_id: UUID | None, since: datetime | None, batch_limit: int, *, dry_run: bool = False
) -> Iterator[int]:
    """Mails every linked learner who is active in runs whose required consent nobody answered, one mail per customer.

    Consent is required by customers that ask for it at enrollment, for what their catalogs hold; who refused has
    answered. A learner is mailed again only when a run has joined those that earlier mails told of. Batch by batch,
    each a transaction with a fixed number of statements.

    Args:
        customer_id: only this customer's learners; None: everybody's.
        since: only enterprise enrollments made since then.
        batch_limit: how many learner links a batch looks at.
        dry_run: only count.
    Yields:
        How many learners of each batch are mailed, or would be.
    """
    links = EnterpriseCustomerUser.objects.filter(
        enterprise_customer__active=True,
        enterprise_customer__enable_data_sharing_consent=True,
        enterprise_customer__enforce_data_sharing_consent=EnterpriseCustomer.Consent.AT_ENROLLMENT,
    ).exclude(user_fk__email="")
    if customer_id is not None:
        links = links.filter(enterprise_customer_id=customer_id)
    last = 0
    while batch := list(links.filter(pk__gt=last).order_by("pk").values_list("pk", "user_fk__email")[:batch_limit]):
        with transaction.atomic():
            messages = list(_messages(dict(batch), since))
            if not dry_run:
                outbox.queue(messages)
        yield len(messages)
        last = batch[-1][0]


def _messages(addresses: dict[int, str], since: datetime | None) -> Iterator[outbox.NewMessage]:
    """The mails that learners are to get, by link id and address."""
    enrolled = _enrolled(addresses)
    told = _told([each.enrollment_id for each in enrolled])
    active = _active(enrolled)
    recent = [each.enrollment_id for each in active if since is None or each.created >= since]
    missing: dict[int, list[ConsentStanding]] = defaultdict(list)
    for standing in _required(recent):
        missing[standing.link_id].append(standing)
    for link_id, of_learner in missing.items():
        new = [each.enrollment_id for each in of_learner if (link_id, each.run_key) not in told]
        if new:
            courses = {each.run_key: each.course_key for each in of_learner}
            context = {"link": link_id, "courses": courses}
            yield outbox.NewMessage(KEY.format(max(new)), MESSAGE_TYPE, addresses[link_id], context)


def _enrolled(links: Collection[int]) -> list[_Enrolled]:
    """The enterprise enrollments of these links."""
    rows = EnterpriseCourseEnrollment.objects.filter(enterprise_customer_user__id__in_set=links).order_by("pk")
    columns = ("pk", "enterprise_customer_user_id", "enterprise_customer_user__user_id", "course_id", "created")
    return [_Enrolled._make(row) for row in rows.values_list(*columns)]


def _active(enrolled: Collection[_Enrolled]) -> list[_Enrolled]:
    """Those whose plain enrollment is active."""
    pairs = {(each.user_id, each.run_key) for each in enrolled}
    plain = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", pairs), is_active=True).order_by()
    active = set(plain.values_list("user_id", "course_id"))
    return [each for each in enrolled if (each.user_id, each.run_key) in active]


def _required(enrollments: Collection[int]) -> list[ConsentStanding]:
    """Those of the enterprise enrollments that miss a consent for something in the customer's catalogs."""
    unanswered = [each for each in standings(enrollments) if each.granted is None]
    held = content_in_catalogs({each.customer_id for each in unanswered}, {each.run_key for each in unanswered})
    return [each for each in unanswered if (each.customer_id, each.run_key) in held]


def _told(enrollments: Collection[int]) -> set[tuple[int, str]]:
    """Link id and run key of what earlier mails told of."""
    keys = {KEY.format(each) for each in enrollments}
    contexts = OutboxMessage.objects.filter(key__in_set=keys).order_by().values_list("context", flat=True)
    return {(context["link"], run_key) for context in contexts for run_key in context["courses"]}
