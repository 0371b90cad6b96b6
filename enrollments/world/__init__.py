"""The sections of the world file that this app loads (contract: world-format)."""

from enrollments.world.accounts import IDENTITIES, ORGANIZATIONS, RETIREMENTS, USERS, VERIFICATIONS, VERIFIED_NAMES
from enrollments.world.catalogue import COURSE_RUNS, COURSES, CREDIT_PROVIDERS, EMBARGOES, PROGRAMS
from enrollments.world.clients import OAUTH_CLIENTS, OAUTH_TOKENS
from enrollments.world.enrollments import COURSE_ROLES, ENROLLMENTS, ENROLLMENTS_ALLOWED, MANUAL_AUDITS

SECTIONS = (
    ORGANIZATIONS,
    USERS,
    OAUTH_CLIENTS,
    OAUTH_TOKENS,
    COURSES,
    COURSE_RUNS,
    PROGRAMS,
    CREDIT_PROVIDERS,
    EMBARGOES,
    COURSE_ROLES,
    IDENTITIES,
    VERIFIED_NAMES,
    RETIREMENTS,
    VERIFICATIONS,
    ENROLLMENTS,
    ENROLLMENTS_ALLOWED,
    MANUAL_AUDITS,
)
