"""Students in programs, and in the course runs of these."""

from program_enrollments.models.enrollments import (
    CourseAccessRoleAssignment,
    ProgramCourseEnrollment,
    ProgramEnrollment,
)

__all__ = ["CourseAccessRoleAssignment", "ProgramCourseEnrollment", "ProgramEnrollment"]
