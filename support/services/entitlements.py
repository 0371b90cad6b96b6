"""Entitlements: made, changed, withdrawn, used by enrollments, and expired when their time is over.

Contract: support, Data model and 4.1. Whoever changes entitlements holds the learner's account, as all writers of
enrollments do.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from config.api.exceptions import Refusal
from config.db.history import acting_account_id
from config.db.sets import record_history
from enrollments.course_keys import is_run_key
from enrollments.models import Course, CourseEnrollment, CourseOverview, User
from enrollments.services import bulk, email_opt_in
from enrollments.services.enroll import locked_account, update_enrollment
from support.models import CourseEntitlement, CourseEntitlementSupportDetail
from support.queries import entitlements as queries

logger = logging.getLogger(__name__)

ORIGIN = "support"
NO_LEARNER = "There is no user {!r}."
TAKEN = "The fields course_uuid, order_number must make a unique set."
OWNER_STAYS = "The entitlement is used by an enrollment of its owner."
NOT_FOUND = "Could not find entitlement {} to update"
NOT_UNENROLLED = "Error raised while trying to unenroll user {} from course run {}: {}"
NO_RUN = "There is no such course run."
NO_RUN_KEY = "This is not the key of a course run."


def pick_up_entitlement(enrollment: CourseEnrollment) -> CourseEntitlement | None:
    """Links an enrollment that has come into a paid mode to the entitlement that pays for it, if there is one.

    To be called in the transaction that changed the mode, with the learner's account locked.

    Returns:
        The entitlement, linked. Contract: support, PATCH /support/enrollment, entitlement pick-up.
    """

    def unused(course_uuid: UUID) -> Sequence[CourseEntitlement]:
        rows = CourseEntitlement.objects.filter(
            user_id=enrollment.user_id,
            course_uuid=course_uuid,
            mode=enrollment.mode,
            expired_at__isnull=True,
            enrollment_course_run__isnull=True,
        )
        return list(rows.order_by("-created", "-id").select_for_update(no_key=True))

    found = queries.usable_for(enrollment, unused)
    if found is not None:
        found.enrollment_course_run = enrollment
        found.save()
    return found


def create(
    agent: User, values: Mapping[str, Any], details: Sequence[Mapping[str, Any]] = (), wants_email: Any = None
) -> CourseEntitlement:
    """Makes an entitlement. Without details it is used at once where the learner has one enrollment to upgrade with it.

    Args:
        agent: who makes it.
        values: `user` (a user name) and the columns.
        details: what the agent says about it: `action`, `comments`, `unenrolled_run`.
        wants_email: the learner's answer to mail of the course's organisation; None: none was given.
    Raises:
        ValidationError: no such user; another entitlement of the course has the order number.
        Refusal: a detail names no course run.
    """
    columns = dict(values)
    username = columns.pop("user")
    with transaction.atomic():
        learner = _learner(username)
        entitlement = CourseEntitlement(user=learner, policy=queries.policy_for(columns["mode"]), **columns)
        _save(entitlement)
        if wants_email is not None:
            course = Course.objects.select_related("organization").filter(uuid=entitlement.course_uuid).first()
            if course is not None and course.organization is not None:
                email_opt_in.store(learner, course.organization.short_name, wants_email)
        if details:
            _check_runs(learner, details)
            _note(agent, entitlement, details)
        else:
            _upgrade_with(entitlement, learner)
    return entitlement


def update(
    agent: User, uuid: UUID, values: Mapping[str, Any], details: Sequence[Mapping[str, Any]] = ()
) -> CourseEntitlement:
    """Changes an entitlement. Each detail that names a run takes the learner out of it; all of it holds, or nothing.

    Args:
        agent: who changes it.
        values: the columns to change, `user` (a user name) among them. Without `refund_locked` the entitlement is
            locked if it cannot be refunded at this moment.
        details: as in `create`.
    Raises:
        Refusal: there is no such entitlement; a detail names no course run.
        ValidationError: as in `create`; or a new owner while an enrollment of the old one uses it.
    """
    columns = dict(values)
    username = columns.pop("user", None)
    with transaction.atomic():
        entitlement = _locked(uuid)
        if entitlement is None:
            raise Refusal(NOT_FOUND.format(uuid))
        if columns.get("refund_locked") is None:
            columns["refund_locked"] = not queries.standings([entitlement])[entitlement.pk].is_refundable
        runs = _check_runs(entitlement.user, details)
        _leave(entitlement.user, runs)
        _note(agent, entitlement, details)
        entitlement.refresh_from_db(fields=["enrollment_course_run"])
        if username is not None and username != entitlement.user.username:
            if entitlement.enrollment_course_run_id is not None:
                raise ValidationError({"user": [OWNER_STAYS]})
            entitlement.user = _learner(username)
        for name, value in columns.items():
            setattr(entitlement, name, value)
        _save(entitlement)
    return entitlement


def withdraw(uuid: UUID) -> None:
    """Ends an entitlement: it expires now unless it has, and its learner leaves the run it was used for. The row stays.

    Raises:
        Refusal: 404, there is no such entitlement.
    """
    with transaction.atomic():
        entitlement = _locked(uuid)
        if entitlement is None:
            raise Refusal("Not found.", status=404)
        enrollment = entitlement.enrollment_course_run
        if enrollment is not None:
            _leave(entitlement.user, [enrollment.course_id])
            entitlement.refresh_from_db(fields=["enrollment_course_run", "modified"])
        if entitlement.expired_at is None:
            entitlement.expired_at = timezone.now()
            entitlement.save()
    logger.info("entitlement %s of user %s was revoked", uuid, entitlement.user_id)


def expire_lapsed(entitlements: Collection[CourseEntitlement]) -> None:
    """Marks those whose time is over as expired now; five statements at most, whatever their number.

    Args:
        entitlements: with their enrollments; those that have expired already are left alone.
    """
    open_ones = [row for row in entitlements if row.expired_at is None]
    if not open_ones:
        return
    moment = timezone.now()
    standing = queries.standings(open_ones, moment)
    lapsed = [row for row in open_ones if standing[row.pk].has_lapsed]
    if not lapsed:
        return
    with transaction.atomic():
        ids = [row.pk for row in lapsed]
        CourseEntitlement.objects.filter(pk__in_set=ids, expired_at__isnull=True).update(
            expired_at=moment, modified=moment
        )
        record_history(CourseEntitlement, ids, "~", user_id=acting_account_id(), reason="Its time was over.")
    for row in lapsed:
        row.expired_at = row.modified = moment


def _learner(username: str) -> User:
    learner = locked_account(username=username)
    if learner is None:
        raise ValidationError({"user": [NO_LEARNER.format(username)]})
    return learner


def _locked(uuid: UUID) -> CourseEntitlement | None:
    """The entitlement, its owner's account and its own row held until the transaction ends."""
    owner = CourseEntitlement.objects.filter(uuid=uuid).values_list("user_id", flat=True).first()
    if owner is None:
        return None
    locked_account(pk=owner)
    rows = CourseEntitlement.objects.select_related("user", "enrollment_course_run")
    return rows.select_for_update(no_key=True, of=("self",)).filter(uuid=uuid).first()


def _save(entitlement: CourseEntitlement) -> None:
    try:
        with transaction.atomic():
            entitlement.save()
    except IntegrityError as taken:
        raise ValidationError({"non_field_errors": [TAKEN]}) from taken


def _upgrade_with(entitlement: CourseEntitlement, learner: User) -> None:
    found = queries.upgradeable_enrollments(learner, entitlement.course_uuid, entitlement.mode)
    if len(found) == 1:
        entitlement.enrollment_course_run = update_enrollment(found[0], mode=entitlement.mode, origin=ORIGIN)
        entitlement.save()


def _check_runs(learner: User, details: Sequence[Mapping[str, Any]]) -> list[str]:
    """The runs that details name; one statement.

    Raises:
        Refusal: one of them is none.
    """
    named = [detail["unenrolled_run"] for detail in details if detail.get("unenrolled_run")]
    known = set(CourseOverview.objects.filter(pk__in_set=named).values_list("pk", flat=True)) if named else set()
    for run_id in named:
        if run_id not in known:
            error = NO_RUN if is_run_key(run_id) else NO_RUN_KEY
            raise Refusal(NOT_UNENROLLED.format(learner.username, run_id, error))
    return named


def _leave(learner: User, run_ids: Collection[str]) -> None:
    """Takes the learner out of runs, without a refund; entitlements that were used for them are free again."""
    if not run_ids:
        return
    actor, moment = acting_account_id(), timezone.now()
    bulk.deactivate({(learner.pk, run_id) for run_id in run_ids}, origin=ORIGIN, user_id=actor)
    used = CourseEntitlement.objects.filter(
        enrollment_course_run__user=learner, enrollment_course_run__course_id__in_set=set(run_ids)
    )
    _unlink(list(used.order_by("pk").values_list("pk", flat=True)), actor, moment)


def _unlink(ids: Sequence[int], actor: int | None, moment: datetime) -> None:
    CourseEntitlement.objects.filter(pk__in_set=ids).update(enrollment_course_run=None, modified=moment)
    record_history(CourseEntitlement, ids, "~", user_id=actor)


def _note(agent: User, entitlement: CourseEntitlement, details: Sequence[Mapping[str, Any]]) -> None:
    """Stores what the agent did, in the order given."""
    rows = [
        CourseEntitlementSupportDetail(
            entitlement=entitlement,
            support_user=agent,
            action=detail["action"],
            comments=detail.get("comments"),
            unenrolled_run=detail.get("unenrolled_run") or None,
        )
        for detail in details
    ]
    CourseEntitlementSupportDetail.objects.bulk_create(rows)
    record_history(CourseEntitlementSupportDetail, [row.pk for row in rows], "+", user_id=agent.pk)
