"""What counts as saving an account (contract: enrollment-api, User and profile; roles-and-permissions 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import transaction
from django.test import Client
from django.utils import timezone

from config.api.jwt import issue
from config.hooks import quiet
from enrollments.models import CourseEnrollment, User
from enrollments.signals import accounts_saved
from tests.factories import CourseEnrollmentAllowedFactory, CourseRunFactory, UserFactory

pytestmark = pytest.mark.django_db

RUN = "course-v1:Acme+C1+T1"


@pytest.fixture
def told() -> Iterator[list[tuple[list[str], bool]]]:
    """The account saves that higher apps were told of."""
    heard: list[tuple[list[str], bool]] = []

    def receiver(accounts: list[User], created: bool, **kwargs: Any) -> None:
        heard.append(([account.username for account in accounts], created))

    accounts_saved.connect(receiver)
    yield heard
    accounts_saved.disconnect(receiver)


def is_enrolled(user: User) -> bool:
    return CourseEnrollment.objects.filter(user=user, course_id=RUN, is_active=True).exists()


def test_a_registration_is_told_once(told: list[Any]) -> None:
    User.objects.create_user("maria", "maria@learners.example", "x")
    assert told == [(["maria"], True)]


def test_the_first_jwt_of_a_stranger_is_a_registration(client: Any, told: list[Any]) -> None:
    token = issue({"preferred_username": "newcomer"}, 60)
    assert client.get("/api/user/v1/me", headers={"Authorization": f"JWT {token}"}).json() == {"username": "newcomer"}
    client.get("/api/user/v1/me", headers={"Authorization": f"JWT {token}"})
    assert told == [(["newcomer"], True)]


def test_a_change_of_e_mail_and_an_activation_are_told(told: list[Any]) -> None:
    user = User.objects.get(pk=UserFactory(username="maria", is_active=False).pk)
    told.clear()
    user.email = "new@learners.example"
    user.save()
    user.is_active = True
    user.save(update_fields=["is_active"])
    assert told == [(["maria"], False)] * 2


def test_a_sign_in_is_told(told: list[Any]) -> None:
    user = UserFactory(username="maria")
    told.clear()
    Client().force_login(user)
    assert told == [(["maria"], False)]


def test_other_saves_are_not_told(told: list[Any], settings: Any) -> None:
    user = UserFactory(username="maria")
    told.clear()
    user.first_name = "María"
    user.save()
    user.is_active = False
    user.save()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    from tests.factories import PASSWORD

    assert authenticate(username="maria", password=PASSWORD).password.startswith("pbkdf2")  # stored anew
    assert told == []


def test_only_what_is_written_counts(told: list[Any]) -> None:
    user = UserFactory(username="maria")
    told.clear()
    user.email = "new@learners.example"
    user.save(update_fields=["first_name"])
    assert told == []
    user.save()
    assert told == [(["maria"], False)]


def test_an_account_loaded_in_part_is_compared_in_part(told: list[Any]) -> None:
    pk = UserFactory(username="maria").pk
    told.clear()
    part = User.objects.only("username").get(pk=pk)
    part.save()
    assert told == []
    part = User.objects.only("username").get(pk=pk)
    part.email = "new@learners.example"
    part.save()
    assert told == [(["maria"], False)]


def test_raw_and_quiet_saves_are_not_told(told: list[Any]) -> None:
    with quiet():
        user = UserFactory(username="maria")
    raw = User(username="fixture", email="fixture@learners.example")
    raw.save_base(raw=True)
    assert told == []
    user.save()
    assert told == []


def test_whoever_reacts_can_undo_the_save() -> None:
    def refuse(**kwargs: Any) -> None:
        raise RuntimeError("no")

    user = UserFactory(email="old@learners.example")
    accounts_saved.connect(refuse)
    try:
        user.email = "new@learners.example"
        with pytest.raises(RuntimeError), transaction.atomic():
            user.save()
    finally:
        accounts_saved.disconnect(refuse)
    assert User.objects.get(pk=user.pk).email == "old@learners.example"


def test_an_allowed_address_is_enrolled_at_registration() -> None:
    CourseRunFactory(id=RUN)
    CourseEnrollmentAllowedFactory(email="new@learners.example", course_id=RUN, auto_enroll=True)
    assert is_enrolled(UserFactory(email="new@learners.example"))


def test_an_allowed_address_waits_for_the_activation() -> None:
    CourseRunFactory(id=RUN)
    CourseEnrollmentAllowedFactory(email="new@learners.example", course_id=RUN, auto_enroll=True)
    user = UserFactory(email="new@learners.example", is_active=False)
    assert not is_enrolled(user)
    user.is_active = True
    user.save()
    assert is_enrolled(user)


def test_an_allowed_address_is_enrolled_when_an_account_takes_it() -> None:
    CourseRunFactory(id=RUN)
    user = UserFactory()
    CourseEnrollmentAllowedFactory(email="new@learners.example", course_id=RUN, auto_enroll=True)
    user.last_login = timezone.now()
    user.save()
    assert not is_enrolled(user)
    user.email = "new@learners.example"
    user.save()
    assert is_enrolled(user)


def test_a_save_costs_little_when_nothing_waits(django_assert_max_num_queries: Any) -> None:
    user = UserFactory()
    user.email = "new@learners.example"
    with django_assert_max_num_queries(
        5
    ):  # account, copies, allowed e-mails, pending learners, links with pending admins
        user.save()
