"""Operators look after brandings and invite keys by the rules of the API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from enterprise.models import EnterpriseCustomerBrandingConfiguration, EnterpriseCustomerInviteKey
from tests.enterprise.test_branding import picture
from tests.factories import (
    BrandingFactory,
    EnterpriseCustomerFactory,
    GroupFactory,
    InviteKeyFactory,
    LearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def console() -> Client:
    client = Client()
    client.force_login(UserFactory(username="console", staff=True, superuser=True))
    return client


@pytest.fixture
def send(console: Client, django_capture_on_commit_callbacks: Any) -> Any:
    """Sends a form of the console; answers with the errors it shows, none when it was taken."""

    def post(model: str, page: str, fields: dict[str, Any], *args: Any) -> list[str]:
        address = reverse(f"admin:enterprise_{model}_{page}", args=args)
        with django_capture_on_commit_callbacks(execute=True):
            answer = console.post(address, fields)
        if answer.status_code == 302:
            return []
        errors = answer.context["adminform"].form.errors
        return [str(text) for texts in errors.values() for text in texts] or ["refused"]

    return post


BRANDING, KEY = "enterprisecustomerbrandingconfiguration", "enterprisecustomerinvitekey"


def files(media: Path) -> list[str]:
    return [str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()]


def test_an_operator_sets_replaces_and_removes_a_logo(send: Any, media: Path) -> None:
    customer = EnterpriseCustomerFactory()
    logo = SimpleUploadedFile("logo.png", picture(), "image/png")
    fields = {"primary_color": "#123456", "secondary_color": "", "tertiary_color": ""}
    assert send(BRANDING, "add", {"enterprise_customer": str(customer.pk), "logo": logo, **fields}) == []
    stored = EnterpriseCustomerBrandingConfiguration.objects.get()
    assert (stored.enterprise_customer, stored.primary_color) == (customer, "#123456")
    assert files(media) == [stored.logo.name]
    assert stored.logo.name.startswith(f"enterprise/branding/{customer.pk}/logo_")
    logo = SimpleUploadedFile("logo.png", picture((3, 3)), "image/png")
    assert send(BRANDING, "change", {"logo": logo, **fields}, stored.pk) == []
    assert files(media) == [EnterpriseCustomerBrandingConfiguration.objects.get().logo.name] != [stored.logo.name]
    assert send(BRANDING, "change", {"logo-clear": "on", **fields}, stored.pk) == []
    assert not EnterpriseCustomerBrandingConfiguration.objects.get().logo
    assert files(media) == []


def test_a_deleted_branding_takes_its_logo_along(send: Any, media: Path) -> None:
    customer = EnterpriseCustomerFactory()
    for page, extra in (("delete", {}), ("changelist", {"action": "delete_selected"})):
        logo = SimpleUploadedFile("logo.png", picture(), "image/png")
        send(BRANDING, "add", {"enterprise_customer": str(customer.pk), "logo": logo})
        stored = EnterpriseCustomerBrandingConfiguration.objects.get()
        args = [stored.pk] if page == "delete" else []
        assert send(BRANDING, page, {"post": "yes", "_selected_action": stored.pk, **extra}, *args) == []
        assert files(media) == []
        assert not EnterpriseCustomerBrandingConfiguration.objects.exists()


def test_a_logo_that_the_api_refuses_is_refused_here_too(send: Any, media: Path) -> None:
    stored = BrandingFactory()
    logo = SimpleUploadedFile("logo.png", b"<svg/>", "image/png")
    assert send(BRANDING, "change", {"logo": logo}, stored.pk) == ["Unsupported file extension."]
    assert files(media) == []


def key_form(**fields: Any) -> dict[str, Any]:
    end = timezone.now() + timedelta(days=3)
    return {
        "usage_limit": "5",
        "expiration_date_0": end.date().isoformat(),
        "expiration_date_1": "12:00:00",
        "is_active": "on",
        **fields,
    }


def test_an_operator_makes_a_key_and_switches_it_off_for_good(send: Any) -> None:
    customer = EnterpriseCustomerFactory()
    assert send(KEY, "add", key_form(enterprise_customer=str(customer.pk))) == []
    key = EnterpriseCustomerInviteKey.objects.get()
    assert (key.enterprise_customer, key.usage_limit, key.is_active) == (customer, 5, True)
    off = {name: value for name, value in key_form().items() if name != "is_active"}
    assert send(KEY, "change", off, key.pk) == []
    assert send(KEY, "change", key_form(), key.pk) == ["Cannot reactivate an inactive invite key."]
    key.refresh_from_db()
    assert not key.is_active
    assert key.history.count() == 2


def test_the_hundred_keys_of_a_customer_count_here_too(send: Any) -> None:
    customer = EnterpriseCustomerFactory()
    removed = InviteKeyFactory(enterprise_customer=customer, is_removed=True)
    InviteKeyFactory.create_batch(100, enterprise_customer=customer)
    too_many = ["Cannot create more than 100 invite keys per customer."]
    assert send(KEY, "add", key_form(enterprise_customer=str(customer.pk))) == too_many
    assert send(KEY, "change", key_form(), removed.pk) == too_many
    assert send(KEY, "change", key_form(is_removed="on"), removed.pk) == []
    assert EnterpriseCustomerInviteKey.objects.count() == 100


def test_a_member_of_a_group_is_a_learner_of_its_customer(send: Any) -> None:
    group, stranger = GroupFactory(), LearnerFactory()
    fields = {"group": group.pk, "status": "accepted", "enterprise_customer_user": stranger.pk}
    assert send("enterprisegroupmembership", "add", fields) == [
        "This is a learner of another enterprise customer than the group."
    ]
    fields["enterprise_customer_user"] = LearnerFactory(enterprise_customer=group.enterprise_customer).pk
    assert send("enterprisegroupmembership", "add", fields) == []
    assert group.members.count() == 1
