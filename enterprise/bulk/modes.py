"""Which modes customers may enroll in (contract: enterprise-learners, `POST .../course_enrollments/`)."""

from __future__ import annotations

from django.conf import settings

PAID_MODES = ("verified", "professional")


def is_downgrade(asked: str, mode: str | None) -> bool:
    """Whether a learner who is active in the paid `mode` asks for a free one."""
    return mode in PAID_MODES and asked in settings.ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES


def stays(asked: str, mode: str | None) -> bool:
    """Whether a learner who is active in `mode` stays there: all do but those who ask for a paid mode in a free one."""
    audit_modes = settings.ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES
    return mode is not None and not (mode in audit_modes and asked in PAID_MODES)


def is_met(asked: str, mode: str | None) -> bool:
    """Whether a learner who is active in `mode` has what is asked for: nothing is to be done, and nothing refused."""
    return stays(asked, mode) and not is_downgrade(asked, mode)
