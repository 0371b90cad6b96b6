"""World sections of feature-based enrollment and onboarding (contract: world-format; support, Data model)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.utils import timezone

from enterprise.models.customers import own_site_id
from support.models import ContentTypeGatingConfig, CourseDurationLimitConfig, OnboardingStatus
from tests.factories import CourseRunFactory, UserFactory

Load = Callable[..., dict[str, tuple[int, int, int]]]
Refused = Callable[..., str]
RUN = "course-v1:OakU+BIO1+2024"
SINCE = "2021-04-01T00:00:00Z"
FIELDS = ("site_id", "org", "org_course", "course_id", "enabled")


def setting(level: str, key: str | None, **fields: Any) -> dict[str, Any]:
    return {"kind": "content_gating", "level": level, "key": key, "enabled": True, "enabled_as_of": SINCE, **fields}


def stored(model: Any = ContentTypeGatingConfig) -> list[tuple[Any, ...]]:
    return list(model.objects.order_by("pk").values_list(*FIELDS))


# --- feature_based_settings ---------------------------------------------------------------------------------------


def test_settings_of_every_level(load: Load) -> None:
    CourseRunFactory(id=RUN)
    site = Site.objects.create(domain="oak.example", name="Oak")
    keys = [("global", None), ("site", "oak.example"), ("org", "OakU"), ("org_course", "OakU+BIO1"), ("course", RUN)]
    world = {"feature_based_settings": [setting(*key) for key in keys]}
    assert load(world)["feature_based_settings"] == (5, 0, 0)
    assert load(world)["feature_based_settings"] == (0, 0, 5)
    assert stored() == [
        (None, None, None, None, True),
        (site.pk, None, None, None, True),
        (None, "OakU", None, None, True),
        (None, None, "OakU+BIO1", None, True),
        (None, None, None, RUN, True),
    ]
    assert not CourseDurationLimitConfig.objects.exists()


def test_a_setting_that_differs_becomes_a_new_row_and_keeps_what_it_does_not_say(load: Load) -> None:
    load({"feature_based_settings": [setting("org", "OakU", studio_override_enabled=True)]})
    change = {"kind": "content_gating", "level": "org", "key": "OakU", "enabled": False}
    assert load({"feature_based_settings": [change]})["feature_based_settings"] == (0, 1, 0)
    older, newer = ContentTypeGatingConfig.objects.order_by("pk")
    assert (older.enabled, newer.enabled) == (True, False)
    assert newer.enabled_as_of == datetime(2021, 4, 1, tzinfo=UTC)
    assert newer.studio_override_enabled is True
    back = {**change, "enabled": True}
    assert load({"feature_based_settings": [back]})["feature_based_settings"] == (0, 1, 0)


def test_a_relative_date_is_left_alone_once_stored(load: Load) -> None:
    world = {"feature_based_settings": [setting("global", None, enabled_as_of="-3d")]}
    load(world)
    assert load(world)["feature_based_settings"] == (0, 0, 1)
    assert abs(ContentTypeGatingConfig.objects.get().enabled_as_of - timezone.now()) > timedelta(days=2)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (setting("course", "course-v1:OakU+BIO1+2031"), ".key: There is no course run"),
        (setting("site", "nowhere.example"), ".key: There is no site 'nowhere.example'"),
        (setting("org_course", "OakU"), ".key: 'OakU' is not of the form ORG+COURSE"),
        (setting("global", "OakU"), ".key: The level global has the key null"),
        (setting("org", None), ".key: The level global has the key null"),
        (setting("planet", "Earth"), ".level: 'planet' is none of global, site, org, org_course, course"),
        (setting("global", None, kind="gating"), ".kind: 'gating' is none of content_gating, duration_limits"),
        (
            setting("global", None, kind="duration_limits", studio_override_enabled=True),
            ".studio_override_enabled: Settings of duration_limits have no such field",
        ),
        (setting("global", None, enabled="yes"), ".enabled: 'yes' is not true or false"),
    ],
)
def test_settings_that_make_no_sense_are_refused(refused: Refused, given: dict[str, Any], reason: str) -> None:
    assert f"feature_based_settings[0]{reason}" in refused({"feature_based_settings": [given]})
    assert not ContentTypeGatingConfig.objects.exists()


# --- content_gating and duration_limits of a run ------------------------------------------------------------------


def run(key: str = RUN, **fields: Any) -> dict[str, Any]:
    return {"key": key, **fields}


def world_of(*runs: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        "organizations": [{"short_name": "OakU", "name": "Oak"}],
        "courses": [{"key": "OakU+BIO1", "org": "OakU"}],
        "course_runs": [{"course": "OakU+BIO1", **each} for each in runs],
    }


def test_an_object_is_about_the_run_unless_it_names_a_level(load: Load) -> None:
    one = run(
        content_gating={"enabled": True, "enabled_as_of": SINCE},
        duration_limits={"level": "org_course", "enabled": None, "enabled_as_of": "2998-01-01T00:00:00Z"},
    )
    load(world_of(one))
    assert stored() == [(None, None, None, RUN, True)]
    assert stored(CourseDurationLimitConfig) == [(None, None, "OakU+BIO1", None, None)]
    assert load(world_of(one))["course_runs"] == (0, 0, 1)


def test_a_list_of_objects_sets_several_levels(load: Load) -> None:
    levels = ["site", "org", "org_course", "run", "global"]
    one = run(content_gating=[{"level": level, "enabled": False} for level in levels])
    load(world_of(one))
    assert stored() == [
        (own_site_id(), None, None, None, False),
        (None, "OakU", None, None, False),
        (None, None, "OakU+BIO1", None, False),
        (None, None, None, RUN, False),
        (None, None, None, None, False),
    ]
    one["content_gating"][1]["enabled"] = True
    assert load(world_of(one))["course_runs"] == (0, 1, 0)
    assert stored()[5:] == [(None, "OakU", None, None, True)]


def test_the_last_run_that_speaks_of_what_runs_share_counts(load: Load) -> None:
    world = world_of(
        run(content_gating={"level": "org", "enabled": True}),
        run("course-v1:OakU+BIO1+2025", content_gating={"level": "org", "enabled": False}),
    )
    load(world)
    assert load(world)["course_runs"] == (0, 0, 2)
    assert stored() == [(None, "OakU", None, None, False)]


def test_null_and_an_empty_list_are_no_settings(load: Load) -> None:
    load(world_of(run(content_gating=None, duration_limits=[])))
    assert stored() == stored(CourseDurationLimitConfig) == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([{"enabled": True}, {"level": "run"}], "content_gating[1]: This has the same natural key"),
        ({"level": "course"}, "content_gating.level: 'course' is none of"),
        ({"enabled_as_of": "soon"}, "content_gating.enabled_as_of: 'soon' is not a time"),
        ({"since": SINCE}, "content_gating.since: There is no such field"),
        ("on", "content_gating: "),
    ],
)
def test_settings_of_runs_that_make_no_sense_are_refused(refused: Refused, given: Any, reason: str) -> None:
    assert f"course_runs[0].{reason}" in refused(world_of(run(content_gating=given)))


# --- onboarding ---------------------------------------------------------------------------------------------------


def test_onboarding_facts_are_told_by_account_and_run(load: Load) -> None:
    UserFactory(username="rosa")
    CourseRunFactory(id=RUN)
    fact = {
        "user": "rosa", "course_run": RUN, "onboarding_status": "verified", "onboarding_link": "/courses/x",
        "expiration_date": "+30d", "onboarding_past_due": True, "onboarding_release_date": SINCE,
        "review_requirements_url": "https://proctor.example",
    }  # fmt: skip
    world = {"onboarding": [fact]}
    assert load(world)["onboarding"] == (1, 0, 0)
    assert load(world)["onboarding"] == (0, 0, 1)
    row = OnboardingStatus.objects.get()
    assert (row.user.username, row.course_id, row.is_verified) == ("rosa", RUN, True)
    assert row.onboarding_release_date == datetime(2021, 4, 1, tzinfo=UTC)
    fact["onboarding_status"] = None
    assert load(world)["onboarding"] == (0, 1, 0)
    assert OnboardingStatus.objects.get().onboarding_status is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"onboarding_status": "done"}, ".onboarding_status: "),
        ({"user": "nobody"}, ".user: There is no account 'nobody'"),
        ({"course_run": "course-v1:OakU+BIO1+2031"}, ".course_run: There is no course run"),
        ({"onboarding_release_date": None}, ".onboarding_release_date: This field may not be null"),
    ],
)
def test_onboarding_facts_that_make_no_sense_are_refused(refused: Refused, fields: dict[str, Any], reason: str) -> None:
    UserFactory(username="rosa")
    CourseRunFactory(id=RUN)
    assert f"onboarding[0]{reason}" in refused({"onboarding": [{"user": "rosa", "course_run": RUN, **fields}]})


@pytest.mark.parametrize(
    ("section", "fields", "reason"),
    [("verifications", {"status": "maybe"}, ".status: "), ("verifications", {"type": "retina"}, ".type: ")],
)
def test_verifications_that_make_no_sense_are_refused(
    refused: Refused, section: str, fields: dict[str, Any], reason: str
) -> None:
    UserFactory(username="rosa")
    assert f"{section}[0]{reason}" in refused({section: [{"user": "rosa", **fields}]})
