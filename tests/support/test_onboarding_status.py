"""onboarding_status/{username_or_email} (contract: support, Onboarding facts)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from enrollments.models import User
from support.models import OnboardingStatus
from tests.factories import OnboardingFactory, UserFactory
from tests.support.agents import agent
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db

NOBODY = {"verified_in": None, "current_status": None}


def url(person: str = "mira") -> str:
    return f"/support/onboarding_status/{person}"


@pytest.fixture
def mira() -> User:
    return UserFactory(username="mira", email="mira+1@oak.example")


def exam(learner: User, name: str, status: str | None, *, age: float = 10, **enrollment: Any) -> str:
    """An onboarding exam in a run that the learner was enrolled in some days ago; gives the run's key."""
    run = run_with("verified", id=f"course-v1:OakU+{name}+2024")
    enrolled(run, learner, **{"mode": "verified", "created": ago(age), **enrollment})
    OnboardingFactory(user=learner, course_id=run.pk, onboarding_status=status)
    return str(run.pk)


def runs(answer: Any) -> tuple[str | None, str | None]:
    """The runs that the two parts of an answer are about."""
    assert answer.status_code == 200
    body = answer.json()
    return tuple(part and part["course_id"] for part in (body["verified_in"], body["current_status"]))  # type: ignore


# --- Who may ------------------------------------------------------------------------------------------------------


def test_whoever_is_not_signed_in_is_sent_to_sign_in(client: Any, mira: User) -> None:
    answer = client.get(url("mira+1@oak.example?x=1&y=/"))
    assert answer.status_code == 302
    assert answer["Location"] == "/login?next=/support/onboarding_status/mira%2B1%40oak.example%3Fx%3D1%26y%3D/"


@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
@pytest.mark.parametrize("person", ["mira", "nobody"])
def test_whoever_is_no_agent_is_refused_without_a_word(
    as_user: Callable[..., Any], mira: User, fields: Any, person: str
) -> None:
    answer = as_user(UserFactory(**fields)).get(url(person))
    assert (answer.status_code, answer.content) == (403, b"")


def test_agents_see_what_staff_see(as_user: Callable[..., Any], by_session: Callable[..., Any], mira: User) -> None:
    run = exam(mira, "BIO1", "submitted")
    for account in (agent(), UserFactory(staff=True)):
        for caller in (as_user(account), by_session(account)):
            assert runs(caller.get(url())) == (None, run)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(desk: Any, mira: User, method: str) -> None:
    assert getattr(desk, method)(url(), {}).status_code == 405


# --- Who is asked about -------------------------------------------------------------------------------------------


def test_an_unknown_person_is_a_404_with_both_parts_null(desk: Any) -> None:
    answer = desk.get(url("nobody"))
    assert (answer.status_code, answer.json()) == (404, NOBODY)
    assert answer["Content-Type"] == "application/json"


def test_a_person_is_found_by_e_mail_too(desk: Any, mira: User) -> None:
    run = exam(mira, "BIO1", None)
    assert runs(desk.get(url("mira%2B1@oak.example"))) == (None, run)


@pytest.mark.parametrize("path", ["", "mira/", "mi ra", "mira!", "%25"])
def test_other_paths_lead_nowhere(desk: Any, mira: User, path: str) -> None:
    assert desk.get(url(path)).status_code == 404
    assert desk.get(url(path)).content != desk.get(url("nobody")).content


# --- The answer ---------------------------------------------------------------------------------------------------


def test_a_learner_without_exams_has_both_parts_null(desk: Any, mira: User) -> None:
    enrolled(run_with("verified"), mira, mode="verified")
    exam(UserFactory(), "BIO1", "verified")
    answer = desk.get(url())
    assert (answer.status_code, answer.json()) == (200, NOBODY)


def test_the_facts_of_a_run(desk: Any, mira: User) -> None:
    run = run_with("verified", id="course-v1:OakU+BIO1+2024")
    enrolled(run, mira, mode="verified", created=datetime(2024, 2, 1, 9, 30, 0, 123456, UTC))
    OnboardingFactory(
        user=mira,
        course_id=run.pk,
        onboarding_link="/courses/course-v1:OakU+BIO1+2024/jump_to/block-v1:x",
        expiration_date=datetime(2026, 2, 1, 9, 30, 0, 123456, UTC),
        onboarding_past_due=True,
        onboarding_release_date=datetime(2024, 1, 15, tzinfo=UTC),
        review_requirements_url="https://proctor.example/rules",
    )
    answer = desk.get(url())
    assert answer.content.startswith(b'{\n  "verified_in": null,\n  "current_status": {\n    "onboarding_status"')
    assert answer.json() == {
        "verified_in": None,
        "current_status": {
            "onboarding_status": "submitted",
            "onboarding_link": "/courses/course-v1:OakU+BIO1+2024/jump_to/block-v1:x",
            "expiration_date": "2026-02-01T09:30:00.123Z",
            "onboarding_past_due": True,
            "onboarding_release_date": "2024-01-15T00:00:00+00:00",
            "review_requirements_url": "https://proctor.example/rules",
            "course_id": "course-v1:OakU+BIO1+2024",
            "enrollment_date": "2024-02-01T09:30:00.123456Z",
            "instructor_dashboard_link": "/courses/course-v1:OakU+BIO1+2024/instructor#view-special_exams",
        },
    }


def test_the_newest_enrollment_counts_and_its_status_may_be_null(desk: Any, mira: User) -> None:
    exam(mira, "OLD", "submitted", age=30)
    newest = exam(mira, "NEW", None, age=1)
    exam(mira, "MID", "started", age=20)
    answer = desk.get(url())
    assert runs(answer) == (None, newest)
    current = answer.json()["current_status"]
    assert [current[name] for name in ("onboarding_status", "onboarding_link", "expiration_date")] == [None] * 3


def test_runs_without_an_exam_for_the_learner_are_skipped(desk: Any, mira: User) -> None:
    older = exam(mira, "OLD", "submitted", age=30)
    without = run_with("verified")
    enrolled(without, mira, mode="verified", created=ago(1))
    OnboardingFactory(course_id=without.pk, onboarding_status="verified")
    assert runs(desk.get(url())) == (None, older)


def test_the_newest_verified_run_is_told_beside_the_current_one(desk: Any, mira: User) -> None:
    exam(mira, "FIRST", "verified", age=40)
    verified = exam(mira, "SECOND", "verified", age=30)
    current = exam(mira, "THIRD", "other_course_approved", age=1)
    assert runs(desk.get(url())) == (verified, current)


def test_both_may_be_the_same_run(desk: Any, mira: User) -> None:
    exam(mira, "OLD", "verified", age=30)
    newest = exam(mira, "NEW", "verified", age=1)
    answer = desk.get(url())
    assert runs(answer) == (newest, newest)
    assert answer.json()["verified_in"] == answer.json()["current_status"]


@pytest.mark.parametrize(
    ("enrollment", "counts"),
    [
        ({"mode": "professional"}, True),
        ({"mode": "audit"}, False),
        ({"mode": "masters"}, False),
        ({"mode": "no-id-professional"}, False),
        ({"is_active": False}, False),
    ],
)
def test_active_enrollments_in_proctored_modes_count(
    desk: Any, mira: User, enrollment: dict[str, Any], counts: bool
) -> None:
    run = exam(mira, "BIO1", "verified", **enrollment)
    assert runs(desk.get(url())) == ((run, run) if counts else (None, None))


def test_the_number_of_statements_does_not_grow_with_the_runs(
    desk: Any, mira: User, django_assert_num_queries: Any
) -> None:
    for name in ("A", "B", "C", "D"):
        exam(mira, name, "submitted")
    with django_assert_num_queries(5):  # the caller and their role; the person, facts, enrollments
        desk.get(url())


# --- The console --------------------------------------------------------------------------------------------------


def test_operators_store_facts_in_the_console(by_session: Callable[..., Any], mira: User) -> None:
    console = by_session(UserFactory(staff=True, superuser=True))
    given = {
        "user": mira.pk, "course_id": "course-v1:OakU+BIO1+2024", "onboarding_status": "",
        "onboarding_release_date_0": "2024-01-15", "onboarding_release_date_1": "00:00:00",
    }  # fmt: skip
    page = "/admin/support/onboardingstatus/"
    assert console.post(f"{page}add/", given, format="multipart").status_code == 302
    stored = OnboardingStatus.objects.get()
    assert (stored.onboarding_status, stored.onboarding_link, str(stored)) == (
        None,
        None,
        "course-v1:OakU+BIO1+2024: no attempt",
    )
    assert console.post(f"{page}add/", given, format="multipart").status_code == 200
    assert console.post(f"{page}add/", {**given, "onboarding_status": "odd"}, format="multipart").status_code == 200
    assert OnboardingStatus.objects.count() == 1
    assert console.get(f"{page}?q=mira").status_code == 200
