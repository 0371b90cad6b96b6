"""Enterprise enrollments with what pays for them, and consents."""

from __future__ import annotations

from collections.abc import Sequence

from config.world import ROW_ID, Entry, Load, Object, Reference, Refused, Section, Shape, Table, columns
from enrollments.queries.course_modes import best_mode
from enrollments.world.enrollments import ENROLLMENT_TABLE
from enrollments.world.lookups import ACCOUNT, CONTENT, RUN
from enterprise.models import (
    DataSharingConsent,
    EnterpriseCourseEnrollment,
    EnterpriseEnrollmentSource,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)
from enterprise.world.lookups import CUSTOMER, SOURCE, USERNAME, links_of

# --- enterprise_enrollments ---------------------------------------------------------------------------------------

_LICENSE = Shape(
    fields=columns(
        LicensedEnterpriseCourseEnrollment,
        "uuid",
        "license_uuid",
        "is_revoked",
        "fulfillment_type",
        "created",
        "modified",
    )
)
_LEARNER_CREDIT = Shape(
    fields=columns(
        LearnerCreditEnterpriseCourseEnrollment,
        "uuid",
        "transaction_id",
        "is_revoked",
        "fulfillment_type",
        "created",
        "modified",
    )
)
_ENTERPRISE_TABLE = Table(
    model=EnterpriseCourseEnrollment, key=("enterprise_customer_user_id", "course_id"), in_bulk=True
)
_LICENSE_TABLE = Table(model=LicensedEnterpriseCourseEnrollment, key=("enterprise_course_enrollment_id",), in_bulk=True)
_LEARNER_CREDIT_TABLE = Table(
    model=LearnerCreditEnterpriseCourseEnrollment, key=("enterprise_course_enrollment_id",), in_bulk=True
)


def _load_enterprise_enrollments(load: Load, entries: list[Entry]) -> None:
    links = links_of([(entry.given["customer"], entry.given["user"]) for entry in entries])
    manual = EnterpriseEnrollmentSource.objects.filter(slug=EnterpriseEnrollmentSource.MANUAL)
    source = manual.values_list("pk", flat=True).first()
    for entry in entries:
        link, _ = links.get((entry.given["customer"], entry.given["user"]), (None, False))
        if link is None:
            load.note(Refused(entry.place.field("user"), "This account has no learner link with the customer."))
        entry.values["enterprise_customer_user_id"] = link
        entry.values["enterprise_customer_id"] = entry.given["customer"]
        entry.defaults["source_id"] = source
    load.stop_if_refused()
    _ENTERPRISE_TABLE.store(load, entries)
    _store_fulfillments(load, entries, "license", _LICENSE_TABLE)
    _store_fulfillments(load, entries, "learner_credit", _LEARNER_CREDIT_TABLE)
    _enroll(load, entries)


def _store_fulfillments(load: Load, entries: Sequence[Entry], name: str, table: Table) -> None:
    """An enterprise enrollment has at most one of a kind: the one of the file is it, and null takes it away."""
    lists = [(entry, [entry.given[name]] if entry.given[name] else []) for entry in entries if name in entry.given]
    table.store_lists(load, lists, "enterprise_course_enrollment_id")


def _enroll(load: Load, entries: Sequence[Entry]) -> None:
    """Makes the plain enrollments that are missing."""
    modes = best_mode({entry.values["course_id"] for entry in entries})
    plain: dict[tuple[int, str], Entry] = {}
    for entry in entries:
        learner, run = entry.given["user"], entry.values["course_id"]
        made = plain.setdefault(
            (learner, run),
            Entry(
                entry.place,
                Shape(fields={}),
                values={"user_id": learner, "course_id": run},
                defaults={"mode": modes[run], "is_active": False},
            ),
        )
        # Enrolled for several customers, the learner is in as long as one of them has not unenrolled them.
        made.defaults["is_active"] |= not entry.row.unenrolled
    ENROLLMENT_TABLE.store(load, list(plain.values()))
    for entry in entries:
        entry.changed |= plain[entry.given["user"], entry.values["course_id"]].created


ENTERPRISE_ENROLLMENTS = Section(
    name="enterprise_enrollments",
    key=("customer", "user", "course_run"),
    fields={
        "id": ROW_ID,
        "customer": Reference(CUSTOMER),
        "user": Reference(ACCOUNT),
        "course_run": Reference(RUN, "course_id"),
        "source": Reference(SOURCE, "source_id", null=True),
        **columns(EnterpriseCourseEnrollment, "unenrolled", "unenrolled_at", "saved_for_later", "created", "modified"),
        "license": Object(_LICENSE, null=True),
        "learner_credit": Object(_LEARNER_CREDIT, null=True),
    },
    load=_load_enterprise_enrollments,
)

# --- consents -----------------------------------------------------------------------------------------------------

_CONSENT_TABLE = Table(
    model=DataSharingConsent,
    key=("enterprise_customer_id", "username", "course_id"),
    find_by="username",
    in_bulk=True,
)

CONSENTS = Section(
    name="consents",
    key=("customer", "user", "course"),
    fields={
        "id": ROW_ID,
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        "user": Reference(USERNAME, "username"),
        "course": Reference(CONTENT, "course_id"),
        **columns(DataSharingConsent, "granted", "created", "modified"),
    },
    load=_CONSENT_TABLE.store,
)
