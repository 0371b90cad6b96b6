"""The operators' admin of students in programs."""

from program_enrollments.admin import enrollments  # noqa: F401
