"""Agents enroll learners and change the mode of enrollments (contract: support, POST and PATCH enrollment).

What a caller sent may be of any type: the checks have an order and texts of their own. The refusals are HTML, with what
was sent escaped in them, so that they can be shown as they are.
"""

from __future__ import annotations

import html
import logging
from typing import Any

from django.db import transaction
from django.utils.safestring import SafeString

from config.api.exceptions import Refusal
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseEnrollment, CourseOverview, CreditProvider, ManualEnrollmentAudit, User
from enrollments.queries.course_modes import CREDIT, modes_of, offered
from enrollments.services import attributes, certificates
from enrollments.services.enroll import Movement, enroll, locked_account, store
from support.queries.people import find_person
from support.services.entitlements import pick_up_entitlement

logger = logging.getLogger(__name__)

ORIGIN = "support"
MISSING: Any = object()  # the field was not sent

FIELD_REQUIRED = "The field '{}' is required."
NO_KEY = "Could not parse course key."
NO_TEXT = "The field 'reason' must be a text."
UNKNOWN_PERSON = "Could not find user {}."
ALREADY_ENROLLED = "The user {} is already enrolled in {}."
INVALID_MODE = "{} is not a valid mode for {}. Possible valid modes are {}"
UNKNOWN_RUN = "{} is not a valid mode for {}. There is no such course run."
NOT_ENROLLED = "Could not find enrollment for user {} in course {}."
OTHER_MODE = "User {} is not enrolled with mode {}."
# Two blanks, as clients know it.
MODE_UNAVAILABLE = "Specified course mode '{}' unavailable for course {}.  Available modes were: {}"
NO_CREDIT_PROVIDER = "No credit provider is known for course {}."

Transition = ManualEnrollmentAudit.Transition


def create_enrollment(
    username_or_email: str, agent: User, *, course_id: Any = MISSING, mode: Any = MISSING, reason: Any = MISSING
) -> ManualEnrollmentAudit:
    """Enrolls a person in a run, whatever its window, seats and invitations say, and writes down who did so and why.

    Args:
        username_or_email: the learner, as the agent names them.
        agent: who enrolls; the refusals name the first field that is left out.
    Raises:
        Refusal: 400 with the contract's text; nothing was changed.
    """
    # 1, 2
    key = _key_of(course_id)
    # 3, 4
    _require(mode=mode, reason=reason)
    with transaction.atomic():
        # 5
        learner = _locked_person(username_or_email)
        if learner is None:
            raise _refusal(UNKNOWN_PERSON, username_or_email)
        # 6
        if CourseEnrollment.objects.filter(user=learner, course_id=str(key)).exists():
            raise _refusal(ALREADY_ENROLLED, username_or_email, key)
        # 7
        if not CourseOverview.objects.filter(pk=str(key)).exists():
            raise _refusal(UNKNOWN_RUN, _escaped(mode), key)
        slugs = _offered_slugs(key)
        if mode not in slugs:
            raise _refusal(INVALID_MODE, _escaped(mode), key, slugs)
        enrollment = enroll(learner, str(key), mode, origin=ORIGIN)
        return _audit(enrollment, learner, agent, Transition.UNENROLLED_TO_ENROLLED, reason)


def change_mode(
    username_or_email: str,
    agent: User,
    *,
    course_id: Any = MISSING,
    old_mode: Any = MISSING,
    new_mode: Any = MISSING,
    reason: Any = MISSING,
) -> ManualEnrollmentAudit:
    """Moves a person's enrollment, active or not, to another mode of its run, and writes down who did so and why.

    In credit mode the attributes of the enrollment give way to the run's first credit provider. An entitlement that
    pays for the mode is used, and a certificate made if the mode is what was missing.

    Args:
        username_or_email, agent: as in `create_enrollment`.
        old_mode: the mode that the agent has seen.
    Raises:
        Refusal: 400 with the contract's text; nothing was changed.
    """
    # 1
    person = find_person(username_or_email)
    if person is None:
        raise _refusal(NOT_ENROLLED, username_or_email, "" if course_id is MISSING else course_id)
    # 2, 3
    key = _key_of(course_id)
    # 4
    _require(old_mode=old_mode, new_mode=new_mode, reason=reason)
    with transaction.atomic():
        learner = locked_account(pk=person.pk)
        # 5
        enrollment = CourseEnrollment.objects.filter(user=learner, course_id=str(key)).first() if learner else None
        if learner is None or enrollment is None:
            raise _refusal(NOT_ENROLLED, username_or_email, key)
        # 6
        if enrollment.mode != old_mode:
            raise _refusal(OTHER_MODE, learner.username, _escaped(old_mode))
        # 7
        slugs = _offered_slugs(key)
        if new_mode not in slugs:
            logger.warning("mode of user %s in %s: what was asked for is not offered", learner.pk, key)
            raise _refusal(MODE_UNAVAILABLE, new_mode, key, ", ".join(slugs))
        logger.info("mode of user %s in %s: from %s to %s", learner.pk, key, old_mode, new_mode)
        movement = Movement(learner, enrollment)
        movement.update(mode=new_mode)
        store([movement], origin=ORIGIN)
        audit = _audit(enrollment, learner, agent, Transition.ENROLLED_TO_ENROLLED, reason)
        if new_mode == CREDIT:
            attributes.replace(enrollment, [("credit", "provider_id", _credit_provider(key))])
        pick_up_entitlement(enrollment)
        if enrollment.is_active and old_mode != new_mode and certificates.leads_to_certificate(enrollment.mode):
            certificates.make_later(learner.pk, str(key))
        logger.info("mode of user %s in %s: %s now", learner.pk, key, new_mode)
        return audit


def _key_of(course_id: Any) -> CourseKey:
    """
    Raises:
        Refusal: there is none, or it does not parse.
    """
    _require(course_id=course_id)
    try:
        return CourseKey.parse(course_id)
    except InvalidCourseKey as problem:
        raise _refusal(NO_KEY) from problem


def _require(**fields: Any) -> None:
    """
    Raises:
        Refusal: a field was not sent, or a reason is no text.
    """
    for name, value in fields.items():
        if value is MISSING:
            raise _refusal(FIELD_REQUIRED, name)
    reason = fields.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise _refusal(NO_TEXT)


def _locked_person(username_or_email: str) -> User | None:
    """The person, whose account is held until the transaction ends: two agents enroll a learner one after the other."""
    person = find_person(username_or_email)
    return locked_account(pk=person.pk) if person else None


def _offered_slugs(key: CourseKey) -> list[str]:
    """The modes of a run, expired ones and credit included, each once."""
    modes = modes_of([str(key)]).get(str(key), ())
    return list(dict.fromkeys(mode.slug for mode in offered(modes, include_expired=True)))


def _credit_provider(key: CourseKey) -> str:
    """
    Raises:
        Refusal: nobody grants credit for the run.
    """
    providers = CreditProvider.objects.filter(course_id=str(key), enabled=True).order_by("id")
    found = providers.values_list("provider_id", flat=True).first()
    if found is None:
        raise _refusal(NO_CREDIT_PROVIDER, key)
    return found


def _audit(
    enrollment: CourseEnrollment, learner: User, agent: User, transition: str, reason: str | None
) -> ManualEnrollmentAudit:
    return ManualEnrollmentAudit.objects.create(
        enrollment=enrollment,
        enrolled_by=agent,
        enrolled_email=learner.email,
        state_transition=transition,
        reason=reason,
    )


def _refusal(text: str, *values: Any) -> Refusal:
    return Refusal(SafeString(text.format(*(_without_markup(value) for value in values))))


def _without_markup(value: Any) -> str:
    return value if isinstance(value, SafeString) else html.escape(str(value), quote=False)


def _escaped(mode: Any) -> SafeString:
    """A mode as the contract has it in its texts, quotation marks escaped too."""
    text = html.escape(str(mode), quote=False).replace('"', "&#34;").replace("'", "&#39;")
    return SafeString(text)
