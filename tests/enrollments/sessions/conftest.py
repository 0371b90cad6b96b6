"""The account that signs in."""

from __future__ import annotations

import pytest

from enrollments.models import User
from tests.factories import UserFactory


@pytest.fixture
def learner() -> User:
    return UserFactory(username="maria", email="Maria.Lopez@learners.example")
