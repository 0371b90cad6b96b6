"""The operators' admin of accounts, courses and enrollments."""

from enrollments.admin import accounts, courses, enrollments, oauth, outbox, sign_ins, verification  # noqa: F401
