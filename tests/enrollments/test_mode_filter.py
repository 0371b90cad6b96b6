"""The admin's filter by mode, whose choices come from the modes of runs."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import CourseEnrollmentFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_enrollments_are_filtered_by_a_mode_that_no_run_offers_any_more(client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    CourseEnrollmentFactory(user__username="modern", mode="verified")
    CourseEnrollmentFactory(user__username="ancient", mode="honor")
    page = client.get("/admin/enrollments/courseenrollment/", {"mode": "honor"}).content.decode()
    assert "ancient" in page
    assert "modern" not in page
    everything = client.get("/admin/enrollments/courseenrollment/").content.decode()
    assert "ancient" in everything
    assert "modern" in everything
