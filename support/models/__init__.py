"""The tables of the support desk."""

from support.models.accounts import PasswordToggleHistory
from support.models.entitlements import (
    CourseEntitlement,
    CourseEntitlementPolicy,
    CourseEntitlementSupportDetail,
)
from support.models.feature_based_enrollments import ContentTypeGatingConfig, CourseDurationLimitConfig, Level
from support.models.onboarding import OnboardingStatus

__all__ = [
    "ContentTypeGatingConfig",
    "CourseDurationLimitConfig",
    "CourseEntitlement",
    "CourseEntitlementPolicy",
    "CourseEntitlementSupportDetail",
    "Level",
    "OnboardingStatus",
    "PasswordToggleHistory",
]
