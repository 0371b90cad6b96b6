"""The catalogue: courses, their runs, programs, who grants credit, and who may not take a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from config.world import (
    ROW_ID,
    Column,
    Entry,
    Load,
    Object,
    Objects,
    Place,
    Reader,
    Reference,
    References,
    Refused,
    Section,
    Shape,
    Table,
    Texts,
    Values,
    columns,
    replace_links,
)
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import (
    BlockDueDate,
    Cohort,
    CountryAccessRule,
    Course,
    CourseMode,
    CourseOverview,
    CreditProvider,
    Curriculum,
    Organization,
    Program,
    ProgramOrganization,
    RestrictedCourse,
    VerificationDeadline,
    course_uuid,
)
from enrollments.signals import catalogue_changed
from enrollments.world.lookups import ACCOUNT, COURSE, ORGANIZATION, PROGRAM, RUN

_NO_FIELDS = Shape(fields={})
_ANYTHING = Column(models.JSONField(null=True, blank=True))


def _further(*names: str) -> dict[str, Reader]:
    """Fields of the catalog's documents that have no column of their own."""
    return dict.fromkeys(names, _ANYTHING)


def _keep_further(entries: Sequence[Entry], model: type[models.Model], key: str, names: Iterable[str]) -> None:
    """Lays the given further fields over those that are stored."""
    asked = [(entry, given) for entry in entries if (given := {n: entry.given[n] for n in names if n in entry.given})]
    rows = model._base_manager.filter(**{f"{key}__in_set": [entry.values[key] for entry, _ in asked]})
    stored = dict(rows.values_list(key, "additional_metadata"))
    for entry, given in asked:
        entry.values["additional_metadata"] = {**stored.get(entry.values[key], {}), **given}


def _tell(
    load: Load,
    *,
    courses: Iterable[Entry] = (),
    runs: Iterable[Entry] = (),
    programs: Iterable[Entry] = (),
) -> None:
    """Others keep copies of the catalogue: they hear at the end of the load what has changed."""
    if "catalogue" not in load.shared:
        heard: dict[str, list[Any]] = {"course_keys": [], "run_keys": [], "program_uuids": []}
        load.shared["catalogue"] = heard
        load.at_end(lambda: any(heard.values()) and catalogue_changed.send(sender=Course, **heard))
    heard = load.shared["catalogue"]
    heard["course_keys"] += [entry.row.key for entry in courses if entry.created or entry.changed]
    heard["run_keys"] += [entry.row.pk for entry in runs if entry.created or entry.changed]
    heard["program_uuids"] += [entry.row.pk for entry in programs if entry.created or entry.changed]


# --- courses ------------------------------------------------------------------------------------------------------

_FURTHER_COURSE = _further(
    "marketing_url",
    "video",
    "subject_uuids",
    "prerequisites",
    "expected_learning_items",
    "sponsors",
)
_ENTITLEMENT = Shape(
    key=("mode",),
    fields={
        "mode": Column(models.CharField(max_length=255)),
        "price": Column(models.JSONField(null=True)),
        "sku": Column(models.CharField(max_length=255, null=True, blank=True)),
    },
)


def _check_course_key(text: str) -> None:
    try:
        key = CourseKey.parse(f"course-v1:{text}+run")
    except InvalidCourseKey:
        key = None
    if key is None or key.run != "run" or text.startswith("course-v1:"):
        raise ValidationError("A course has a key of the form ORG+COURSE.")


def _give_course_uuid(course: Course) -> None:
    course.uuid = course.uuid or course_uuid(course.key)


_COURSE_TABLE = Table(model=Course, key=("key",), complete=_give_course_uuid, in_bulk=True)


class _AdvertisedRun(Reference):
    """A run of the course: stored, or further below in the file."""

    def read(self, load: Load, place: Place, value: Any) -> Any:
        return value if value in load.in_file("course_runs", "key") else super().read(load, place, value)


def _load_courses(load: Load, entries: list[Entry]) -> None:
    names = {entry.given["key"].partition("+")[0] for entry in entries if "org" not in entry.given}
    owners = dict(Organization.objects.filter(short_name__in_set=list(names)).values_list("short_name", "pk"))
    for entry in entries:
        entry.defaults["organization_id"] = owners.get(entry.given["key"].partition("+")[0])
        if "entitlements" in entry.given:
            entry.values["entitlements"] = [item.given for item in entry.given["entitlements"]]
    _keep_further(entries, Course, "key", _FURTHER_COURSE)
    _COURSE_TABLE.store(load, entries)
    _tell(load, courses=entries)


COURSES = Section(
    name="courses",
    key=("key",),
    fields={
        "id": ROW_ID,
        "key": Column(models.CharField(max_length=200, validators=[_check_course_key]), "key"),
        "org": Reference(ORGANIZATION, "organization_id", null=True),
        **columns(
            Course,
            "uuid",
            "title",
            "short_description",
            "full_description",
            "image_url",
            "level_type",
            "course_type",
            "product_source",
            "partner",
            "created",
            "modified",
        ),
        "languages": Texts("languages"),
        "subjects": Values("subjects"),
        "skills": Values("skills"),
        "entitlements": Objects(_ENTITLEMENT),
        "advertised_run": _AdvertisedRun(RUN, "advertised_run_key", null=True),
        **_FURTHER_COURSE,
    },
    load=_load_courses,
)

# --- course_runs --------------------------------------------------------------------------------------------------

_FURTHER_RUN = _further(
    "full_description",
    "level_type",
    "image",
    "image_url",
    "logo_image_urls",
    "video",
    "announcement",
    "transcript_languages",
    "min_effort",
    "max_effort",
    "weeks_to_complete",
    "mobile_available",
    "instructors",
    "staff",
    "staff_uuids",
    "subject_uuids",
    "authoring_organization_uuids",
    "hidden",
    "reporting_type",
    "eligible_for_financial_aid",
    "restriction_type",
)
_MODE = Shape(
    key=("slug", "currency"),
    key_defaults={"currency": "usd"},
    ignoring_case=frozenset({"currency"}),
    fields={
        "id": ROW_ID,
        **columns(
            CourseMode,
            "currency",
            "min_price",
            "suggested_prices",
            "expiration_datetime",
            "expiration_datetime_is_explicit",
            "description",
            "sku",
            "bulk_sku",
            slug="mode_slug",
            name="mode_display_name",
        ),
    },
)
_DUE_DATE = Shape(
    optional_key=("name", "block", "url", "user"),
    fields={
        "id": ROW_ID,
        **columns(BlockDueDate, "name", "block", "url", "date"),
        "user": Reference(ACCOUNT, "user_id", null=True),
    },
)
_BULK_EMAIL = Shape(
    fields=columns(CourseOverview, enabled="bulk_email_enabled", authorized="bulk_email_authorized"),
)


def _check_run_key(text: str) -> None:
    try:
        key = CourseKey.parse(text)
    except InvalidCourseKey as error:
        raise ValidationError("This is no course key.") from error
    if key.run is None:
        raise ValidationError("This is the key of a library, not of a run.")


def _give_run_uuid(run: CourseOverview) -> None:
    run.uuid = run.uuid or course_uuid(run.id)


_RUN_TABLE = Table(model=CourseOverview, key=("id",), complete=_give_run_uuid)
_MODE_TABLE = Table(model=CourseMode, key=("course_id", "mode_slug", "currency"), complete=lambda mode: mode.clean())
_DUE_DATE_TABLE = Table(
    model=BlockDueDate, key=("course_id", "name", "block", "url", "user_id"), optional=frozenset({"name"})
)
_COHORT_TABLE = Table(model=Cohort, key=("course_id", "name"))
_DEADLINE_TABLE = Table(model=VerificationDeadline, key=("course_id",))


def _load_runs(load: Load, entries: list[Entry]) -> None:
    keys = {entry.given["key"]: CourseKey.parse(entry.given["key"]) for entry in entries}
    courses = Course.objects.filter(key__in_set=list({key.course_key for key in keys.values()}))
    parents = dict(courses.values_list("key", "pk"))
    for entry in entries:
        key = keys[entry.given["key"]]
        entry.defaults = {"org": key.org, "course_id": parents.get(key.course_key)}
        if entry.given.get("bulk_email"):
            entry.values |= entry.given["bulk_email"].values
    _keep_further(entries, CourseOverview, "id", _FURTHER_RUN)
    _RUN_TABLE.store(load, entries)
    _load_modes(load, [(entry, entry.given["modes"]) for entry in entries if "modes" in entry.given])
    _load_due_dates(load, [(entry, entry.given["due_dates"]) for entry in entries if "due_dates" in entry.given])
    cohorts = [
        (entry, [_value(entry, "cohorts", name=name) for name in entry.given["cohorts"]])
        for entry in entries
        if "cohorts" in entry.given
    ]
    _COHORT_TABLE.store_lists(load, cohorts, "course_id")
    deadlines = [
        (entry, [_value(entry, "verification_deadline", deadline=deadline)] if deadline else [])
        for entry in entries
        if "verification_deadline" in entry.given
        for deadline in [entry.given["verification_deadline"]]
    ]
    _DEADLINE_TABLE.store_lists(load, deadlines, "course_id")
    _tell(load, runs=entries)


def _value(entry: Entry, of: str, **values: Any) -> Entry:
    """An entry for a plain value of a field, or of a list there."""
    return Entry(entry.place.field(of), _NO_FIELDS, values=values)


def _load_modes(load: Load, lists: list[tuple[Entry, list[Entry]]]) -> None:
    for _, modes in lists:
        for mode in modes:
            mode.values["currency"] = mode.values["currency"].lower()
            mode.defaults["mode_display_name"] = mode.values["mode_slug"].replace("-", " ").title()
    _MODE_TABLE.store_lists(load, lists, "course_id")


def _load_due_dates(load: Load, lists: list[tuple[Entry, list[Entry]]]) -> None:
    for _, dates in lists:
        for date in dates:
            if not {"name", "block", "url"} & date.given.keys():
                load.note(Refused(date.place, "A due date needs a name, a block or a url."))
            date.values = {"name": "", "block": "", "url": "", "user_id": None, **date.values}
    _DUE_DATE_TABLE.store_lists(load, lists, "course_id")


COURSE_RUNS = Section(
    name="course_runs",
    key=("key",),
    fields={
        "key": Column(models.CharField(max_length=255, validators=[_check_run_key]), "id"),
        "course": Reference(COURSE, "course_id", null=True),
        "pacing": Column(models.CharField(), "self_paced", renamed={"instructor": False, "self": True}),
        **columns(
            CourseOverview,
            "uuid",
            "org",
            "display_name",
            "start",
            "end",
            "enrollment_start",
            "enrollment_end",
            "short_description",
            "catalog_visibility",
            "certificate_available_date",
            "language",
            "availability",
            "published",
            "marketing_url",
            "created",
            "modified",
            invite_only="invitation_only",
            max_enrollments="max_student_enrollments_allowed",
        ),
        "bulk_email": Object(_BULK_EMAIL),
        "modes": Objects(_MODE),
        "cohorts": Texts(unique=True),
        "due_dates": Objects(_DUE_DATE),
        "verification_deadline": Column(models.DateTimeField(null=True)),
        **_FURTHER_RUN,
    },
    load=_load_runs,
)

# --- programs -----------------------------------------------------------------------------------------------------

_FURTHER_PROGRAM = _further(
    "hidden",
    "is_program_eligible_for_one_click_purchase",
    "marketing_url",
    "card_image_url",
    "banner_image",
    "overview",
    "language",
    "languages",
    "transcript_languages",
    "min_hours_effort_per_week",
    "max_hours_effort_per_week",
    "weeks_to_complete",
    "weeks_to_complete_min",
    "weeks_to_complete_max",
    "subjects",
    "subject_uuids",
    "staff",
    "staff_uuids",
    "video",
    "expected_learning_items",
    "faq",
    "credit_backing_organizations",
    "corporate_endorsements",
    "individual_endorsements",
    "job_outlook_items",
    "price_ranges",
    "credit_redemption_overview",
    "applicable_seat_types",
)
_STATUSES = {name: name for name in ("active", "retired", "unpublished", "deleted")}
_CURRICULUM = Shape(
    key=("uuid",),
    fields={
        **columns(Curriculum, "uuid", "name", "is_active", "created", "modified"),
        "course_runs": References(RUN),
        "courses": References(COURSE),
        "programs": References(PROGRAM),
    },
)
_PROGRAM_TABLE = Table(model=Program, key=("uuid",))
_OWNER_TABLE = Table(model=ProgramOrganization, key=("program_id", "organization_id"))
_CURRICULUM_TABLE = Table(model=Curriculum, key=("program_id", "uuid"))


def _load_programs(load: Load, entries: list[Entry]) -> None:
    _keep_further(entries, Program, "uuid", _FURTHER_PROGRAM)
    _PROGRAM_TABLE.store(load, entries)
    owners = [
        (
            entry,
            [
                _value(entry, "organizations", organization_id=organization, position=position)
                for position, organization in enumerate(entry.given["organizations"])
            ],
        )
        for entry in entries
        if "organizations" in entry.given
    ]
    _OWNER_TABLE.store_lists(load, owners, "program_id")
    _link(entries, "courses", Program.courses.through, "program_id", "course_id")
    curricula = [(entry, entry.given["curricula"]) for entry in entries if "curricula" in entry.given]
    for _, children in curricula:
        for position, curriculum in enumerate(children):
            curriculum.values["position"] = position
    _CURRICULUM_TABLE.store_lists(load, curricula, "program_id")
    everything = [child for _, children in curricula for child in children]
    _link(everything, "course_runs", Curriculum.course_runs.through, "curriculum_id", "courseoverview_id")
    _link(everything, "courses", Curriculum.courses.through, "curriculum_id", "course_id")
    _link(everything, "programs", Curriculum.programs.through, "curriculum_id", "program_id")
    for entry, children in curricula:
        entry.changed |= any(child.changed for child in children)
    _tell(load, programs=entries)


def _link(entries: Sequence[Entry], name: str, through: type[models.Model], owner: str, target: str) -> None:
    links = {entry.row.pk: entry.given[name] for entry in entries if name in entry.given}
    changed = replace_links(links, through, owner, target)
    for entry in entries:
        entry.changed |= entry.row.pk in changed


PROGRAMS = Section(
    name="programs",
    key=("uuid",),
    own=PROGRAM,
    fields={
        **columns(Program, "uuid", "title", "subtitle", "type", "marketing_slug", "created", "modified"),
        "status": Column(models.CharField(), "status", renamed=_STATUSES),
        "organizations": References(ORGANIZATION),
        "courses": References(COURSE),
        "curricula": Objects(_CURRICULUM),
        **_FURTHER_PROGRAM,
    },
    load=_load_programs,
)

# --- credit_providers, embargoes ----------------------------------------------------------------------------------

_CREDIT_PROVIDER_TABLE = Table(model=CreditProvider, key=("course_id", "provider_id"))

CREDIT_PROVIDERS = Section(
    name="credit_providers",
    key=("course_run", "provider_id"),
    fields={
        "id": ROW_ID,
        "course_run": Reference(RUN, "course_id"),
        **columns(CreditProvider, "provider_id", "display_name", "enabled", "created", "modified"),
    },
    load=_CREDIT_PROVIDER_TABLE.store,
)

_RESTRICTED_TABLE = Table(model=RestrictedCourse, key=("course_id",))
_COUNTRY_TABLE = Table(
    model=CountryAccessRule,
    key=("restricted_course_id", "country"),
    fold={"country": str},
)


def _load_embargoes(load: Load, entries: list[Entry]) -> None:
    runs: dict[str, Entry] = {}
    for entry in entries:
        key = entry.given["course_run"]
        restricted = runs.setdefault(key, Entry(entry.place, _NO_FIELDS, values={"course_id": key}))
        message = entry.given.get("message_key")
        if message is not None and restricted.values.setdefault("enroll_msg_key", message) != message:
            load.note(
                Refused(entry.place.field("message_key"), "A run has one message key; other rows of it have another.")
            )
    _RESTRICTED_TABLE.store(load, list(runs.values()))
    for entry in entries:
        entry.values["restricted_course_id"] = runs[entry.given["course_run"]].row.pk
    _COUNTRY_TABLE.store(load, entries)
    for entry in entries:
        entry.changed |= runs[entry.given["course_run"]].changed


EMBARGOES = Section(
    name="embargoes",
    key=("course_run", "country"),
    fields={
        "course_run": Reference(RUN),
        **columns(CountryAccessRule, "country", rule="rule_type"),
        "message_key": Column(RestrictedCourse._meta.get_field("enroll_msg_key")),
    },
    load=_load_embargoes,
)
