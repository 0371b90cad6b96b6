"""Wire format of sign-on configurations (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from config.api.fields import FormBooleanField, UtcDateTimeField
from enterprise.models import EnterpriseCustomerSsoConfiguration

READ_ONLY = frozenset({"uuid", "created", "modified", "submitted_at", "configured_at", "validated_at", "errored_at"})
NAMES = tuple(field.name for field in EnterpriseCustomerSsoConfiguration._meta.concrete_fields)


class SsoConfigurationSerializer(serializers.ModelSerializer[EnterpriseCustomerSsoConfiguration]):
    """A sign-on configuration; of what is sent, all but the customer, which the view looks up."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.BooleanField: FormBooleanField,
        models.DateTimeField: UtcDateTimeField,
    }
    is_pending_configuration = serializers.BooleanField(read_only=True)
    enterprise_customer = serializers.UUIDField(source="enterprise_customer_id", read_only=True)

    class Meta:
        model = EnterpriseCustomerSsoConfiguration
        fields = ["is_pending_configuration", *NAMES]
        read_only_fields = sorted(READ_ONLY)


class SsoConfigurationStoredSerializer(serializers.Serializer[Any]):
    """The answer to a new configuration; for the schema."""

    record = serializers.UUIDField()
    sp_metadata_url = serializers.CharField(allow_blank=True)


class SsoConfigurationChangedSerializer(serializers.Serializer[Any]):
    """The answer to a changed configuration; for the schema."""

    record = SsoConfigurationSerializer()
    sp_metadata_url = serializers.CharField(required=False, help_text="If it was submitted again.")


class OrchestrationResultSerializer(serializers.Serializer[Any]):
    """What the orchestrator says; for the schema."""

    error = serializers.CharField(required=False, allow_blank=True)


class SsoUserQuerySerializer(serializers.Serializer[Any]):
    """Whom to ask an identity provider about."""

    org_id = serializers.CharField()
    external_user_id = serializers.CharField()
