"""The operators' admin of accounts, courses and enrollments."""

from enrollments.admin import accounts, courses, enrollments, oauth, outbox, verification  # noqa: F401
