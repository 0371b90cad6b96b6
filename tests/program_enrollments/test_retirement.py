"""What is forgotten of retired accounts (contract: program-enrollments, User retirement)."""

from __future__ import annotations

import hashlib

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollments.services.retirement import retire
from program_enrollments.models import ProgramEnrollment
from program_enrollments.services import retirement
from tests.factories import UserFactory
from tests.program_enrollments.scenes import program_of
from tests.program_enrollments.students import student

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def salts(settings):
    settings.RETIRED_USER_SALTS = ["old", "newest"]


def forgotten(key):
    return f"retired_external_key_{hashlib.sha1(f'newest{key.lower()}'.encode()).hexdigest()}"


def key_of(enrollment):
    enrollment.refresh_from_db()
    return enrollment.external_user_key


def test_the_keys_of_a_retired_account_say_nothing_any_more_in_history_either(ana):
    first, second = student(program_of(), "S-One", user=ana), student(program_of(), "s-two", user=ana)
    first.status = "ended"
    first.save()
    retire(ana)
    assert [key_of(first), key_of(second)] == [forgotten("S-One"), forgotten("s-two")]
    kept = ProgramEnrollment.history.values_list("id", "external_user_key")
    assert set(kept) == {(first.pk, forgotten("S-One")), (second.pk, forgotten("s-two"))}
    assert ProgramEnrollment.history.filter(id=first.pk).count() == 3


def test_the_enrollments_of_others_and_waiting_ones_keep_their_keys(ana):
    others = [student(program_of(), "S-1", user=UserFactory()), student(program_of(), "S-1")]
    student(program_of(), "S-1", user=ana)
    retire(ana)
    assert [key_of(each) for each in others] == ["S-1", "S-1"]


def test_an_enrollment_without_a_key_stays_without(ana):
    enrollment = student(program_of(), None, user=ana)
    retire(ana)
    assert key_of(enrollment) is None


def test_an_account_without_programs_is_retired_as_ever(ana):
    retire(ana)
    assert not ProgramEnrollment.history.exists()


def test_forgetting_twice_changes_nothing(ana):
    enrollment = student(program_of(), "S-1", user=ana)
    retirement.forget(ana.pk)
    before = ProgramEnrollment.history.count()
    retirement.forget(ana.pk)
    assert key_of(enrollment) == forgotten("S-1")
    assert ProgramEnrollment.history.count() == before


def test_many_programs_cost_as_many_statements_as_one(ana):
    def cost_of(number):
        account = UserFactory()
        for each in range(number):
            student(program_of(), f"S-{each}", user=account)
        with CaptureQueriesContext(connection) as statements:
            retirement.forget(account.pk)
        return len(statements)

    assert cost_of(1) == cost_of(10)
