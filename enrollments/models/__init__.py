"""The tables of accounts, the course catalogue, enrollments, and what belongs to them."""

from enrollments.models.accounts import LoginFailure, User, UserOrgTag, UserProfile, new_anonymous_id
from enrollments.models.cohorts import Cohort, CohortMembership
from enrollments.models.courses import (
    BlockDueDate,
    Course,
    CourseMode,
    CourseOverview,
    CreditProvider,
    VerificationDeadline,
    course_uuid,
)
from enrollments.models.embargo import CountryAccessRule, RestrictedCourse
from enrollments.models.enrollments import (
    CourseEnrollment,
    CourseEnrollmentAllowed,
    CourseEnrollmentAttribute,
    ManualEnrollmentAudit,
)
from enrollments.models.identities import UserSocialAuth
from enrollments.models.oauth import OAuthApplication
from enrollments.models.organizations import Organization
from enrollments.models.outbox import OutboxMessage
from enrollments.models.programs import Curriculum, Program, ProgramOrganization
from enrollments.models.progress import BlockCompletion, CourseEmailOptout, CourseGrade, GeneratedCertificate
from enrollments.models.retirement import RetirementState, UserRetirementStatus
from enrollments.models.roles import CourseAccessRole
from enrollments.models.sign_ins import SignIn
from enrollments.models.throttling import RateLimitConfiguration
from enrollments.models.verification import IDVerificationAttempt, VerifiedName

__all__ = [
    "BlockCompletion",
    "BlockDueDate",
    "Cohort",
    "CohortMembership",
    "CountryAccessRule",
    "Course",
    "CourseAccessRole",
    "CourseEmailOptout",
    "CourseEnrollment",
    "CourseEnrollmentAllowed",
    "CourseEnrollmentAttribute",
    "CourseGrade",
    "CourseMode",
    "CourseOverview",
    "CreditProvider",
    "Curriculum",
    "GeneratedCertificate",
    "IDVerificationAttempt",
    "LoginFailure",
    "ManualEnrollmentAudit",
    "OAuthApplication",
    "Organization",
    "OutboxMessage",
    "Program",
    "ProgramOrganization",
    "RateLimitConfiguration",
    "RestrictedCourse",
    "RetirementState",
    "SignIn",
    "User",
    "UserOrgTag",
    "UserProfile",
    "UserRetirementStatus",
    "UserSocialAuth",
    "VerificationDeadline",
    "VerifiedName",
    "course_uuid",
    "new_anonymous_id",
]
