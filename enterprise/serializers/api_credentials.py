"""Wire format of API credentials (contract: enterprise-customers 4.13)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField
from enrollments.models import OAuthApplication, User

LONGEST_URIS = 20_000  # characters


class CredentialsOwnerSerializer(serializers.ModelSerializer[User]):
    date_joined = UtcDateTimeField()

    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name", "email", "is_staff", "is_active", "date_joined")


class ApiCredentialsSerializer(serializers.ModelSerializer[OAuthApplication]):
    """An application with its secret in clear; its owner may have changed type and grant to any text."""

    authorization_grant_type = serializers.CharField()
    client_type = serializers.CharField()
    client_secret = serializers.CharField(source="readable_client_secret")
    created = UtcDateTimeField()
    updated = UtcDateTimeField()
    user = CredentialsOwnerSerializer()

    class Meta:
        model = OAuthApplication
        fields = (
            "id", "name", "client_id", "client_secret", "authorization_grant_type", "client_type", "created",
            "updated", "redirect_uris", "user",
        )  # fmt: skip


class ApiCredentialsChangeSerializer(serializers.Serializer[Any]):
    """What the owner may change; the values are not compared with those that the service knows."""

    name = serializers.CharField(max_length=255, required=False)
    client_type = serializers.CharField(max_length=32, required=False)
    redirect_uris = serializers.CharField(max_length=LONGEST_URIS, required=False, help_text="Separated by blanks.")
    authorization_grant_type = serializers.CharField(max_length=44, required=False)


class RegenerationSerializer(serializers.Serializer[Any]):
    """What goes with a new id and secret."""

    redirect_uris = serializers.CharField(max_length=LONGEST_URIS, allow_blank=True, help_text="Separated by blanks.")


class RegeneratedSerializer(ApiCredentialsSerializer):
    """The new id and secret."""

    class Meta:
        model = OAuthApplication
        fields = ("name", "client_id", "client_secret", "redirect_uris", "updated")
