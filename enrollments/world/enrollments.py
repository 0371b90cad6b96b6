"""Course roles, enrollments and what learners have done in runs, allowances, and audits of enrollments made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from django.db import models

from config.world import (
    ROW_ID,
    Column,
    Entry,
    Load,
    Object,
    Objects,
    Reference,
    Refused,
    Section,
    Shape,
    Table,
    columns,
)
from config.world.tables import BATCH
from enrollments.models import (
    BlockCompletion,
    Cohort,
    CohortMembership,
    CourseAccessRole,
    CourseEmailOptout,
    CourseEnrollment,
    CourseEnrollmentAllowed,
    CourseEnrollmentAttribute,
    CourseGrade,
    CourseOverview,
    GeneratedCertificate,
    ManualEnrollmentAudit,
    User,
)
from enrollments.queries.course_modes import default_modes
from enrollments.world.lookups import ACCOUNT, ORGANIZATION_NAME, RUN

_NO_FIELDS = Shape(fields={})

# --- course_roles -------------------------------------------------------------------------------------------------

_ROLE_TABLE = Table(model=CourseAccessRole, key=("user_id", "role", "org", "course_id"), in_bulk=True)


def _load_roles(load: Load, entries: list[Entry]) -> None:
    runs = {entry.given["course_run"] for entry in entries if "course_run" in entry.given}
    orgs = dict(CourseOverview.objects.filter(id__in_set=list(runs)).values_list("id", "org"))
    for entry in entries:
        run, org = entry.given.get("course_run"), entry.given.get("org")
        if run is not None and org is not None:
            load.note(Refused(entry.place.field("org"), "A role is on a run or on an org; a run brings its own."))
        entry.values["course_id"] = run or ""
        entry.values["org"] = orgs[run] if run else org or ""
    _ROLE_TABLE.store(load, entries)


COURSE_ROLES = Section(
    name="course_roles",
    key=("user", "role"),
    optional_key=("course_run", "org"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        **columns(CourseAccessRole, "role"),
        "course_run": Reference(RUN, null=True),
        "org": Reference(ORGANIZATION_NAME, null=True),
    },
    load=_load_roles,
)

# --- enrollments --------------------------------------------------------------------------------------------------

_ATTRIBUTE = Shape(
    fields={
        **columns(CourseEnrollmentAttribute, "namespace", "name"),
        "value": Column(models.CharField(max_length=255, blank=True), "value"),
    }
)
_GRADE = Shape(fields=columns(CourseGrade, "percent", "letter_grade", "passed", "error", "created", "modified"))
_CERTIFICATE = Shape(
    fields={
        **columns(
            GeneratedCertificate,
            "status",
            "mode",
            "download_url",
            "created",
            "modified",
            is_passing="stored_is_passing",
        ),
        "verify_uuid": Column(models.UUIDField()),
    }
)


def _give_verify_uuid(certificate: GeneratedCertificate) -> None:
    certificate.verify_uuid = certificate.verify_uuid or uuid4().hex


ENROLLMENT_TABLE = Table(model=CourseEnrollment, key=("user_id", "course_id"), in_bulk=True)
_GRADE_TABLE = Table(model=CourseGrade, key=("user_id", "course_id"), in_bulk=True)
_CERTIFICATE_TABLE = Table(
    model=GeneratedCertificate, key=("user_id", "course_id"), complete=_give_verify_uuid, in_bulk=True
)
_BLOCK_TABLE = Table(model=BlockCompletion, key=("user_id", "course_id"), in_bulk=True)
_OPTOUT_TABLE = Table(model=CourseEmailOptout, key=("user_id", "course_id"), in_bulk=True)
_MEMBERSHIP_TABLE = Table(model=CohortMembership, key=("user_id", "course_id"), in_bulk=True)


def _load_enrollments(load: Load, entries: list[Entry]) -> None:
    without_mode = [entry for entry in entries if "mode" not in entry.given]
    modes = default_modes({entry.values["course_id"] for entry in without_mode})
    for entry in without_mode:
        entry.defaults["mode"] = modes[entry.values["course_id"]]
    ENROLLMENT_TABLE.store(load, entries)
    _replace_attributes([entry for entry in entries if "attributes" in entry.given])
    _store_grades(load, entries)
    _store_certificates(load, entries)
    _store_facts(load, entries, "last_completed_block", _BLOCK_TABLE, "block_key")
    _store_facts(load, entries, "email_opt_out", _OPTOUT_TABLE, "")
    _join_cohorts(load, entries)


def _replace_attributes(entries: Sequence[Entry]) -> None:
    """Attributes have no natural key: a list that differs in anything replaces the stored one."""
    columns_of_one = ("namespace", "name", "value")
    stored: dict[int, list[tuple[str, ...]]] = {entry.row.pk: [] for entry in entries}
    rows = CourseEnrollmentAttribute.objects.filter(enrollment_id__in_set=list(stored)).order_by("pk")
    for enrollment_id, *attribute in rows.values_list("enrollment_id", *columns_of_one):
        stored[enrollment_id].append(tuple(attribute))
    differing = []
    for entry in entries:
        wanted = [tuple(item.values[name] for name in columns_of_one) for item in entry.given["attributes"]]
        if wanted != stored[entry.row.pk]:
            entry.changed = True
            differing.append((entry.row.pk, wanted))
    CourseEnrollmentAttribute.objects.filter(enrollment_id__in_set=[pk for pk, _ in differing]).delete()
    new = [
        CourseEnrollmentAttribute(enrollment_id=pk, **dict(zip(columns_of_one, attribute, strict=True)))
        for pk, wanted in differing
        for attribute in wanted
    ]
    CourseEnrollmentAttribute.objects.bulk_create(new, batch_size=BATCH)


def _store_grades(load: Load, entries: Sequence[Entry]) -> None:
    for entry in entries:
        grade = entry.given.get("grade")
        if grade is not None:
            # A grade is a number or an error: where one of them is said, the other is no longer there.
            grade.values.setdefault("error", None)
    _store_objects(load, entries, "grade", _GRADE_TABLE)


def _store_certificates(load: Load, entries: Sequence[Entry]) -> None:
    for entry in entries:
        certificate = entry.given.get("certificate")
        if certificate is not None and "verify_uuid" in certificate.given:
            given: UUID = certificate.given["verify_uuid"]
            certificate.values["verify_uuid"] = given.hex
    _store_objects(load, entries, "certificate", _CERTIFICATE_TABLE)


def _store_objects(load: Load, entries: Sequence[Entry], name: str, table: Table) -> None:
    """Stores what an object inside the enrollment says of the learner in the run; null takes it away."""
    pairs = [(entry, entry.given[name]) for entry in entries if entry.given.get(name) is not None]
    for entry, fact in pairs:
        fact.values |= {"user_id": entry.row.user_id, "course_id": entry.row.course_id}
    table.store(load, [fact for _, fact in pairs])
    for entry, fact in pairs:
        entry.changed |= fact.created or fact.changed
    _forget(table.model, [entry for entry in entries if name in entry.given and entry.given[name] is None])


def _store_facts(load: Load, entries: Sequence[Entry], name: str, table: Table, attribute: str) -> None:
    """Stores a plain value that is said of the learner in the run; null, false or nothing takes it away.

    Args:
        attribute: takes the value; empty for a table whose rows say it by being there.
    """
    pairs = []
    for entry in entries:
        if entry.given.get(name):
            about = {"user_id": entry.row.user_id, "course_id": entry.row.course_id}
            value = {attribute: entry.given[name]} if attribute else {}
            pairs.append((entry, Entry(entry.place.field(name), _NO_FIELDS, values={**about, **value})))
    table.store(load, [fact for _, fact in pairs])
    for entry, fact in pairs:
        entry.changed |= fact.created or fact.changed
    _forget(table.model, [entry for entry in entries if name in entry.given and not entry.given[name]])


def _forget(model: type[models.Model], entries: Sequence[Entry]) -> None:
    asked = {(entry.row.user_id, entry.row.course_id): entry for entry in entries}
    rows = model._base_manager.filter(user_id__in_set=[user_id for user_id, _ in asked])
    gone = []
    for pk, user_id, course_id in rows.values_list("pk", "user_id", "course_id"):
        if (user_id, course_id) in asked:
            asked[user_id, course_id].changed = True
            gone.append(pk)
    model._base_manager.filter(pk__in_set=gone).delete()


def _join_cohorts(load: Load, entries: Sequence[Entry]) -> None:
    asked = [entry for entry in entries if "cohort" in entry.given]
    rows = Cohort.objects.filter(course_id__in_set=list({entry.row.course_id for entry in asked}))
    cohorts = {(run, name): pk for pk, run, name in rows.values_list("pk", "course_id", "name")}
    for entry in asked:
        name = entry.given["cohort"]
        if name is None:
            continue
        if (entry.row.course_id, name) not in cohorts:
            load.note(Refused(entry.place.field("cohort"), f"The run has no cohort {name!r}."))
        else:
            entry.given["cohort"] = cohorts[entry.row.course_id, name]
    load.stop_if_refused()
    _store_facts(load, asked, "cohort", _MEMBERSHIP_TABLE, "cohort_id")


ENROLLMENTS = Section(
    name="enrollments",
    key=("user", "course_run"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "course_run": Reference(RUN, "course_id"),
        **columns(CourseEnrollment, "mode", "is_active", "created"),
        "attributes": Objects(_ATTRIBUTE),
        "grade": Object(_GRADE, null=True),
        "certificate": Object(_CERTIFICATE, null=True),
        "cohort": Column(models.CharField(max_length=255, null=True)),
        "last_completed_block": Column(models.CharField(max_length=255, null=True, blank=True)),
        "email_opt_out": Column(models.BooleanField()),
    },
    load=_load_enrollments,
)

# --- enrollments_allowed, manual_audits ---------------------------------------------------------------------------

_ALLOWED_TABLE = Table(model=CourseEnrollmentAllowed, key=("email", "course_id"), in_bulk=True)

ENROLLMENTS_ALLOWED = Section(
    name="enrollments_allowed",
    key=("email", "course_run"),
    fields={
        "id": ROW_ID,
        "course_run": Reference(RUN, "course_id"),
        "user": Reference(ACCOUNT, "user_id", null=True),
        **columns(CourseEnrollmentAllowed, "email", "auto_enroll", "created"),
    },
    load=_ALLOWED_TABLE.store,
)

_AUDIT_TABLE = Table(model=ManualEnrollmentAudit, key=("enrollment_id", "time_stamp"), in_bulk=True)


def _load_audits(load: Load, entries: list[Entry]) -> None:
    learners = list({entry.given["user"] for entry in entries})
    enrollments = CourseEnrollment.objects.filter(user_id__in_set=learners)
    found = {(user_id, run): pk for pk, user_id, run in enrollments.values_list("pk", "user_id", "course_id")}
    addresses = dict(User.objects.filter(pk__in_set=learners).values_list("pk", "email"))
    for entry in entries:
        learner, run = entry.given["user"], entry.given["course_run"]
        if (learner, run) not in found:
            load.note(Refused(entry.place.field("course_run"), "The user has no enrollment in this run."))
            continue
        entry.values["enrollment_id"] = found[learner, run]
        entry.defaults["enrolled_email"] = addresses[learner]
    load.stop_if_refused()
    _AUDIT_TABLE.store(load, entries)


MANUAL_AUDITS = Section(
    name="manual_audits",
    key=("user", "course_run", "time_stamp"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT),
        "course_run": Reference(RUN),
        "enrolled_by": Reference(ACCOUNT, "enrolled_by_id", null=True),
        **columns(ManualEnrollmentAudit, "time_stamp", "state_transition", "enrolled_email"),
        "reason": Column(models.TextField(null=True, blank=True), "reason"),
        "role": Column(models.CharField(max_length=64, null=True, blank=True), "role"),
    },
    load=_load_audits,
)
