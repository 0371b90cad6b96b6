"""The tables of enterprise customers, their learners, and what the learners are enrolled in."""

from enterprise.models.admins import EnterpriseCustomerAdmin, OnboardingFlow, PendingEnterpriseCustomerAdminUser
from enterprise.models.analytics import ChatGPTResponse
from enterprise.models.catalogs import EnterpriseCatalogQuery, EnterpriseCustomerCatalog
from enterprise.models.consent import DataSharingConsent
from enterprise.models.content import ContentFilter, ContentFilterItem, ContentIndex, ContentItem, ContentItemValue
from enterprise.models.course_enrollments import (
    EnterpriseCourseEnrollment,
    EnterpriseEnrollmentSource,
    PendingEnrollment,
)
from enterprise.models.customers import (
    EnterpriseCustomer,
    EnterpriseCustomerBrandingConfiguration,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerType,
)
from enterprise.models.default_intentions import (
    DefaultEnterpriseEnrollmentIntention,
    DefaultEnterpriseEnrollmentRealization,
)
from enterprise.models.email_templates import EnrollmentNotificationEmailTemplate
from enterprise.models.fulfillments import (
    EnterpriseCourseEntitlement,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)
from enterprise.models.groups import EnterpriseGroup, EnterpriseGroupMembership, MembershipOrder
from enterprise.models.invite_keys import EnterpriseCustomerInviteKey
from enterprise.models.jobs import BulkJob, BulkJobRow
from enterprise.models.learners import EnterpriseCustomerUser, MemberOrder, PendingEnterpriseCustomerUser
from enterprise.models.notifications import AdminNotification, AdminNotificationFilter, AdminNotificationRead
from enterprise.models.reporting import EnterpriseCustomerReportingConfiguration
from enterprise.models.roles import (
    EnterpriseFeatureRole,
    EnterpriseFeatureUserRoleAssignment,
    RoleAssignmentUpdateOptions,
    SystemWideEnterpriseRole,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.sso import EnterpriseCustomerSsoConfiguration

__all__ = [
    "AdminNotification",
    "AdminNotificationFilter",
    "AdminNotificationRead",
    "BulkJob",
    "BulkJobRow",
    "ChatGPTResponse",
    "ContentFilter",
    "ContentFilterItem",
    "ContentIndex",
    "ContentItem",
    "ContentItemValue",
    "DataSharingConsent",
    "DefaultEnterpriseEnrollmentIntention",
    "DefaultEnterpriseEnrollmentRealization",
    "EnrollmentNotificationEmailTemplate",
    "EnterpriseCatalogQuery",
    "EnterpriseCourseEnrollment",
    "EnterpriseCourseEntitlement",
    "EnterpriseCustomer",
    "EnterpriseCustomerAdmin",
    "EnterpriseCustomerBrandingConfiguration",
    "EnterpriseCustomerCatalog",
    "EnterpriseCustomerIdentityProvider",
    "EnterpriseCustomerInviteKey",
    "EnterpriseCustomerReportingConfiguration",
    "EnterpriseCustomerSsoConfiguration",
    "EnterpriseCustomerType",
    "EnterpriseCustomerUser",
    "EnterpriseEnrollmentSource",
    "EnterpriseFeatureRole",
    "EnterpriseFeatureUserRoleAssignment",
    "EnterpriseGroup",
    "EnterpriseGroupMembership",
    "LearnerCreditEnterpriseCourseEnrollment",
    "LicensedEnterpriseCourseEnrollment",
    "MemberOrder",
    "MembershipOrder",
    "OnboardingFlow",
    "PendingEnrollment",
    "PendingEnterpriseCustomerAdminUser",
    "PendingEnterpriseCustomerUser",
    "RoleAssignmentUpdateOptions",
    "SystemWideEnterpriseRole",
    "SystemWideEnterpriseUserRoleAssignment",
]
