"""Prompts for a language model: templates, filled with the figures of the request.

The setting `ANALYTICS_SUMMARY_PROMPTS` replaces any of the templates: `{"learner_progress": {"active": "..."}}`. A
`$name` in a template is a member of the request; percentages stand there as whole percents, and every figure with a
prior one has a `$<name>_delta` with an explicit sign. Names that are not known stay as they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Any

from django.conf import settings

from enterprise.summarisers import Question

PROGRESS = "learner_progress"
ENGAGEMENT = "learner_engagement"
COMPARED = ("enrolls", "passed", "engage", "hours")

_AT_RISK = (
    "at risk because of less than one hour of study: $at_risk_enrollment_less_than_one_hour; "
    "at risk because the course ends soon: $at_risk_enrollment_end_date_soon; "
    "at risk because nothing has happened lately: $at_risk_enrollment_dormant."
)
_COMPARISON = (
    "enrollments $enrolls (before: $enrolls_prior, change: $enrolls_delta); "
    "courses passed $passed (before: $passed_prior, change: $passed_delta); "
    "active learners $engage (before: $engage_prior, change: $engage_delta); "
    "hours of study $hours (before: $hours_prior, change: $hours_delta)."
)
TEMPLATES: dict[str, dict[str, str]] = {
    PROGRESS: {
        "active": (
            "Tell the learning manager of $enterprise_customer_name in a short paragraph how the learners progress and "
            "what deserves attention. The subscription plan is active. Licenses assigned: $assigned_licenses "
            "($assigned_licenses_percentage%); licenses activated: $activated_licenses "
            f"($activated_licenses_percentage%). Active enrollments: $active_enrollments; {_AT_RISK}"
        ),
        "inactive": (
            "Tell the learning manager of $enterprise_customer_name in a short paragraph how the learners progress and "
            "what deserves attention. There is no active subscription plan. "
            f"Active enrollments: $active_enrollments; {_AT_RISK}"
        ),
    },
    ENGAGEMENT: {
        "active": (
            "Tell the learning manager of $enterprise_customer_name in a short paragraph how the learners' engagement "
            f"has changed against the period before. The contract is active. Figures: {_COMPARISON}"
        ),
        "inactive": (
            "Tell the learning manager of $enterprise_customer_name in a short paragraph how the learners' engagement "
            f"has changed against the period before. There is no active contract. Figures: {_COMPARISON}"
        ),
    },
}


def question(kind: str, figures: Mapping[str, Any]) -> Question:
    """The question that the figures of one part of the request ask.

    Args:
        kind: `learner_progress` or `learner_engagement`.
        figures: the validated members of that part.
    """
    state = "active" if figures["active_subscription_plan" if kind == PROGRESS else "active_contract"] else "inactive"
    template = (settings.ANALYTICS_SUMMARY_PROMPTS.get(kind) or {}).get(state) or TEMPLATES[kind][state]
    return Question(kind, figures, Template(template).safe_substitute(_words(figures)))


def whole_percents(share: float) -> int:
    """A share as whole percents. Up to 1 it is a fraction (0.4 are 40 percent); above, it is in percents already."""
    return round(share * 100) if 0 <= share <= 1 else round(share)


def signed(number: int) -> str:
    """A change with its sign: `+3`, `+0`, `-2`."""
    return f"+{number}" if number >= 0 else str(number)


def _words(figures: Mapping[str, Any]) -> dict[str, str]:
    words = {
        name: str(whole_percents(value) if name.endswith("_percentage") else value) for name, value in figures.items()
    }
    for name in COMPARED:
        if name in figures:
            words[f"{name}_delta"] = signed(figures[name] - figures[f"{name}_prior"])
    return words
