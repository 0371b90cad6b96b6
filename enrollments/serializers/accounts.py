"""Accounts as the accounts API shows them (contract: enrollment-api, GET /api/user/v1/accounts/{username})."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from config.api.fields import wire_time
from enrollments.models import User, UserProfile

AGE_OF_CONSENT = 13


def shared_account(user: User, pictures: dict[str, str]) -> dict[str, Any]:
    """What everybody may see of an account.

    Args:
        pictures: the address of the account's picture by size.
    """
    image = {f"image_url_{size}": address for size, address in pictures.items()}
    return {"username": user.username, "profile_image": {"has_image": False, **image}}


def own_account(user: User, pictures: dict[str, str]) -> dict[str, Any]:
    """What the owner and staff see of an account.

    Args:
        user: with `verified_name`, as `queries.accounts` gives it.
        pictures: as `shared_account`.
    """
    profile = getattr(user, "profile", None) or UserProfile()
    return {
        **shared_account(user, pictures),
        "id": user.pk,
        "email": user.email,
        "name": user.full_name(),
        "verified_name": user.verified_name,  # type: ignore[attr-defined]  # annotated
        "date_joined": wire_time(user.date_joined.replace(microsecond=0)),
        "last_login": wire_time(user.last_login),
        "is_active": user.is_active,
        "country": str(profile.country) if profile.country else None,
        "level_of_education": profile.level_of_education,
        "year_of_birth": profile.year_of_birth,
        "gender": profile.gender,
        "bio": profile.bio,
        "goals": profile.goals,
        "mailing_address": profile.mailing_address,
        "phone_number": profile.phone_number,
        "language_proficiencies": [],
        "social_links": [],
        "extended_profile": [],
        "account_privacy": "private",
        "requires_parental_consent": _is_child(profile.year_of_birth),
    }


def _is_child(year_of_birth: int | None) -> bool:
    return year_of_birth is not None and datetime.now(UTC).year - year_of_birth < AGE_OF_CONSENT


class AccountSerializer(serializers.Serializer):
    """Describes both: who sees the shared part only gets no other key than `username` and `profile_image`."""

    username = serializers.CharField()
    profile_image = serializers.DictField()
    id = serializers.IntegerField(required=False)
    email = serializers.CharField(required=False)
    name = serializers.CharField(required=False, allow_null=True)
    verified_name = serializers.CharField(required=False, allow_null=True)
    date_joined = serializers.DateTimeField(required=False)
    last_login = serializers.DateTimeField(required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    country = serializers.CharField(required=False, allow_null=True)
    level_of_education = serializers.CharField(required=False, allow_null=True)
    year_of_birth = serializers.IntegerField(required=False, allow_null=True)
    gender = serializers.CharField(required=False, allow_null=True)
    bio = serializers.CharField(required=False, allow_null=True)
    goals = serializers.CharField(required=False, allow_null=True)
    mailing_address = serializers.CharField(required=False, allow_null=True)
    phone_number = serializers.CharField(required=False, allow_null=True)
    language_proficiencies = serializers.ListField(required=False, child=serializers.DictField())
    social_links = serializers.ListField(required=False, child=serializers.DictField())
    extended_profile = serializers.ListField(required=False, child=serializers.DictField())
    account_privacy = serializers.CharField(required=False)
    requires_parental_consent = serializers.BooleanField(required=False)
