"""Rows that every installation starts with (contract: settings, Seed data)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def test_one_site_is_made_and_it_is_the_services_own(settings: Any) -> None:
    Site.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert list(Site.objects.values_list("domain", "name")) == [(settings.SITE_DOMAIN, settings.SITE_NAME)]


def test_a_migration_that_runs_again_changes_no_site(settings: Any) -> None:
    Site.objects.filter(domain=settings.SITE_DOMAIN).update(name="Named by an operator")
    Site.objects.create(domain="oak.example", name="Oak")
    before = set(Site.objects.values_list("domain", "name"))
    call_command("migrate", verbosity=0)
    assert set(Site.objects.values_list("domain", "name")) == before
