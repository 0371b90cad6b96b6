"""Wire format of requests for coupon codes (contract: enterprise-customers 4.10)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

LONGEST = 20_000  # characters


@extend_schema_field(OpenApiTypes.STR)
class AsReceivedField(serializers.Field):
    """A text or a number that is kept as it came; null too."""

    default_error_messages = {
        "invalid": "Not a valid string.",
        "max_length": f"Ensure this field has no more than {LONGEST} characters.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | int | float):
            self.fail("invalid")
        if isinstance(data, str) and len(data) > LONGEST:
            self.fail("max_length")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class RequestCodesSerializer(serializers.Serializer[Any]):
    """Who asks for how many codes. The view says what is missing."""

    email = AsReceivedField(default="")
    enterprise_name = AsReceivedField(default="")
    number_of_codes = AsReceivedField(default="")
    notes = AsReceivedField(default="")


class MissingParametersSerializer(serializers.Serializer[Any]):
    error = serializers.CharField()
