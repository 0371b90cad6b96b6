"""The page at the service's own address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from tests.factories import UserFactory
from tests.support.agents import agent

pytestmark = pytest.mark.django_db


def test_a_visitor_is_shown_where_to_sign_in(client: APIClient) -> None:
    page = client.get("/").content.decode()
    assert 'href="/login"' in page
    assert "/admin/" not in page


def test_a_learner_is_shown_who_they_are_and_no_admin(by_session: Callable[..., APIClient]) -> None:
    page = by_session(UserFactory(username="ana")).get("/").content.decode()
    assert "<strong>ana</strong>" in page
    assert 'href="/logout"' in page
    assert "/admin/" not in page


def test_agents_are_shown_the_way_to_the_desk(by_session: Callable[..., APIClient]) -> None:
    assert 'href="/support/"' in by_session(agent()).get("/").content.decode()
    assert 'href="/support/"' not in by_session(UserFactory(superuser=True)).get("/").content.decode()


def test_staff_are_shown_the_way_to_the_admin(by_session: Callable[..., APIClient]) -> None:
    assert 'href="/admin/"' in by_session(UserFactory(staff=True)).get("/").content.decode()
