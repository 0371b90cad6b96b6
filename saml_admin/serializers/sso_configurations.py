"""Wire format of sign-on configurations (contract: enterprise-admins-groups-sso, SSO configuration)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from config.api.fields import FormBooleanField, UtcDateTimeField
from enterprise.models import EnterpriseCustomerSsoConfiguration

READ_ONLY = frozenset({"uuid", "created", "modified", "submitted_at", "configured_at", "validated_at", "errored_at"})
# In the order of the contract's example.
SHOWN = (
    "uuid", "is_pending_configuration", "enterprise_customer", "created", "modified", "is_removed", "display_name",
    "active", "identity_provider", "metadata_url", "metadata_xml", "entity_id", "update_from_metadata",
    "user_id_attribute", "full_name_attribute", "first_name_attribute", "last_name_attribute", "email_attribute",
    "username_attribute", "country_attribute", "submitted_at", "configured_at", "validated_at", "errored_at",
    "marked_authorized", "odata_api_timeout_interval", "odata_api_root_url", "odata_company_id",
    "sapsf_oauth_root_url", "odata_api_request_timeout", "sapsf_private_key", "odata_client_id", "oauth_user_id",
)  # fmt: skip
NAMES = frozenset(SHOWN) - {"is_pending_configuration"}


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
        fields = SHOWN
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
