"""What a learner has achieved in a run, cleared for a fresh start (contract: support, section 5)."""

from __future__ import annotations

from enrollments.models import BlockCompletion, CourseEnrollment, CourseGrade


def clear(enrollment: CourseEnrollment) -> None:
    """Forgets the learner's grade and completion in the run; the enrollment stays. Nothing stored: nothing happens.

    To be called in a transaction. Work in the blocks of a run and its scores are kept here as the grade alone.
    """
    for facts in (CourseGrade, BlockCompletion):
        facts._default_manager.filter(user_id=enrollment.user_id, course_id=enrollment.course_id).delete()
