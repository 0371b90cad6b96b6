"""The operators' admin of enterprise customers."""

from enterprise.admin import (  # noqa: F401
    analytics,
    branding,
    catalogs,
    content,
    customers,
    enrollments,
    invite_keys,
    jobs,
    learners,
    notifications,
    reporting,
    roles,
)
