"""The tables of the support desk."""

from support.models.accounts import PasswordToggleHistory
from support.models.entitlements import (
    CourseEntitlement,
    CourseEntitlementPolicy,
    CourseEntitlementSupportDetail,
)

__all__ = [
    "CourseEntitlement",
    "CourseEntitlementPolicy",
    "CourseEntitlementSupportDetail",
    "PasswordToggleHistory",
]
