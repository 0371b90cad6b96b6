"""What pays for an enterprise enrollment is revoked and reactivated together with the enrollment's own flags.

Contract: enterprise-learners, EnterpriseCourseEnrollment (set_unenrolled) and Fulfillments; Background work, Learner
credit revoked event. Whoever calls a function on querysets holds the accounts' locks; the others take them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from config.api.exceptions import Refusal
from config.api.fields import wire_time
from config.db.history import acting_account_id
from config.db.sets import record_history
from config.hooks import is_quiet
from enrollments.models import CourseEnrollment
from enrollments.services import enroll, tracking
from enrollments.services.bulk import lock_accounts
from enterprise.bulk import reasons
from enterprise.models import (
    EnterpriseCourseEnrollment,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)
from enterprise.signals import learner_credit_revoked

REVOKED_EVENT = "learner credit course enrollment revoked"
Fulfillment = LicensedEnterpriseCourseEnrollment | LearnerCreditEnterpriseCourseEnrollment
KINDS: tuple[type[Fulfillment], ...] = (LicensedEnterpriseCourseEnrollment, LearnerCreditEnterpriseCourseEnrollment)


@transaction.atomic
def revoke(fulfillment: Fulfillment) -> bool:
    """Revokes a fulfillment and marks its enrollment as unenrolled. Returns false when it was revoked already.

    The plain enrollment is not touched.
    """
    enrollment = _locked_enrollment(fulfillment)
    rows: QuerySet[Any] = type(fulfillment).objects.filter(pk=fulfillment.pk)
    revoked = _revoke(rows)
    if revoked and enrollment is not None and not enrollment.unenrolled:
        set_unenrolled(EnterpriseCourseEnrollment.all_objects.filter(pk=enrollment.pk), True)
    fulfillment.is_revoked = True
    return bool(revoked)


@transaction.atomic
def cancel(fulfillment: Fulfillment) -> bool:
    """Unenrolls the learner from the run that a fulfillment pays for, and revokes it.

    Of several calls at the same time one does it. What the fulfillment's own owner (license, transaction) keeps is not
    touched.

    Returns:
        False when it was revoked already: then nothing is done.
    Raises:
        Refusal: 422, the learner cannot be unenrolled; nothing is revoked.
    """
    enrollment = _locked_enrollment(fulfillment)
    standing: QuerySet[Any] = type(fulfillment).objects.filter(pk=fulfillment.pk, is_revoked=False)
    if not standing.exists():
        return False
    if enrollment is None:
        return revoke(fulfillment)
    _unenroll(enrollment)
    revoke(fulfillment)  # the unenrollment has done so already for a learner who is linked
    return True


def _unenroll(enrollment: EnterpriseCourseEnrollment) -> None:
    """Deactivates the plain enrollment behind an enterprise enrollment; one that is inactive stays so.

    Raises:
        Refusal: 422 with a JSON text, there is none.
    """
    place = {"user_id": enrollment.enterprise_customer_user.user_id, "course_id": enrollment.course_id}
    plain = CourseEnrollment.objects.filter(**place).first()
    if plain is None:
        account = enrollment.enterprise_customer_user.user_fk
        name = place["user_id"] if account is None else account.username
        text = (
            f"Subsidized enrollment terminations error: unable to unenroll User {name} from Course "
            f"{enrollment.course_id} because: {reasons.TEXTS[reasons.NOT_ENROLLED]}"
        )
        raise Refusal(text, status=422, body=text)
    enroll.deactivate(plain)


@transaction.atomic
def revoke_all(fulfillments: QuerySet[Any]) -> None:
    """Revokes fulfillments of one kind, and marks their enrollments as unenrolled. A fixed number of statements.

    Args:
        fulfillments: a filtered queryset; the accounts of its learners are locked. An enrollment whose fulfillment was
            revoked before is marked too.
    """
    enrollments = set(fulfillments.order_by().values_list("enterprise_course_enrollment_id", flat=True)) - {None}
    _revoke(fulfillments)
    standing = EnterpriseCourseEnrollment.all_objects.filter(pk__in_set=enrollments).exclude(unenrolled=True)
    set_unenrolled(standing, True)


@transaction.atomic
def set_unenrolled(enrollments: QuerySet[EnterpriseCourseEnrollment], unenrolled: bool) -> int:
    """Flags enterprise enrollments as unenrolled and saved for later, or clears both flags.

    Flagging revokes what pays for them; clearing leaves fulfillments revoked. What stands as wanted already is left
    alone, with its fulfillments. A fixed number of statements.

    Args:
        enrollments: a filtered queryset; the accounts of its learners are locked.
    Returns:
        How many were changed.
    """
    if unenrolled:
        differing = enrollments.exclude(unenrolled=True, saved_for_later=True)
    else:
        differing = enrollments.filter(Q(unenrolled=True) | Q(saved_for_later=True))
    ids = list(differing.order_by("pk").values_list("pk", flat=True))
    if not ids:
        return 0
    now = timezone.now()
    EnterpriseCourseEnrollment.all_objects.filter(pk__in_set=ids).update(
        unenrolled=unenrolled, saved_for_later=unenrolled, unenrolled_at=now if unenrolled else None, modified=now
    )
    _record(EnterpriseCourseEnrollment, ids, "~")
    if unenrolled:
        for kind in KINDS:
            attached: QuerySet[Any] = kind.objects.filter(enterprise_course_enrollment__id__in_set=ids)
            _revoke(attached)
    return len(ids)


def revocation_payload(fulfillment: LearnerCreditEnterpriseCourseEnrollment) -> dict[str, Any]:
    """A revoked learner-credit fulfillment with its enrollment and link, as the event carries it; times are texts."""
    enrollment = fulfillment.enterprise_course_enrollment
    return {
        "uuid": str(fulfillment.uuid),
        "created": wire_time(fulfillment.created),
        "modified": wire_time(fulfillment.modified),
        "fulfillment_type": fulfillment.fulfillment_type,
        "enterprise_course_entitlement_uuid": _text(fulfillment.enterprise_course_entitlement_id),
        "enterprise_course_enrollment": _enrollment_payload(enrollment) if enrollment else None,
        "is_revoked": fulfillment.is_revoked,
        "transaction_id": str(fulfillment.transaction_id),
    }


def _enrollment_payload(enrollment: EnterpriseCourseEnrollment) -> dict[str, Any]:
    link = enrollment.enterprise_customer_user
    return {
        "id": enrollment.pk,
        "created": wire_time(enrollment.created),
        "modified": wire_time(enrollment.modified),
        "enterprise_customer_user": {
            "id": link.pk,
            "created": wire_time(link.created),
            "modified": wire_time(link.modified),
            "enterprise_customer_uuid": str(link.enterprise_customer_id),
            "user_id": link.user_id,
            "active": link.active,
            "linked": link.linked,
            "is_relinkable": link.is_relinkable,
            "invite_key": _text(link.invite_key_id),
            "should_inactivate_other_customers": link.should_inactivate_other_customers,
        },
        "course_id": enrollment.course_id,
        "saved_for_later": enrollment.saved_for_later,
        "source_slug": enrollment.source.slug if enrollment.source else None,
        "unenrolled": enrollment.unenrolled,
        "unenrolled_at": wire_time(enrollment.unenrolled_at),
    }


def _locked_enrollment(fulfillment: Fulfillment) -> EnterpriseCourseEnrollment | None:
    """The enrollment that a fulfillment pays for as it stands now, its learner's account locked."""
    enrollment_id = fulfillment.enterprise_course_enrollment_id
    if enrollment_id is None:
        return None
    enrollments = EnterpriseCourseEnrollment.all_objects.filter(pk=enrollment_id)
    lock_accounts(enrollments.values_list("enterprise_customer_user__user_id", flat=True))
    return enrollments.first()


def _revoke(fulfillments: QuerySet[Any]) -> list[int]:
    """Revokes those that are not revoked yet; their ids. The rows are locked, so that none is revoked twice."""
    standing = fulfillments.filter(is_revoked=False).order_by("pk").select_for_update(no_key=True)
    ids = list(standing.values_list("pk", flat=True))
    if ids:
        kind = fulfillments.model
        kind.objects.filter(pk__in_set=ids).update(is_revoked=True, modified=timezone.now())
        _record(kind, ids, "~")
        if kind is LearnerCreditEnterpriseCourseEnrollment and not is_quiet():
            transaction.on_commit(partial(_tell, ids), robust=True)
    return ids


def standing_credits(enrollments: Iterable[int]) -> list[int]:
    """The learner-credit fulfillments of enterprise enrollments that are not revoked."""
    rows = LearnerCreditEnterpriseCourseEnrollment.objects.filter(
        enterprise_course_enrollment__id__in_set=list(enrollments), is_revoked=False
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def tell_of_revoked(ids: Collection[int]) -> None:
    """Has the event of revocations sent after the commit for fulfillments that will not be there any more by then.

    Args:
        ids: learner-credit fulfillments that stood; those of them that are revoked now are told of.
    """
    if ids and not is_quiet():
        revocations = _revocations(ids, is_revoked=True)
        transaction.on_commit(partial(_send, revocations), robust=True)


def _tell(ids: Collection[int]) -> None:
    _send(_revocations(ids))


def _revocations(ids: Collection[int], **narrow: Any) -> list[dict[str, Any]]:
    rows = LearnerCreditEnterpriseCourseEnrollment.objects.filter(pk__in_set=ids, **narrow).select_related(
        "enterprise_course_enrollment__enterprise_customer_user", "enterprise_course_enrollment__source"
    )
    return [revocation_payload(row) for row in rows.order_by("pk")]


def _send(revocations: list[dict[str, Any]]) -> None:
    if not revocations:
        return
    tracking.emit(tracking.Line(REVOKED_EVENT, payload) for payload in revocations)
    learner_credit_revoked.send(LearnerCreditEnterpriseCourseEnrollment, revocations=revocations)


def _record(model: type[Any], ids: Collection[int], change: str) -> None:
    record_history(model, ids, change, user_id=acting_account_id())


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)
