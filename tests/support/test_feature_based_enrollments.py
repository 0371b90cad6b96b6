"""feature_based_enrollment_details/{course_id} (contract: support, Feature-based enrollment settings)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.db import models
from django.utils import timezone

from support.models import ContentTypeGatingConfig, CourseDurationLimitConfig, Level
from support.queries.feature_based_enrollments import effective
from tests.factories import (
    ContentGatingFactory,
    CourseModeFactory,
    CourseRunFactory,
    DurationLimitFactory,
    UserFactory,
)
from tests.support.agents import ANONYMOUS
from tests.support.scenes import run_with

pytestmark = pytest.mark.django_db

RUN = "course-v1:OakU+BIO1+2024"
SINCE = datetime(2021, 4, 1, tzinfo=UTC)
NEVER_SET = {"enabled": False, "enabled_as_of": "N/A", "reason": "Default"}


def url(course_id: str = RUN) -> str:
    return f"/support/feature_based_enrollment_details/{course_id}"


@pytest.fixture
def run() -> Any:
    return run_with("audit", "verified", id=RUN, display_name="Biology One")


# --- Who may ------------------------------------------------------------------------------------------------------


def test_whoever_is_not_signed_in_gets_a_401(client: Any, run: Any) -> None:
    answer = client.get(url())
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)


@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
def test_whoever_is_no_agent_is_refused_without_a_word(as_user: Callable[..., Any], run: Any, fields: Any) -> None:
    answer = as_user(UserFactory(**fields)).get(url("nonsense/a/b"))
    assert (answer.status_code, answer.content) == (403, b"")


def test_staff_may_ask_with_a_token_or_a_session(
    as_user: Callable[..., Any], by_session: Callable[..., Any], run: Any
) -> None:
    staff = UserFactory(staff=True)
    for caller in (as_user(staff), by_session(staff)):
        assert caller.get(url()).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(desk: Any, run: Any, method: str) -> None:
    assert getattr(desk, method)(url(), {}).status_code == 405


# --- The answer ---------------------------------------------------------------------------------------------------


def test_a_run_that_was_never_configured_has_the_full_object(desk: Any, run: Any) -> None:
    answer = desk.get(url())
    assert answer["Content-Type"] == "application/json"
    assert answer.content.startswith(b'{\n  "course_id": ')
    assert answer.json() == {
        "course_id": RUN,
        "course_name": "Biology One",
        "gating_config": NEVER_SET,
        "duration_config": NEVER_SET,
    }


def test_the_older_form_of_a_key_is_answered_too(desk: Any) -> None:
    run_with("audit", "verified", id="OakU/BIO1/2024", org="OakU", display_name=None)
    ContentGatingFactory(org_course="OakU+BIO1", enabled=True, enabled_as_of=SINCE)
    answer = desk.get(url("OakU/BIO1/2024")).json()
    assert (answer["course_id"], answer["course_name"]) == ("OakU/BIO1/2024", "2024")
    assert answer["gating_config"] == {"enabled": True, "enabled_as_of": f"{SINCE}", "reason": "Org/Course"}


@pytest.mark.parametrize(
    "course_id",
    ["course-v1:OakU+BIO1+2025", "ccx-v1:OakU+BIO1+2024", "a+b+c", "a/b/c", f"course-v1:a+b+{'c' * 500}", "é+ü+ö "],
)
def test_an_unknown_or_unreadable_run_is_an_empty_object(desk: Any, run: Any, course_id: str) -> None:
    answer = desk.get(url(course_id))
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize("path", [url(RUN) + "/", url(""), url("course-v1:OakU+BIO1"), f"/support/x{url(RUN)}"])
def test_other_paths_lead_nowhere(desk: Any, run: Any, path: str) -> None:
    assert desk.get(path).status_code == 404


# --- On for the course --------------------------------------------------------------------------------------------


def both(**fields: Any) -> None:
    for factory in (ContentGatingFactory, DurationLimitFactory):
        factory(**fields)


def configs(desk: Any) -> list[dict[str, Any]]:
    answer = desk.get(url()).json()
    return [answer["gating_config"], answer["duration_config"]]


@pytest.mark.parametrize(
    ("modes", "on"),
    [(["audit", "verified"], True), (["audit", "verified", "credit"], True), (["audit"], False), (["verified"], False),
     (["honor", "verified"], False), ([], False)],
)  # fmt: skip
def test_it_is_on_for_runs_with_an_audit_and_a_verified_mode(desk: Any, modes: list[str], on: bool) -> None:
    run_with(*modes, id=RUN)
    both(enabled=True, enabled_as_of=SINCE)
    expected = {"enabled": on, "enabled_as_of": "2021-04-01 00:00:00+00:00", "reason": "Global"}
    assert configs(desk) == [expected, expected]


def test_expired_modes_count(desk: Any) -> None:
    CourseRunFactory(id=RUN)
    for slug in ("audit", "verified"):
        CourseModeFactory(course_id=RUN, mode_slug=slug, expired=True)
    both(enabled=True, enabled_as_of=SINCE)
    assert all(config["enabled"] for config in configs(desk))


def test_it_is_off_before_its_date_and_the_date_is_shown_all_the_same(desk: Any, run: Any) -> None:
    soon = timezone.now().replace(microsecond=7) + timedelta(minutes=5)
    both(enabled=True, enabled_as_of=soon)
    expected = {"enabled": False, "enabled_as_of": f"{soon:%Y-%m-%d %H:%M:%S.000007+00:00}", "reason": "Global"}
    assert configs(desk) == [expected, expected]


def test_a_past_date_alone_does_not_switch_it_on(desk: Any, run: Any) -> None:
    both(enabled_as_of=SINCE)
    assert configs(desk) == [{**NEVER_SET, "enabled_as_of": "2021-04-01 00:00:00+00:00"}] * 2


def test_it_is_off_where_it_is_enabled_without_a_date(desk: Any, run: Any) -> None:
    both(enabled=True)
    assert configs(desk) == [{"enabled": False, "enabled_as_of": "N/A", "reason": "Global"}] * 2


def test_gating_and_duration_are_told_apart(desk: Any, run: Any) -> None:
    ContentGatingFactory(enabled=True, enabled_as_of=SINCE)
    gating, duration = configs(desk)
    assert gating["enabled"]
    assert duration == NEVER_SET


# --- Stacking -----------------------------------------------------------------------------------------------------

LEVELS = [
    ({}, "Global"),
    ({"site": "own"}, "Site"),
    ({"org": "OakU"}, "Org"),
    ({"org_course": "OakU+BIO1"}, "Org/Course"),
    ({"course_id": RUN}, "Course Run"),
]


def with_site(key: dict[str, Any]) -> dict[str, Any]:
    return {"site": Site.objects.get_or_create(domain="oak.example")[0]} if "site" in key else key


def test_each_level_overrides_the_more_general_ones_whatever_their_age(desk: Any, run: Any) -> None:
    for index, (key, _) in reversed(list(enumerate(LEVELS))):
        both(**with_site(key), enabled=index % 2 == 0, enabled_as_of=SINCE + timedelta(days=index))
    for index, (key, label) in reversed(list(enumerate(LEVELS))):
        since = f"{SINCE + timedelta(days=index)}"
        expected = {"enabled": index % 2 == 0, "enabled_as_of": since, "reason": label}
        assert configs(desk) == [expected, expected]
        for model in (ContentTypeGatingConfig, CourseDurationLimitConfig):
            model.objects.filter(**with_site(key) or dict.fromkeys(["site", "org", "org_course", "course_id"])).delete()
    assert configs(desk) == [NEVER_SET, NEVER_SET]


def test_fields_stack_independently_and_the_reason_is_that_of_enabled(desk: Any, run: Any) -> None:
    both(enabled=False, enabled_as_of=SINCE)
    both(org="OakU", enabled=True)
    both(course_id=RUN, enabled_as_of=SINCE + timedelta(days=1))
    expected = {"enabled": True, "enabled_as_of": "2021-04-02 00:00:00+00:00", "reason": "Org"}
    assert configs(desk) == [expected, expected]


def test_false_is_a_value_and_overrides(desk: Any, run: Any) -> None:
    both(enabled=True, enabled_as_of=SINCE)
    both(course_id=RUN, enabled=False)
    expected = {"enabled": False, "enabled_as_of": "2021-04-01 00:00:00+00:00", "reason": "Course Run"}
    assert configs(desk) == [expected, expected]


def test_only_the_newest_row_of_a_key_counts_with_all_its_fields(desk: Any, run: Any) -> None:
    both(enabled=True, enabled_as_of=SINCE)
    both(org="OakU", enabled=False)
    both(org="OakU", enabled_as_of=None)
    assert [config["reason"] for config in configs(desk)] == ["Global", "Global"]


def test_rows_of_others_do_not_count(desk: Any, run: Any) -> None:
    others: list[dict[str, Any]] = [
        {"org": "FirU"}, {"org_course": "OakU+BIO2"}, {"org_course": "FirU+BIO1"}, {"course_id": f"{RUN}b"},
    ]  # fmt: skip
    for key in others:
        both(**key, enabled=True, enabled_as_of=SINCE)
    assert configs(desk) == [NEVER_SET, NEVER_SET]


def test_the_studio_override_stacks_like_the_other_fields(run: Any) -> None:
    ContentGatingFactory(studio_override_enabled=True)
    ContentGatingFactory(course_id=RUN, enabled=False)
    fields = effective(ContentTypeGatingConfig, run)
    assert (fields["studio_override_enabled"].value, fields["studio_override_enabled"].reason) == (True, "Global")
    assert fields["enabled"].reason == "Course Run"


def test_the_number_of_statements_does_not_grow_with_the_rows(
    desk: Any, run: Any, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        for key, _label in LEVELS:
            both(**with_site(key), enabled=True, enabled_as_of=SINCE)
    with django_assert_num_queries(6):  # the caller and their role; the run, its modes, two tables
        desk.get(url())


# --- The console --------------------------------------------------------------------------------------------------

PATHS = ["/admin/support/contenttypegatingconfig/", "/admin/support/coursedurationlimitconfig/"]
DATE = {"enabled_as_of_0": "2021-04-01", "enabled_as_of_1": "00:00:00"}


@pytest.fixture
def console(by_session: Callable[..., Any]) -> Any:
    return by_session(UserFactory(username="boss", staff=True, superuser=True))


def rows() -> models.QuerySet[Any]:
    return ContentTypeGatingConfig.objects.order_by("pk")


@pytest.mark.parametrize("path", PATHS)
def test_rows_are_added_and_never_changed_or_deleted(console: Any, path: str) -> None:
    for _ in range(2):
        given = {"org": "OakU", "enabled": "true", **DATE}
        assert console.post(f"{path}add/", given, format="multipart").status_code == 302
    model = ContentTypeGatingConfig if "gating" in path else CourseDurationLimitConfig
    assert [(row.level, row.key, row.changed_by.username) for row in model.objects.all()] == [
        (Level.ORG, "OakU", "boss")
    ] * 2
    assert console.get(path).status_code == 200
    newest = model.objects.latest("pk")
    assert console.get(f"{path}{newest.pk}/change/").status_code == 200
    assert console.post(f"{path}{newest.pk}/change/", {"org": "FirU"}, format="multipart").status_code == 403
    assert console.post(f"{path}{newest.pk}/delete/", {"post": "yes"}, format="multipart").status_code == 403
    assert model.objects.filter(org="OakU").count() == 2


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"enabled": "true", "org": "OakU"}, "Say from when on it is enabled."),
        ({"org": "OakU", "org_course": "OakU+BIO1"}, "Give one of site, organization, course and course run"),
        ({"org": "OakU", "course_id": RUN}, "Give one of site, organization, course and course run"),
        ({"org_course": "OakU"}, "A course is written as ORG+COURSE"),
        ({"org_course": "OakU+BIO1+2024"}, "A course is written as ORG+COURSE"),
        ({"org_course": "OakU+"}, "A course is written as ORG+COURSE"),
        ({"course_id": "OakU+BIO1"}, "This is not the key of a course run."),
        ({"course_id": "library-v1:OakU+LIB"}, "This is not the key of a course run."),
    ],
)
def test_rows_that_make_no_sense_are_refused(console: Any, given: dict[str, str], complaint: str) -> None:
    answer = console.post(f"{PATHS[0]}add/", given, format="multipart")
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert not rows().exists()


def test_a_row_for_a_site_and_something_else_is_refused(console: Any) -> None:
    site = Site.objects.get_or_create(domain="oak.example")[0]
    for more, stored in (({"org": "OakU"}, 0), ({}, 1)):
        console.post(f"{PATHS[0]}add/", {"site": site.pk, **more}, format="multipart")
        assert rows().count() == stored
    assert rows().get().level == Level.SITE


@pytest.mark.parametrize(("key", "label"), LEVELS)
def test_rows_say_what_they_speak_for(key: dict[str, Any], label: str) -> None:
    row = ContentGatingFactory(**with_site(key))
    assert str(row).startswith(label)
