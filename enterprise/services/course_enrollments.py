"""Enterprise enrollments: made for plain ones, and kept in step with them.

Contract: enterprise-learners, Background work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from config.api.exceptions import Refusal
from config.db.history import acting_account_id
from config.db.reads import KeyedStatement
from config.db.sets import InPairs, record_history
from enrollments.models import CourseEnrollment, User
from enrollments.services.bulk import lock_accounts
from enrollments.signals import EnrollmentChange
from enterprise.models import (
    DefaultEnterpriseEnrollmentRealization,
    EnterpriseCourseEnrollment,
    EnterpriseCustomerUser,
    EnterpriseEnrollmentSource,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)
from enterprise.queries.content import runs_in_catalogs
from enterprise.services import consent
from enterprise.services.fulfillments import set_unenrolled

LearnerRun = tuple[int, str]  # account id, run key


@transaction.atomic
def record_linked(learner: User, run_key: str, customer_uuid: str) -> None:
    """What an order service's enrollment for a customer brings: the enterprise enrollment, then granted consent.

    Answers the hook LINKED_ENROLLMENT. Both stay when the enrollment itself is refused afterwards.
    Contract: enrollment-api, POST enrollment, step 10.

    Raises:
        Refusal: the learner is not linked to that customer.
    """
    lock_accounts([learner.pk])
    link = EnterpriseCustomerUser.objects.filter(user_id=learner.pk, enterprise_customer_id=UUID(customer_uuid)).first()
    if link is None:
        raise Refusal("The learner is not linked to this enterprise customer.", code="not-linked")
    ensure([(link.pk, run_key)], EnterpriseEnrollmentSource.OFFER_REDEMPTION)
    consent.record(link.enterprise_customer_id, learner.username, run_key, granted=True)


@transaction.atomic
def order(username: str, run_key: str | None) -> None:
    """Makes the enterprise enrollment that an order service asks for, unless it exists; no plain enrollment.

    Contract: enterprise-learners, POST enterprise-course-enrollment.

    Args:
        username: the learner; their first link counts, the active one before the others.
        run_key: None only checks whether the learner could be enrolled.
    Raises:
        Refusal: there is no such account, or it is not linked to any customer.
    """
    account = User.objects.filter(username=username).values_list("pk", flat=True).first()
    if account is None:
        raise Refusal("User does not exist")
    lock_accounts([account])
    link = EnterpriseCustomerUser.objects.filter(user_id=account).first()
    if link is None:
        raise Refusal("User has no EnterpriseCustomerUser")
    if run_key is not None:
        ensure([(link.pk, run_key)], EnterpriseEnrollmentSource.OFFER_REDEMPTION)


@transaction.atomic
def delete(enrollment: EnterpriseCourseEnrollment) -> None:
    """Removes an enterprise enrollment for good, with what pays for it; the plain enrollment stays."""
    lock_accounts([enrollment.enterprise_customer_user.user_id])
    delete_all([enrollment.pk])


def delete_all(ids: Collection[int]) -> None:
    """Removes enterprise enrollments with fulfillments and realizations, leaving history. At most eleven statements.

    Args:
        ids: their learners' accounts are locked.
    """
    for model, owner in (
        (LicensedEnterpriseCourseEnrollment, "enterprise_course_enrollment"),
        (LearnerCreditEnterpriseCourseEnrollment, "enterprise_course_enrollment"),
        (DefaultEnterpriseEnrollmentRealization, "realized_enrollment"),
    ):
        rows: QuerySet[Any] = model._base_manager.filter(**{f"{owner}__id__in_set": ids})
        _remove(model, list(rows.order_by().values_list("pk", flat=True)))
    _remove(EnterpriseCourseEnrollment, ids)


def ensure(wanted: Collection[tuple[int, str]], source: str) -> list[int]:
    """Makes the enterprise enrollments that do not exist yet, with implied consent. A fixed number of statements.

    Args:
        wanted: id of the learner link, run key; the links' accounts are locked.
        source: slug of the enrollment source; an unknown one leaves it empty.
    Returns:
        The ids of the new ones.
    """
    pairs = set(wanted)
    if not pairs:
        return []
    existing = EnterpriseCourseEnrollment.all_objects.filter(InPairs("enterprise_customer_user_id", "course_id", pairs))
    missing = sorted(pairs - set(existing.values_list("enterprise_customer_user_id", "course_id")))
    if not missing:
        return []
    source_id = EnterpriseEnrollmentSource.objects.filter(slug=source).values_list("pk", flat=True).first()
    links = EnterpriseCustomerUser.all_objects.filter(pk__in_set={link for link, _ in missing}).order_by()
    customers = dict(links.values_list("pk", "enterprise_customer_id"))
    with transaction.atomic():
        made = EnterpriseCourseEnrollment.all_objects.bulk_create(
            EnterpriseCourseEnrollment(
                enterprise_customer_id=customers[link],
                enterprise_customer_user_id=link,
                course_id=run,
                source_id=source_id,
            )
            for link, run in missing
        )
        ids = [enrollment.pk for enrollment in made]
        record_history(EnterpriseCourseEnrollment, ids, "+", user_id=acting_account_id())
        consent.imply(ids)
    return ids


def follow(changes: Sequence[EnrollmentChange]) -> None:
    """Brings enterprise enrollments in step with plain ones that others changed, in the writer's transaction.

    Active: the flags of the learner's enterprise enrollments in that run are cleared. Deactivated: they are set, and
    what pays for them is revoked. Created for a learner who acts for a customer: the missing enterprise enrollments are
    made a little later (setting CREATE_ENTERPRISE_ENROLLMENT_TASK_COUNTDOWN). One statement when nobody is linked.
    """
    found = _links_of({change.user_id for change in changes})
    if not found:
        return
    runs: dict[int, set[str]] = defaultdict(set)
    for change in changes:
        runs[change.user_id].add(change.course_id)
    places = {(link_id, run_key) for link_id, user_id, _ in found for run_key in runs[user_id]}
    enrollments = EnterpriseCourseEnrollment.objects.filter(InPairs("enterprise_customer_user_id", "course_id", places))
    by_learner_run: dict[LearnerRun, list[int]] = defaultdict(list)
    for pk, user_id, run_key in enrollments.values_list("pk", "enterprise_customer_user__user_id", "course_id"):
        by_learner_run[user_id, run_key].append(pk)
    for unenrolled in (False, True):
        ids = [
            pk
            for change in changes
            if (change.deactivated if unenrolled else change.is_active)
            for pk in by_learner_run[change.user_id, change.course_id]
        ]
        if ids:
            set_unenrolled(EnterpriseCourseEnrollment.objects.filter(pk__in_set=ids), unenrolled)
    acting = {user_id for _, user_id, active in found if active}
    created = [(change.user_id, change.course_id) for change in changes if change.created and change.user_id in acting]
    if created:
        transaction.on_commit(partial(_queue_missing, created), robust=True)


_links_of = KeyedStatement(
    lambda user_ids: (
        EnterpriseCustomerUser.objects.filter(user_id__in_set=user_ids)
        .order_by()
        .values_list("pk", "user_id", "active")
    )
)


def make_missing(created: Iterable[LearnerRun]) -> list[int]:
    """Makes enterprise enrollments of plain ones, for the customer each learner acts for, if its catalogs hold the run.

    What has an enterprise enrollment there is left alone; whether the plain one is active makes no difference. Returns
    the ids of the new ones.
    """
    pairs = {(user_id, run_key) for user_id, run_key in created}
    users = {user_id for user_id, _ in pairs}
    with transaction.atomic():
        lock_accounts(users)
        links: dict[int, EnterpriseCustomerUser] = {}
        for link in EnterpriseCustomerUser.objects.filter(user_id__in_set=users, active=True):
            links.setdefault(link.user_id, link)  # the first in default order
        enrolled = CourseEnrollment.objects.filter(InPairs("user_id", "course_id", pairs))
        standing = {pair for pair in enrolled.values_list("user_id", "course_id") if pair[0] in links}
        contained = runs_in_catalogs(
            {links[user_id].enterprise_customer_id for user_id, _ in standing}, {run_key for _, run_key in standing}
        )
        wanted = [
            (links[user_id].pk, run_key)
            for user_id, run_key in standing
            if contained[links[user_id].enterprise_customer_id].get(run_key)
        ]
        return ensure(wanted, EnterpriseEnrollmentSource.TASK)


def create_missing(customer_id: UUID | None, batch_limit: int, *, dry_run: bool = False) -> Iterator[int]:
    """Does for the plain enrollments of all linked learners what `make_missing` does for new ones, batch by batch.

    Each batch is a transaction with a fixed number of statements. Learners count for every customer that they are
    linked to, not only for the one they act for.

    Args:
        customer_id: only the learners of this customer; None: everybody.
        batch_limit: how many learner links a batch looks at.
        dry_run: only count.
    Yields:
        How many enterprise enrollments were made, or are missing, in each batch.
    """
    links = EnterpriseCustomerUser.objects.order_by("pk")
    if customer_id is not None:
        links = links.filter(enterprise_customer_id=customer_id)
    last = 0
    while ids := list(links.filter(pk__gt=last).values_list("pk", flat=True)[:batch_limit]):
        with transaction.atomic():
            wanted = _missing(ids, lock=not dry_run)
            number = len(wanted) if dry_run else len(ensure(wanted, EnterpriseEnrollmentSource.COMMAND))
        yield number
        last = ids[-1]


def _missing(links: Collection[int], *, lock: bool) -> list[tuple[int, str]]:
    """Link id and run key of the missing enterprise enrollments of these links that a catalog of the customer holds.

    Args:
        lock: whether the learners' accounts are locked first.
    """
    rows = EnterpriseCustomerUser.objects.filter(pk__in_set=links).order_by()
    if lock:
        lock_accounts(set(rows.values_list("user_id", flat=True)))
    by_user: dict[int, list[tuple[int, UUID]]] = defaultdict(list)
    for link, user_id, customer_id in rows.values_list("pk", "user_id", "enterprise_customer_id"):
        by_user[user_id].append((link, customer_id))
    existing = EnterpriseCourseEnrollment.all_objects.filter(enterprise_customer_user__id__in_set=links).order_by()
    known = set(existing.values_list("enterprise_customer_user_id", "course_id"))
    enrolled = CourseEnrollment.objects.filter(user__id__in_set=by_user, is_active=True).order_by()
    candidates = [
        (link, customer_id, run_key)
        for user_id, run_key in enrolled.values_list("user_id", "course_id")
        for link, customer_id in by_user[user_id]
        if (link, run_key) not in known
    ]
    contained = runs_in_catalogs({each[1] for each in candidates}, {each[2] for each in candidates})
    return [(link, run_key) for link, customer_id, run_key in candidates if contained[customer_id].get(run_key)]


def _queue_missing(created: list[LearnerRun]) -> None:
    from enterprise.tasks import make_missing_enrollments

    make_missing_enrollments.apply_async(args=[created], countdown=settings.CREATE_ENTERPRISE_ENROLLMENT_TASK_COUNTDOWN)


def _remove(model: type[Any], ids: Collection[int]) -> None:
    if ids:
        record_history(model, ids, "-", user_id=acting_account_id())
        rows: Any = model._base_manager.filter(pk__in_set=ids)
        rows._raw_delete(rows.db)
