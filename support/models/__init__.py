"""The tables of the support desk."""

from support.models.accounts import PasswordToggleHistory
from support.models.course_resets import CourseResetAudit, CourseResetCourseOptIn
from support.models.entitlements import (
    CourseEntitlement,
    CourseEntitlementPolicy,
    CourseEntitlementSupportDetail,
)
from support.models.feature_based_enrollments import ContentTypeGatingConfig, CourseDurationLimitConfig, Level
from support.models.onboarding import OnboardingStatus
from support.models.staff_groups import ShippedStaffGroup
from support.models.tickets import ContactTicket

__all__ = [
    "ContactTicket",
    "ContentTypeGatingConfig",
    "CourseDurationLimitConfig",
    "CourseEntitlement",
    "CourseEntitlementPolicy",
    "CourseEntitlementSupportDetail",
    "CourseResetAudit",
    "CourseResetCourseOptIn",
    "Level",
    "OnboardingStatus",
    "PasswordToggleHistory",
    "ShippedStaffGroup",
]
