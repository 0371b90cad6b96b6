"""Why a row of a bulk job was not carried out: a code for programs, a sentence for people."""

from __future__ import annotations

from enrollments.services import bulk

UNKNOWN_USER_ID = "unknown-user-id"
INVALID_EMAIL = "invalid-email"
NOT_RELINKABLE = "not-relinkable"
INVALID_COURSE_KEY = bulk.INVALID_KEY
UNKNOWN_COURSE_RUN = bulk.UNKNOWN_RUN
MODE_UNAVAILABLE = bulk.MODE_UNAVAILABLE
ENROLLMENT_CLOSED = bulk.CLOSED
COURSE_FULL = bulk.FULL
ENROLLMENT_VETOED = bulk.VETOED
SUBSIDY_CONFLICT = "subsidy-conflict"
DOWNGRADE = "downgrade"
NO_COHORTING = "no-cohorting"
NOT_LINKED = "not-linked"
UNKNOWN_COHORT = "unknown-cohort"
EMBARGOED = "embargoed"
INTERNAL_ERROR = "internal-error"
CANCELLED = "cancelled"
NOT_SUBMITTED = "not-submitted"

NOT_ENROLLED = "not-enrolled"
# What became of an enrollment whose license expired.
COMPLETED = "course-completed"
MOVED_TO_AUDIT = "moved-to-audit"
UNENROLLED = "unenrolled"
ALREADY_REVOKED = "already-revoked"
MODIFIED_LATER = "modified-later"
NOBODY_TO_UNLINK = "nobody-to-unlink"

TEXTS = {
    UNKNOWN_USER_ID: "There is no account with this user id.",
    INVALID_EMAIL: "This is not a valid e-mail address.",
    NOT_RELINKABLE: "This learner was removed from the customer for good and cannot be linked again.",
    INVALID_COURSE_KEY: "This is not the key of a course run.",
    UNKNOWN_COURSE_RUN: "There is no such course run.",
    MODE_UNAVAILABLE: "The run's best course mode has expired or is not offered.",
    ENROLLMENT_CLOSED: "The course run is closed for enrollment; force_enrollment admits learners all the same.",
    COURSE_FULL: "The course run has no free seat.",
    ENROLLMENT_VETOED: "A rule of this service does not admit the learner to the course run.",
    SUBSIDY_CONFLICT: "The learner's enrollment in this run is already paid for by another license.",
    DOWNGRADE: "The learner is enrolled in a paid mode already and cannot be moved to a free one.",
    NO_COHORTING: "Auto-cohorting is not enabled for this customer.",
    NOT_LINKED: "The learner is not linked to this customer any more.",
    UNKNOWN_COHORT: "The course run has no cohort of that name.",
    EMBARGOED: "Learners from this country may not take the course run.",
    INTERNAL_ERROR: "An unexpected error kept this row from being carried out; it was logged.",
    CANCELLED: "The job was cancelled before this row's turn.",
    NOT_ENROLLED: "The learner is not enrolled in this course run.",
    COMPLETED: "course already completed",
    MOVED_TO_AUDIT: "moved to audit",
    UNENROLLED: "unenrolled",
    ALREADY_REVOKED: "The license was revoked already.",
    MODIFIED_LATER: "The enrollment was changed later than the request wants to touch.",
    NOBODY_TO_UNLINK: "Nobody with this address was linked to the customer, or waiting.",
    NOT_SUBMITTED: "The request that submitted this job broke off before all rows were stored; submit it again.",
}
