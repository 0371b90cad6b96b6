"""Figures as the admin portal sends them."""

from __future__ import annotations

from typing import Any

ELSEWHERE = "99999999-0000-4000-8000-000000000009"
PROGRESS_FIGURES: dict[str, Any] = {
    "enterprise_customer_uuid": ELSEWHERE,
    "enterprise_customer_name": "Acme",
    "active_subscription_plan": True,
    "assigned_licenses": 40,
    "activated_licenses": 30,
    "assigned_licenses_percentage": 0.8,
    "activated_licenses_percentage": 0.75,
    "active_enrollments": 50,
    "at_risk_enrollment_less_than_one_hour": 5,
    "at_risk_enrollment_end_date_soon": 10,
    "at_risk_enrollment_dormant": 1,
}
ENGAGEMENT_FIGURES: dict[str, Any] = {
    "enterprise_customer_uuid": ELSEWHERE,
    "enterprise_customer_name": "Acme",
    "enrolls": 15,
    "enrolls_prior": 10,
    "passed": 3,
    "passed_prior": 4,
    "engage": 8,
    "engage_prior": 8,
    "hours": 120,
    "hours_prior": 60,
    "active_contract": True,
}


def path_of(customer: object) -> str:
    return f"/enterprise/api/v1/analytics-summary/{customer}"
