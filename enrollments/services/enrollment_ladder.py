"""POST enrollment, rung by rung: the numbers are those of the decision ladder of contract enrollment-api, in its order.

A rung refuses by raising `Refusal`. What was written before a refusal stays written, as the contract wants it (a linked
customer, an enrollment whose cohort turns out to be unknown): refusals are caught inside the transaction and raised
after it has been committed. Anything else that goes wrong rolls all of it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import CharField
from django.urls import reverse

from config.api.exceptions import Refusal
from config.db.reads import Given, KeptInstances
from config.hooks import hook
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseEnrollment, CourseOverview, User
from enrollments.queries.course_modes import Mode, default_of, modes_of, offered
from enrollments.queries.enrollments import accounts_with_emails
from enrollments.services import attributes, audit, bulk, cohorts, email_opt_in, embargo
from enrollments.services.enroll import (
    AlreadyEnrolled,
    Movement,
    admit,
    enrollment_in,
    locked_account_named,
    store,
)

FREE_MODES = ("audit", "honor")
REQUIRED_ATTRIBUTES = {"credit": ("credit:provider_id",)}
LONGEST_TEXT = 255

EMBARGOED = "Users from this location cannot access the course '{}'."
MODE_UNAVAILABLE = "The [{}] course mode is expired or otherwise unavailable for course run [{}]."
COHORT_REFUSED = "An error occured while adding to cohort [{}]"  # spelt as clients know it


class Embargoed(Refusal):
    """The learner may not take the run where they are; `path` leads to the page that says so."""

    def __init__(self, run: CourseKey, message_key: str) -> None:
        super().__init__(EMBARGOED.format(run), status=403)
        self.path = reverse("embargo-blocked-message", kwargs={"message_key": message_key})


class ModeUnavailable(Refusal):
    """The run does not offer the mode (body M); `modes` are those that were considered, of `run`."""

    def __init__(self, requested: Any, run: CourseOverview, modes: Sequence[Mode]) -> None:
        super().__init__(MODE_UNAVAILABLE.format(requested, run.pk), code="mode-unavailable")
        self.run = run
        self.modes = modes


@dataclass(frozen=True)
class Caller:
    """Who asks: an account, the API key, or both. `address` is the IP address the request came from."""

    account: User | AnonymousUser
    by_api_key: bool = False
    address: str = ""

    @property
    def username(self) -> str:
        return self.account.get_username()

    @property
    def is_staff(self) -> bool:
        return self.account.is_staff

    @property
    def is_privileged(self) -> bool:
        """P in the contract: the API key or staff. A superuser who is not staff is not."""
        return self.by_api_key or self.is_staff


class Answer(NamedTuple):
    """The enrollment to show, and its run (None when it no longer exists) with all mode rows."""

    enrollment: CourseEnrollment
    learner: User
    run: CourseOverview | None
    modes: Sequence[Mode]


@dataclass(frozen=True)
class Asked:
    """A request whose learner and run are known (steps 1 to 8)."""

    caller: Caller
    body: Mapping[str, Any]
    key: CourseKey
    learner: User

    @property
    def mode(self) -> Any:
        return self.body.get("mode")

    @property
    def is_active(self) -> Any:
        return self.body.get("is_active")

    @property
    def attributes(self) -> Any:
        return self.body.get("enrollment_attributes")

    def generic_refusal(self, code: str | None = None) -> Refusal:
        """Body G. `code` tells clients that want to know more than the contract's sentence why."""
        return generic_refusal(self.learner.username, self.key, code)


def answer_request(caller: Caller, body: object) -> Answer:
    """Does what a POST to `enrollment` asks for: create, re-activate, deactivate or change the mode.

    Args:
        body: the JSON document as sent.
    Raises:
        Refusal: a rung says no; Embargoed and ModeUnavailable carry more than their text.
    """
    asked: Asked | None = None
    try:
        with transaction.atomic():
            asked = identify(caller, body)
            try:
                return change(asked)
            except Refusal as refusal:
                refused = refusal
        raise refused
    finally:
        if asked is not None and caller.by_api_key:
            audit.enrollment_change_requested(
                user_id=asked.learner.pk,
                course_id=str(asked.key),
                requested_mode=asked.mode,
                requested_activation=asked.is_active,
            )


def identify(caller: Caller, body: object) -> Asked:
    """Steps 1 to 8: who is to be enrolled where, and may the caller ask. Locks the learner's account."""
    # 1
    fields = body if isinstance(body, Mapping) else {}
    details = fields.get("course_details")
    course_id = details.get("course_id") if isinstance(details, Mapping) else None
    if not course_id:
        raise Refusal("Course ID must be specified to create a new enrollment.")
    # 2
    try:
        key = CourseKey.parse(course_id)
    except InvalidCourseKey as problem:
        raise unknown_run(course_id) from problem
    # 3
    username, email, mode = fields.get("user"), fields.get("email"), fields.get("mode")
    if username and username != caller.username and not caller.is_privileged:
        raise Refusal("", status=404)
    # 4, 5
    learner = None
    if not username and email:
        if not caller.is_privileged:
            raise Refusal("", status=404)
        learner = _learner_with_email(email)
        if learner is None:
            raise Refusal(f"The user with the email address {email} does not exist.", status=406)
    # 6
    if mode is not None and mode not in FREE_MODES and not caller.is_privileged:
        raise Refusal(f"User does not have permission to create enrollment with mode [{mode}].", status=403)
    # 7
    if learner is None:
        username = username or caller.username
        learner = locked_account_named(username) if isinstance(username, str) else None
    if learner is None:
        raise Refusal(f"The user {username} does not exist.", status=406)
    # 8
    message_key = embargo.blocking_message(learner, key, caller.address)
    if message_key is not None:
        raise Embargoed(key, message_key)
    return Asked(caller, fields, key, learner)


def change(asked: Asked) -> Answer:
    """Steps 9 to 19: check the rest of the body, take the update or the add branch, then what goes with it."""
    caller, body, learner, mode, is_active = asked.caller, asked.body, asked.learner, asked.mode, asked.is_active
    # 9
    if is_active is not None and not isinstance(is_active, bool):
        raise Refusal(f"'{is_active}' is an invalid enrollment activation status.")
    # 10
    _record_linked_customer(asked)
    # 11
    force = body.get("force_enrollment")
    if force is not None and not isinstance(force, bool):
        raise Refusal(f"'{force}' is an invalid force enrollment status.")
    # 12
    force = bool(force) and caller.is_staff
    # 13
    current = enrollment_in(learner, str(asked.key))
    mode_changed = current is not None and mode is not None and mode != current.mode
    active_changed = current is not None and is_active is not None and is_active != current.is_active
    # 14
    if not _are_named(asked.attributes):
        raise asked.generic_refusal("invalid-attributes")
    # 15, 16
    if current is not None and caller.is_privileged and (mode_changed or active_changed):
        answer = update_branch(asked, current, deactivates=mode_changed and active_changed and is_active is False)
    else:
        run, modes = _run_and_modes(asked)
        try:
            answer = add_branch(asked, current, run, modes, force=force)
        except AlreadyEnrolled as already:  # 16g: no attributes, cohort or opt-in are stored
            return Answer(already.enrollment, learner, run, modes)
    # 17
    cohort = body.get("cohort")
    if cohort is not None:
        try:
            cohorts.join(learner, str(asked.key), cohort)
        except cohorts.UnknownCohort as problem:
            raise Refusal(COHORT_REFUSED.format(cohort)) from problem
    # 18: a bare API key has no caller to store it for
    wanted = body.get("email_opt_in")
    if wanted is not None and isinstance(caller.account, User):
        email_opt_in.store(caller.account, asked.key.org, wanted)
    # 19
    return answer


def update_branch(asked: Asked, current: CourseEnrollment, *, deactivates: bool) -> Answer:
    """Step 15, for the API key and staff: no window, invitation or seat is looked at.

    Args:
        deactivates: whether the request changes the mode and switches the enrollment off at once.
    """
    mode, is_active = asked.mode, asked.is_active
    # 15a
    if deactivates:
        raise Refusal(
            f"Enrollment mode mismatch: active mode={current.mode}, requested mode={mode}. Won't deactivate.",
            code="mode-mismatch",
        )
    # 15b
    _require_attributes(asked)
    # 15c
    run, modes = _run_and_modes(asked)
    if mode is not None:
        if run is None:
            raise unknown_run(asked.key)
        _require_offered(mode, mode, run, offered(modes, include_expired=asked.caller.by_api_key or is_active is False))
    # 15d
    movement = Movement(asked.learner, current, _enterprise_uuid(asked))
    movement.update(mode, is_active)
    store([movement])
    # 15e
    _replace_attributes(asked, current)
    return Answer(current, asked.learner, run, modes)


def add_branch(
    asked: Asked, current: CourseEnrollment | None, run: CourseOverview | None, modes: Sequence[Mode], *, force: bool
) -> Answer:
    """Step 16: enroll the learner, anew or again.

    Args:
        modes: all mode rows of the run.
    Raises:
        AlreadyEnrolled: 16g, the learner is active and nothing was changed.
    """
    # 16a
    default = default_of(modes)
    mode = default if asked.mode is None else asked.mode
    # 16b
    if run is None:
        raise unknown_run(asked.key)
    # 16c
    _require_offered(mode, asked.mode, run, offered(modes, include_expired=force or asked.is_active is False))
    # 16d, 16e, 16f, 16g
    try:
        admit(asked.learner, run.pk, mode, current, run=run, override_closed=force)
    except AlreadyEnrolled:
        raise
    except Refusal as refusal:
        raise asked.generic_refusal(refusal.code or "enrollment-vetoed") from refusal
    # 16h
    movement = Movement.of(asked.learner, run.pk, current, _enterprise_uuid(asked))
    movement.enroll(default)
    movement.update(mode, asked.is_active)
    store([movement])
    # 16i
    _replace_attributes(asked, movement.enrollment)
    return Answer(movement.enrollment, asked.learner, run, modes)


def enroll_by_email(email: str, course_id: str, mode: str | None = None) -> Answer:
    """The add branch with `is_active` true, for the command `enroll_user_in_course`; who is enrolled already stays so.

    Raises:
        Refusal: no account has exactly this address, or the branch refuses.
    """
    try:
        key = CourseKey.parse(course_id)
    except InvalidCourseKey as problem:
        raise unknown_run(course_id) from problem
    with transaction.atomic():
        learner = _learner_with_email(email)
        if learner is None:
            raise Refusal(f"The user with the email address {email} does not exist.", status=406)
        asked = Asked(Caller(AnonymousUser()), {"mode": mode, "is_active": True}, key, learner)
        run, modes = _run_and_modes(asked)
        try:
            return add_branch(asked, enrollment_in(learner, str(key)), run, modes, force=False)
        except AlreadyEnrolled as already:
            return Answer(already.enrollment, learner, run, modes)


def unknown_run(course_id: object) -> Refusal:
    """The answer to a key that does not parse or names no run."""
    return Refusal(f"No course '{course_id}' found for enrollment", code="unknown-course-run")


def generic_refusal(username: str, course_id: object, code: str | None) -> Refusal:
    """Body G, with the reason as a word beside the contract's sentence when there is one."""
    text = f"An error occurred while creating the new course enrollment for user '{username}' in course '{course_id}'"
    return Refusal(text, code=code, body={"message": text, "error_code": code} if code else {"message": text})


def refusal_text(reason: str, username: str, course_id: str, mode: str) -> str:
    """What the add branch says to a reason for which `bulk.Ensure` refuses an enrollment."""
    if reason in (bulk.INVALID_KEY, bulk.UNKNOWN_RUN):
        return unknown_run(course_id).text
    if reason == bulk.MODE_UNAVAILABLE:
        return MODE_UNAVAILABLE.format(mode, course_id)
    return generic_refusal(username, course_id, None).text


def _learner_with_email(email: object) -> User | None:
    """The account with exactly this address, locked."""
    if not isinstance(email, str):
        return None
    return accounts_with_emails([email]).select_for_update(no_key=True).first()


def _record_linked_customer(asked: Asked) -> None:
    """Step 10: the customer that an order service says the enrollment belongs to."""
    customer = asked.body.get("linked_enterprise_customer")
    record = hook("LINKED_ENROLLMENT") if settings.ENABLE_ENTERPRISE_INTEGRATION else None
    if not customer or not asked.caller.by_api_key or record is None:
        return
    try:
        record(asked.learner, str(asked.key), str(UUID(str(customer))))
    except ValueError as problem:
        raise asked.generic_refusal("unknown-customer") from problem
    except Refusal as refusal:
        raise asked.generic_refusal(refusal.code or "linked-customer-refused") from refusal


def _run_and_modes(asked: Asked) -> tuple[CourseOverview | None, Sequence[Mode]]:
    run_id = str(asked.key)
    return next(iter(_runs(run_id=run_id)), None), modes_of([run_id]).get(run_id, [])


_runs = KeptInstances(lambda: CourseOverview.objects.filter(pk=Given("run_id", CharField())).order_by())


def _require_offered(mode: Any, requested: Any, run: CourseOverview, modes: Sequence[Mode]) -> None:
    """Body M unless the mode is among those that count; the text names what was requested, `None` when nothing was."""
    if all(mode != each.slug for each in modes):
        raise ModeUnavailable(requested, run, modes)


def _enterprise_uuid(asked: Asked) -> str | None:
    value = asked.body.get("enterprise_uuid")
    return str(value)[:LONGEST_TEXT] if value else None


def _are_named(attributes: Any) -> bool:
    """Whether the attributes, if there are any, are a list of objects whose namespace and name can be stored."""
    if attributes is None:
        return True
    return isinstance(attributes, list) and all(
        isinstance(item, Mapping) and _text(item.get("namespace")) is not None and _text(item.get("name")) is not None
        for item in attributes
    )


def _require_attributes(asked: Asked) -> None:
    """15b. A list that is empty or absent passes: clients count on it."""
    required = REQUIRED_ATTRIBUTES.get(asked.mode, ()) if isinstance(asked.mode, str) else ()
    given = {f"{item['namespace']}:{item['name']}" for item in asked.attributes or ()}
    missing = [name for name in required if name not in given]
    if given and missing:
        raise Refusal(f"Missing enrollment attributes: requested mode={asked.mode} required attributes={missing}")


def _replace_attributes(asked: Asked, enrollment: CourseEnrollment) -> None:
    """15e, 16i: None leaves the stored ones alone, a list replaces them. An item without a value refuses all."""
    if asked.attributes is None:
        return
    rows = []
    for item in asked.attributes:
        value = _text(item.get("value"))
        if value is None:
            raise asked.generic_refusal("invalid-attributes")
        rows.append((str(item["namespace"]), str(item["name"]), value))
    attributes.replace(enrollment, rows)


def _text(value: Any) -> str | None:
    """A text or number as it is stored; None for what no column takes."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else None
