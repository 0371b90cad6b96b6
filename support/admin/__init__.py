"""The operators' admin of what the support desk keeps."""

from support.admin import (  # noqa: F401
    accounts,
    course_resets,
    entitlements,
    feature_based_enrollments,
    onboarding,
    tickets,
)
