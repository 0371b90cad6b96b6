"""Wire format of SAML providers and their data (contract: enterprise-admins-groups-sso, SAML administration)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from config.api.fields import FormBooleanField, UtcDateTimeField
from saml_admin.models import SAMLProviderConfig, SAMLProviderData

NOT_CHANGEABLE = "This field may not be changed."
NO_OBJECT = "Enter a JSON object."


class SAMLProviderConfigSerializer(serializers.ModelSerializer[SAMLProviderConfig]):
    """A provider. A form that leaves out a flag leaves it as it is; the slug of a stored provider stays."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.BooleanField: FormBooleanField,
        models.DateTimeField: UtcDateTimeField,
    }
    saml_config_id = serializers.IntegerField(
        write_only=True, required=False, allow_null=True, help_text="Of a current SAML configuration."
    )

    class Meta:
        model = SAMLProviderConfig
        fields = [*(field.name for field in SAMLProviderConfig._meta.concrete_fields), "saml_config_id"]
        read_only_fields = ["id", "change_date", "changed_by", "icon_image", "archived", "saml_configuration"]

    def validate_slug(self, slug: str) -> str:
        if self.instance is not None and slug != self.instance.slug:
            raise serializers.ValidationError(NOT_CHANGEABLE)
        return slug

    def validate_other_settings(self, text: str) -> str:
        try:
            if text and not isinstance(json.loads(text), dict):
                raise serializers.ValidationError(NO_OBJECT)
        except (ValueError, RecursionError) as error:
            raise serializers.ValidationError(NO_OBJECT) from error
        return text


class SAMLProviderDataSerializer(serializers.ModelSerializer[SAMLProviderData]):
    """What metadata said of an entity, for one certificate."""

    fetched_at = UtcDateTimeField()
    expires_at = UtcDateTimeField(required=False, allow_null=True)

    class Meta:
        model = SAMLProviderData
        fields = ["id", "fetched_at", "expires_at", "entity_id", "sso_url", "public_key"]


class SAMLConfigurationSerializer(serializers.Serializer[Any]):
    """What everybody may know of how the service presents itself; for the schema."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
