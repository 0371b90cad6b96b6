"""The operators' admin of enterprise customers."""

from enterprise.admin import (  # noqa: F401
    analytics,
    branding,
    catalogs,
    customers,
    enrollments,
    invite_keys,
    jobs,
    learners,
    reporting,
    roles,
)
