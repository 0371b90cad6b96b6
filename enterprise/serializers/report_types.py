"""The choices of a reporting configuration as `[value, label]` pairs (contract: enterprise-customers 4.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from enterprise.models import EnterpriseCustomerReportingConfiguration

Pair = tuple[int | str, str]
Configuration = EnterpriseCustomerReportingConfiguration
DataType = Configuration.DataType

DATA_TYPES = (DataType.CATALOG, DataType.ENGAGEMENT)
PEARSON_DATA_TYPES = (DataType.GRADE, DataType.COMPLETION, DataType.COURSE_STRUCTURE)
PEARSON = "pearson"  # customers with this word in the slug


def report_types_body(slug: str) -> dict[str, list[Pair]]:
    """What the customer with this slug may choose from."""
    data_types = (*DATA_TYPES, *PEARSON_DATA_TYPES) if PEARSON in slug else DATA_TYPES
    return {
        "delivery_method": _pairs(Configuration.DeliveryMethod),
        "data_type": _pairs((*data_types, DataType.PROGRESS_V3)),
        "report_type": _pairs(Configuration.ReportType),
        "frequency": _pairs(Configuration.Frequency),
        "day_of_week": _pairs(Configuration.DayOfWeek),
    }


def _pairs(choices: Iterable[Any]) -> list[Pair]:
    return [(choice.value, str(choice.label)) for choice in choices]


class ReportTypesSerializer(serializers.Serializer[Any]):
    """As `report_types_body` builds it: lists of pairs, value and label."""

    delivery_method = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    data_type = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    report_type = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    frequency = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    day_of_week = serializers.ListField(child=serializers.ListField(child=serializers.JSONField()))
