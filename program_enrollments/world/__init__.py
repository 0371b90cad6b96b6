"""The sections of the world file that this app loads (contract: world-format)."""

from program_enrollments.world.enrollments import PROGRAM_COURSE_ENROLLMENTS, PROGRAM_ENROLLMENTS

SECTIONS = (PROGRAM_ENROLLMENTS, PROGRAM_COURSE_ENROLLMENTS)
