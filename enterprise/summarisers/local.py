"""Summaries without a language model: sentences chosen by what the figures say. The same figures give the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from enterprise.summarisers import Question
from enterprise.summarisers.prompts import PROGRESS, signed, whole_percents

_RISKS = (
    ("at_risk_enrollment_less_than_one_hour", "with less than one hour of study", "a nudge to start"),
    ("at_risk_enrollment_end_date_soon", "in a course that ends soon", "a reminder of the end date"),
    ("at_risk_enrollment_dormant", "without recent activity", "an invitation to come back"),
)
_MEASURES = (
    ("enrolls", "enrollments"),
    ("passed", "passed courses"),
    ("engage", "active learners"),
    ("hours", "hours of study"),
)


def summarise(question: Question) -> str:
    """A paragraph about the figures of the question."""
    figures = question.figures
    sentences = _progress(figures) if question.kind == PROGRESS else _engagement(figures)
    return " ".join(sentence for sentence in sentences if sentence)


# --- Learner progress -----------------------------------------------------------------------------------------------


def _progress(figures: Mapping[str, Any]) -> list[str]:
    name = figures["enterprise_customer_name"]
    if not figures["active_subscription_plan"]:
        return [f"{name} has no active subscription plan at present.", *_at_risk(figures)]
    assigned, activated = figures["assigned_licenses"], figures["activated_licenses"]
    assigned_share = whole_percents(figures["assigned_licenses_percentage"])
    activated_share = whole_percents(figures["activated_licenses_percentage"])
    return [
        f"{name} has assigned {_counted(assigned, 'license')} ({assigned_share}%), "
        f"of which {activated} {_is(activated)} activated ({activated_share}%).",
        _activation(assigned, activated),
        *_at_risk(figures),
    ]


def _activation(assigned: int, activated: int) -> str:
    if assigned <= 0:
        return "Assigning licenses is the first step to take."
    if activated >= assigned:
        return "Every learner with a license has activated it."
    waiting = assigned - activated
    if activated * 2 < assigned:
        return f"Most of them are unused: {_counted(waiting, 'learner')} should be reminded to activate the license."
    return f"{_counted(waiting, 'license')} still {_verb(waiting, 'waits', 'wait')} to be activated."


def _at_risk(figures: Mapping[str, Any]) -> list[str]:
    active = figures["active_enrollments"]
    if active <= 0:
        return ["No learner is enrolled in a course at the moment."]
    risks = [(figures[field], words, remedy) for field, words, remedy in _RISKS if figures[field] > 0]
    opening = f"There {_is(active)} {_counted(active, 'active enrollment')}"
    if not risks:
        return [f"{opening}, and none of them is at risk."]
    listed = _listed([f"{count} {words} ({_share(count, active)}%)" for count, words, _ in risks])
    largest, words, remedy = max(risks, key=lambda risk: risk[0])  # the first of equals
    urgency = "needs attention now" if largest * 2 >= active else "deserves attention first"
    return [f"{opening}, some of them at risk: {listed}.", f"The group {words} {urgency}: {remedy} helps most."]


# --- Learner engagement ---------------------------------------------------------------------------------------------


def _engagement(figures: Mapping[str, Any]) -> list[str]:
    name = figures["enterprise_customer_name"]
    changes = [(words, figures[field], figures[f"{field}_prior"]) for field, words in _MEASURES]
    sentences = [] if figures["active_contract"] else [f"{name} has no active contract at present."]
    return [*sentences, _trend(name, changes), *(_change(*change) for change in changes), _completion(figures)]


def _trend(name: str, changes: Sequence[tuple[str, int, int]]) -> str:
    grown = sum(now > before for _, now, before in changes)
    fallen = sum(now < before for _, now, before in changes)
    if not any(now or before for _, now, before in changes):
        return f"Nothing has happened at {name} in this period or the one before."
    if not grown and not fallen:
        return f"Engagement at {name} is the same as in the period before."
    if not fallen:
        return f"Engagement at {name} has grown against the period before."
    if not grown:
        return f"Engagement at {name} has declined against the period before."
    return f"Engagement at {name} is mixed: {grown} of {len(changes)} measures grew and {fallen} declined."


def _change(words: str, now: int, before: int) -> str:
    subject = words.capitalize()
    if now == before:
        return f"{subject} stayed at {now}." if now else ""
    verb = "rose" if now > before else "fell"
    if before <= 0:
        return f"{subject} {verb} from {before} to {now} ({signed(now - before)})."
    percents = _share(abs(now - before), before)
    return f"{subject} {verb} by {percents}% from {before} to {now} ({signed(now - before)})."


def _completion(figures: Mapping[str, Any]) -> str:
    enrolls, passed = figures["enrolls"], figures["passed"]
    if enrolls <= 0:
        return "Nobody enrolled in this period." if figures["enrolls_prior"] > 0 else ""
    return f"For every 100 enrollments, {_share(passed, enrolls)} courses were passed."


# --- Words ----------------------------------------------------------------------------------------------------------


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _verb(count: int, singular: str, plural: str) -> str:
    return singular if count == 1 else plural


def _is(count: int) -> str:
    return _verb(count, "is", "are")


def _share(part: int, whole: int) -> int:
    """Whole percents, in integers: the figures may be larger than a float."""
    return (200 * part + whole) // (2 * whole)


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
