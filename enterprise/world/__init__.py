"""The sections of the world file that this app loads (contract: world-format)."""

from enterprise.world.catalogs import CATALOG_QUERIES, CATALOGS, DEFAULT_INTENTIONS
from enterprise.world.customers import CUSTOMERS, INVITE_KEYS, SITES
from enterprise.world.enrollments import CONSENTS, ENTERPRISE_ENROLLMENTS
from enterprise.world.groups import GROUPS
from enterprise.world.learners import LEARNERS, PENDING_LEARNERS
from enterprise.world.notifications import NOTIFICATIONS
from enterprise.world.reporting import REPORTING
from enterprise.world.roles import ADMINS, FEATURE_ROLE_ASSIGNMENTS, PENDING_ADMINS, ROLE_ASSIGNMENTS, TOUR_FLOWS

SECTIONS = (
    SITES,
    CUSTOMERS,
    CATALOG_QUERIES,
    CATALOGS,
    ROLE_ASSIGNMENTS,
    FEATURE_ROLE_ASSIGNMENTS,
    INVITE_KEYS,
    LEARNERS,
    PENDING_LEARNERS,
    PENDING_ADMINS,
    TOUR_FLOWS,
    ADMINS,
    ENTERPRISE_ENROLLMENTS,
    CONSENTS,
    GROUPS,
    DEFAULT_INTENTIONS,
    REPORTING,
    NOTIFICATIONS,
)
