"""The ID verification status of learners (contract: support, ID verification status)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from enrollments.models import IDVerificationAttempt, User
from enrollments.queries.verification import VerificationStatus, statuses
from tests.factories import UserFactory, VerificationFactory

pytestmark = pytest.mark.django_db

NONE = {"status": "none", "error": "", "should_display": True, "status_date": "", "verification_expiry": ""}


@pytest.fixture
def learner() -> User:
    return UserFactory(username="maria")


def attempt(learner: User, kind: str, status: str = "approved", *, age: int = 10, ends: int | None = None) -> Any:
    """An attempt that is `age` days old and expires in `ends` days, or never."""
    now = timezone.now()
    expiration = None if ends is None else now + timedelta(days=ends)
    created = now - timedelta(days=age)
    return VerificationFactory(
        user=learner, kind=kind, status=status, created_at=created, expiration_datetime=expiration
    )


def status_of(learner: User) -> VerificationStatus:
    return statuses([learner.pk])[learner.pk]


def test_a_learner_without_attempts_has_the_status_none(learner: User) -> None:
    attempt(UserFactory(), "photo")
    assert status_of(learner) == NONE


def test_an_approved_attempt_says_when_its_status_changed(learner: User) -> None:
    changed = datetime(2031, 2, 3, 4, 5, 6, 7, UTC)
    VerificationFactory(user=learner, status_changed=changed)
    assert status_of(learner) == {**NONE, "status": "approved", "status_date": changed}


@pytest.mark.parametrize(
    ("status", "shown"),
    [("submitted", "pending"), ("must_retry", "pending"), ("created", "none"), ("ready", "none")],
)
def test_attempts_on_their_way_are_pending_or_none_yet(learner: User, status: str, shown: str) -> None:
    attempt(learner, "photo", status)
    assert status_of(learner) == {**NONE, "status": shown}


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("", ""),
        ("The photo is blurred.", "The photo is blurred."),
        ('[{"photoIdReasons": ["Not provided", "Blurred"]}, {"userPhotoReasons": ["Too dark"]}]',
         "Not provided, Blurred, Too dark"),
        ('{"generalReasons": [{"text": "Name mismatch", "code": 7}]}', "Name mismatch"),
        ("[]", ""),
        ("17", "17"),
        ("[" * 100_000, "[" * 100_000),
    ],
)  # fmt: skip
def test_a_denied_attempt_must_be_repeated_and_says_why(learner: User, stored: str, shown: str) -> None:
    VerificationFactory(user=learner, status="denied", error=stored)
    assert status_of(learner) == {**NONE, "status": "must_reverify", "error": shown}


def test_an_expired_attempt_says_so_and_names_the_platform(learner: User, settings: Any) -> None:
    settings.PLATFORM_NAME = "Oak Online"
    attempt(learner, "photo", ends=-1)
    assert status_of(learner) == {**NONE, "status": "expired", "error": "Your Oak Online verification has expired."}


@pytest.mark.parametrize("kind", ["sso", "manual"])
def test_an_expired_attempt_that_learners_are_not_shown_is_as_none(learner: User, kind: str) -> None:
    attempt(learner, kind, ends=-1)
    assert status_of(learner) == NONE


@pytest.mark.parametrize(("kind", "shown"), [("photo", True), ("generic", True), ("sso", False), ("manual", False)])
def test_the_kind_of_the_attempt_says_whether_it_is_displayed(learner: User, kind: str, shown: bool) -> None:
    attempt(learner, kind)
    assert status_of(learner)["should_display"] is shown


@pytest.mark.parametrize(("days", "shown"), [(27, True), (29, False), (None, False)])
def test_the_expiry_is_shown_when_it_comes_soon(learner: User, days: int | None, shown: bool) -> None:
    stored = attempt(learner, "photo", ends=days)
    expected = f"{stored.expiration_datetime:%m/%d/%Y}" if shown else ""
    assert status_of(learner)["verification_expiry"] == expected


def test_how_soon_is_a_setting(learner: User, settings: Any) -> None:
    settings.VERIFICATION_EXPIRING_SOON_DAYS = 3
    attempt(learner, "photo", ends=4)
    assert status_of(learner)["verification_expiry"] == ""


# --- which attempt counts -----------------------------------------------------------------------------------------


def test_the_kind_beats_the_age(learner: User) -> None:
    for age, (kind, status) in enumerate(
        [("manual", "created"), ("sso", "denied"), ("photo", "submitted"), ("generic", "denied")]
    ):
        attempt(learner, kind, status, age=age)
    assert status_of(learner)["status"] == "must_reverify"
    IDVerificationAttempt.objects.filter(kind="generic").delete()
    assert status_of(learner)["status"] == "pending"
    IDVerificationAttempt.objects.filter(kind="photo").delete()
    assert status_of(learner) == {**NONE, "status": "must_reverify", "should_display": False}
    IDVerificationAttempt.objects.filter(kind="sso").delete()
    assert status_of(learner) == {**NONE, "should_display": False}


def test_the_newest_of_a_kind_comes_first(learner: User) -> None:
    attempt(learner, "photo", "submitted", age=1)
    attempt(learner, "photo", "denied", age=2)
    assert status_of(learner)["status"] == "pending"


@pytest.mark.parametrize("ends", [None, 100])
def test_an_approved_unexpired_attempt_replaces_one_that_is_not_approved(learner: User, ends: int | None) -> None:
    attempt(learner, "photo", "denied", age=1)
    attempt(learner, "manual", age=300, ends=ends)
    status = status_of(learner)
    assert (status["status"], status["should_display"]) == ("approved", False)


@pytest.mark.parametrize(
    ("photo", "manual", "counts"),
    [(50, 60, "manual"), (50, None, "manual"), (-1, 60, "manual"), (60, 50, "photo"), (None, 60, "photo"),
     (None, None, "photo"), (60, 60, "photo"), (-1, -2, "photo")],
)  # fmt: skip
def test_of_approved_attempts_a_later_one_that_lasts_longer_counts(
    learner: User, photo: int | None, manual: int | None, counts: str
) -> None:
    now = timezone.now()
    for kind, days in (("photo", photo), ("manual", manual)):
        end = None if days is None else now + timedelta(days=days)
        VerificationFactory(user=learner, kind=kind, expiration_datetime=end)
    assert status_of(learner)["should_display"] is (counts == "photo")


def test_an_expired_or_unapproved_attempt_replaces_nothing(learner: User) -> None:
    attempt(learner, "generic", "submitted")
    attempt(learner, "photo", ends=-1)
    attempt(learner, "manual", "denied")
    assert status_of(learner)["status"] == "pending"


# --- many learners ------------------------------------------------------------------------------------------------


def test_many_learners_cost_one_statement(django_assert_num_queries: Any) -> None:
    learners = [UserFactory() for _ in range(4)]
    for learner in learners[:3]:
        attempt(learner, "photo", "submitted")
        attempt(learner, "manual")
    with django_assert_num_queries(1):
        found = statuses([learner.pk for learner in learners])
    assert [found[learner.pk]["status"] for learner in learners] == ["approved"] * 3 + ["none"]


def test_the_console_notes_when_a_status_was_changed(by_session: Any, learner: User) -> None:
    operator = by_session(UserFactory(staff=True, superuser=True))
    stored = attempt(learner, "photo", "submitted", age=9)
    address = f"/admin/enrollments/idverificationattempt/{stored.pk}/change/"
    assert operator.get(address).status_code == 200
    fields = {"user": learner.pk, "kind": "photo", "created_at_0": "2031-01-01", "created_at_1": "00:00:00"}
    assert (
        operator.post(address, {**fields, "status": "submitted", "error": "x"}, format="multipart").status_code == 302
    )
    assert IDVerificationAttempt.objects.get().status_changed == stored.status_changed
    assert operator.post(address, {**fields, "status": "approved"}, format="multipart").status_code == 302
    assert IDVerificationAttempt.objects.get().status_changed > timezone.now() - timedelta(minutes=1)
    assert operator.get("/admin/enrollments/idverificationattempt/").status_code == 200
    assert operator.get("/admin/enrollments/verifiedname/?q=maria").status_code == 200
