"""The operators' admin of what the support desk keeps."""

from support.admin import accounts, course_resets, entitlements, feature_based_enrollments, onboarding  # noqa: F401
