"""How learners stand with onboarding exams."""

from __future__ import annotations

from config.world import ROW_ID, Reference, Section, Table, columns
from enrollments.world.lookups import ACCOUNT, RUN
from support.models import OnboardingStatus

_TABLE = Table(model=OnboardingStatus, key=("user_id", "course_id"), in_bulk=True)

ONBOARDING = Section(
    name="onboarding",
    key=("user", "course_run"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "course_run": Reference(RUN, "course_id"),
        **columns(
            OnboardingStatus,
            "onboarding_status",
            "onboarding_link",
            "expiration_date",
            "onboarding_past_due",
            "onboarding_release_date",
            "review_requirements_url",
        ),
    },
    load=_TABLE.store,
)
