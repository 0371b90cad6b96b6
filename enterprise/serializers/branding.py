"""Wire format of brandings (contract: enterprise-customers 4.6)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from enterprise.models import EnterpriseCustomerBrandingConfiguration
from enterprise.serializers.customers import branding_body

COLOR = EnterpriseCustomerBrandingConfiguration.COLOR.regex
NO_COLOR = "Value entered is not a valid hex color code."


def branding_row_body(row: EnterpriseCustomerBrandingConfiguration, request: Any) -> dict[str, Any]:
    """A stored branding, its customer loaded."""
    customer = row.enterprise_customer
    colors = (row.primary_color, row.secondary_color, row.tertiary_color)
    return branding_body(customer.pk, customer.slug, row.logo, *colors, request)


class HexColorField(serializers.RegexField):
    """`#RRGGBB`; an empty text stands for the platform's colour."""

    default_error_messages = {"invalid": NO_COLOR}

    def __init__(self, **options: Any) -> None:
        super().__init__(COLOR, required=False, allow_blank=True, **options)


class BrandingChangeSerializer(serializers.Serializer[Any]):
    """A form with what shall change."""

    logo = serializers.FileField(required=False, help_text="A PNG picture.")
    primary_color = HexColorField()
    secondary_color = HexColorField()
    tertiary_color = HexColorField()
