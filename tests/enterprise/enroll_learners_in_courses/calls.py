"""What the tests of enroll_learners_in_courses send, and what pays for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.response import Response

from enrollments.models import CourseOverview
from enterprise.models import EnterpriseCustomer

LICENSE = "e1000000-0000-4000-8000-000000000001"
TRANSACTION = "c1000000-0000-4000-8000-000000000001"
Enroll = Callable[..., Response]


def path_of(customer: EnterpriseCustomer) -> str:
    return f"/enterprise/api/v1/enterprise-customer/{customer.pk}/enroll_learners_in_courses/"


def row(run: CourseOverview | str = "course-v1:Acme+Sail+T1", **fields: Any) -> dict[str, Any]:
    """A row paid for by LICENSE unless it says otherwise."""
    paid = {} if "license_uuid" in fields or "transaction_id" in fields else {"license_uuid": LICENSE}
    return {"course_run_key": getattr(run, "pk", run), **paid, **fields}
