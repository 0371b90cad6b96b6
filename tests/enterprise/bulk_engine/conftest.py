"""A run, and a learner of no customer."""

from __future__ import annotations

from typing import Any

import pytest

from enrollments.models import User
from tests.factories import CourseRunFactory, UserFactory


@pytest.fixture
def run() -> Any:
    return CourseRunFactory(modes=["audit", "verified"])


@pytest.fixture
def mia() -> User:
    return UserFactory(email="Mia.Ray@learners.example")
