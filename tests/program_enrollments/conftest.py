"""A program with a run, a student and an account that may do everything; modules may have their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from enrollments.models import CourseOverview, Program, User
from tests.factories import CourseRunFactory, UserFactory
from tests.program_enrollments.scenes import program_of, staff


@pytest.fixture
def run(db: None) -> CourseOverview:
    made: CourseOverview = CourseRunFactory(id="course-v1:Acme+Stats+R1")
    return made


@pytest.fixture
def program(run: CourseOverview) -> Program:
    return program_of(run)


@pytest.fixture
def boss(db: None) -> User:
    return staff()


@pytest.fixture
def worker(as_user: Callable[[User], APIClient], boss: User) -> APIClient:
    """The client of the boss."""
    return as_user(boss)


@pytest.fixture
def ana(db: None) -> User:
    account: User = UserFactory(username="ana")
    return account
