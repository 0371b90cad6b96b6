"""Catalogs and catalog queries on the wire (contract: enterprise-customers 4.3 to 4.5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from django.db import models
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time
from enterprise.models import EnterpriseCatalogQuery, EnterpriseCustomerCatalog

LONGEST_ID = 20  # digits; no row has a longer one
_uuid = models.UUIDField()


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    """A JSON value that is shown as it is."""


class CatalogQuerySerializer(serializers.ModelSerializer[EnterpriseCatalogQuery]):
    """A catalog query as staff see it."""

    content_filter = ObjectField(read_only=True)
    created = UtcDateTimeField(read_only=True)
    modified = UtcDateTimeField(read_only=True)

    class Meta:
        model = EnterpriseCatalogQuery
        fields = ["id", "content_filter", "created", "modified", "title", "uuid", "include_exec_ed_2u_courses"]
        read_only_fields = fields


class CatalogSerializer(serializers.ModelSerializer[EnterpriseCustomerCatalog]):
    """A catalog in a list; lists build their rows without it (`enterprise.queries.catalogs.CatalogRow`)."""

    created = UtcDateTimeField(read_only=True)
    modified = UtcDateTimeField(read_only=True)

    class Meta:
        model = EnterpriseCustomerCatalog
        fields = ["uuid", "title", "enterprise_customer", "enterprise_catalog_query", "created", "modified"]
        read_only_fields = fields


def catalog_body(catalog: EnterpriseCustomerCatalog) -> dict[str, Any]:
    """What `CatalogSerializer` describes."""
    return {
        "uuid": catalog.uuid,
        "title": catalog.title,
        "enterprise_customer": catalog.enterprise_customer_id,
        "enterprise_catalog_query": catalog.enterprise_catalog_query_id,
        "created": wire_time(catalog.created),
        "modified": wire_time(catalog.modified),
    }


class CatalogDetailSerializer(CatalogSerializer):
    """A catalog with a page of its content; describes the answer, the view puts it together."""

    count = serializers.IntegerField(read_only=True, help_text="Of all results, before any is left out of a page.")
    previous = serializers.URLField(read_only=True, allow_null=True)
    next = serializers.URLField(read_only=True, allow_null=True)
    results = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta(CatalogSerializer.Meta):
        fields = [*CatalogSerializer.Meta.fields, "count", "previous", "next", "results"]
        read_only_fields = fields


class StoredCatalogSerializer(serializers.ModelSerializer[EnterpriseCustomerCatalog]):
    """What the write side answers."""

    class Meta:
        model = EnterpriseCustomerCatalog
        fields = ["uuid", "title", "enterprise_customer", "enterprise_catalog_query"]
        read_only_fields = fields


class StoredRowField(serializers.Field, ABC):
    """The key of a stored row. The view says how rows are found: `context[field name](key)` gives the row or None."""

    default_error_messages = serializers.PrimaryKeyRelatedField.default_error_messages

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(None if data == "" else data)

    def to_internal_value(self, data: Any) -> Any:
        found = self.context[str(self.field_name)](self.key(data))
        if found is None:
            self.fail("does_not_exist", pk_value=data)
        return found

    def to_representation(self, value: models.Model) -> Any:
        return value.pk

    @abstractmethod
    def key(self, data: Any) -> Any:
        """The key that a value of the body spells."""


@extend_schema_field(OpenApiTypes.UUID)
class CustomerField(StoredRowField):
    """A customer by uuid."""

    def key(self, data: Any) -> Any:
        return _uuid.to_python(data)


@extend_schema_field(OpenApiTypes.INT)
class CatalogQueryField(StoredRowField):
    """A catalog query by its number, which may be written as a text."""

    def key(self, data: Any) -> int:
        is_number = isinstance(data, int) and not isinstance(data, bool)
        if not is_number and not (isinstance(data, str) and data.isascii() and data.strip().isdigit()):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if len(str(data)) > LONGEST_ID:
            self.fail("does_not_exist", pk_value=data)
        return int(data)


class CatalogKeysSerializer(serializers.Serializer[Any]):
    """Whose catalog it is, and of which query."""

    enterprise_customer = CustomerField()
    enterprise_catalog_query = CatalogQueryField(required=False, allow_null=True)


class CatalogRequestSerializer(CatalogKeysSerializer):
    """The body of a POST: a new catalog."""

    title = serializers.CharField(max_length=255)


class CatalogChangeSerializer(CatalogRequestSerializer):
    """The body of a PATCH: the catalog that `uuid` names, and what to change about it.

    The view looks the catalog up before it reads the rest.
    """

    uuid = serializers.CharField(required=False)
