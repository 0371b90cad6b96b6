"""The operators' admin of enterprise customers."""

from enterprise.admin import analytics, catalogs, customers, enrollments, jobs, learners, reporting, roles  # noqa: F401
