"""Which modes runs offer (contract: enrollment-api, Mode listing rules; enterprise-learners, best mode)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from enrollments.queries.course_modes import (
    DEFAULT_MODE,
    Mode,
    best_mode,
    default_mode,
    default_modes,
    default_of,
    modes_of,
    offered,
)
from tests.factories import CourseModeFactory, CourseRunFactory


def mode(slug, days=1):
    return Mode(slug, slug.title(), is_expired=days < 0)


def slugs(modes):
    return [each.slug for each in modes]


@pytest.mark.django_db
def test_unexpired_modes_are_those_without_a_deadline_and_those_before_it():
    run = CourseRunFactory().id
    for slug, hours in (("honor", None), ("verified", 1), ("masters", -1)):
        deadline = None if hours is None else timezone.now() + timedelta(hours=hours)
        CourseModeFactory(course_id=run, mode_slug=slug, expiration_datetime=deadline)
    modes = modes_of([run])[run]
    assert slugs(offered(modes)) == ["honor", "verified"]
    assert slugs(offered(modes, include_expired=True)) == ["honor", "verified", "masters"]


def test_credit_is_not_selectable():
    modes = [mode("honor"), mode("credit")]
    assert slugs(offered(modes)) == ["honor", "credit"]
    assert slugs(offered(modes, selectable=True)) == ["honor"]


@pytest.mark.parametrize("modes", [[], [mode("honor", -1)], [mode("honor", -1), mode("credit")]])
def test_an_empty_list_is_replaced_by_the_built_in_audit_mode(modes):
    assert offered(modes, selectable=True) == [DEFAULT_MODE]
    assert Mode("audit", "Audit", 0, "", "usd", None, None, None, None, False) == DEFAULT_MODE


@pytest.mark.parametrize(
    ("modes", "default"),
    [
        ([], "audit"),
        ([mode("honor")], "honor"),
        ([mode("honor"), mode("audit")], "audit"),
        ([mode("honor"), mode("audit", -1)], "honor"),
        ([mode("honor", -1), mode("verified")], "audit"),
        ([mode("verified")], "audit"),
    ],
)
def test_the_default_mode_is_audit_else_honor_else_audit_anyway(modes, default):
    assert default_of(modes) == default


@pytest.mark.django_db
def test_modes_and_defaults_of_many_runs_cost_one_statement(django_assert_num_queries):
    honor, verified, bare = (CourseRunFactory(modes=names).id for names in (["honor"], ["verified", "audit"], []))
    with django_assert_num_queries(1):
        assert {run: slugs(modes) for run, modes in modes_of([honor, verified, bare]).items()} == {
            honor: ["honor"],
            verified: ["verified", "audit"],
        }
    with django_assert_num_queries(1):
        assert default_modes([honor, verified, bare]) == {honor: "honor", verified: "audit", bare: "audit"}
    assert default_mode(honor) == "honor"


@pytest.mark.django_db
def test_the_best_mode_is_the_first_of_the_ranking_expired_or_not(django_assert_num_queries):
    wanted = {
        "verified": ["audit", "verified", "professional"],
        "professional": ["professional", "no-id-professional"],
        "no-id-professional": ["honor", "no-id-professional"],
        "audit": ["honor", "audit", "masters"],
        "honor": ["honor", "unpaid-executive-education"],
        "unpaid-executive-education": ["unpaid-executive-education", "masters"],
    }
    runs = {CourseRunFactory(modes=names).id: best for best, names in wanted.items()}
    runs[CourseRunFactory(modes=["masters"]).id] = "audit"
    runs[CourseRunFactory().id] = "audit"
    expired = CourseRunFactory(modes=["audit"]).id
    CourseModeFactory(course_id=expired, mode_slug="verified", expired=True)
    runs[expired] = "verified"
    with django_assert_num_queries(1):
        assert best_mode(list(runs)) == runs
