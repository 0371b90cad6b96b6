"""The operators' admin of enterprise customers."""

from enterprise.admin import analytics, catalogs, customers, enrollments, jobs, learners, roles  # noqa: F401
