"""Reporting configurations on the wire (contract: enterprise-customers 4.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.utils.html import is_html_input

from config.api.fields import CanonicalUUIDField, FormBooleanField
from config.db.secrets import Unreadable, encrypted
from enterprise.models import EnterpriseCustomerReportingConfiguration as Configuration
from enterprise.models.reporting import KEYS, validate_pgp_key
from enterprise.serializers.catalogs import CatalogSerializer
from enterprise.serializers.customers import CustomerSerializer

LONGEST_TEXT = 256  # characters
LARGEST_PORT = 2**31 - 1  # what the column holds
MOST_ITEMS = 1_000
COMPRESSION_IS_NEEDED = (
    "Compression can only be disabled for the following data types: catalog and delivery method: sftp"
)
# Columns that are shown as they are, in the order of the contract's object around them.
_PLAIN_FIELDS = (
    "active", "delivery_method", "email", "frequency", "day_of_month", "day_of_week", "hour_of_day", "include_date",
    "sftp_hostname", "sftp_port", "sftp_username", "sftp_file_path", "data_type", "report_type", "pgp_encryption_key",
    "enable_compression",
)  # fmt: skip


def reporting_body(configuration: Configuration, customer: Mapping[str, Any], catalogs: Any) -> dict[str, Any]:
    """A configuration. Passwords are encrypted, each time anew.

    Args:
        customer: its customer, as answers have it.
        catalogs: its catalogs, as lists have them.
    """
    return {
        "enterprise_customer": customer,
        **{name: getattr(configuration, name) for name in _PLAIN_FIELDS},
        "encrypted_password": _sealed(configuration.decrypted_password),
        "encrypted_sftp_password": _sealed(configuration.decrypted_sftp_password),
        "enterprise_customer_catalogs": catalogs,
        "uuid": str(configuration.uuid),
    }


def _sealed(password: str | None) -> str | None:
    """A password under the key of today; one that no key opens as it is stored."""
    if isinstance(password, Unreadable):
        return password.token
    return encrypted(password, KEYS) if password else None


# --- What requests bring --------------------------------------------------------------------------------------------


class FormListField(serializers.ListField):
    """A list; in a form the same name many times. Boxes of a form that were left empty are no items."""

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        value = super().get_value(dictionary)
        if is_html_input(dictionary) and isinstance(value, list):
            return [item for item in value if item != ""]
        return value


class PasswordField(serializers.CharField):
    """A password in clear, taken as it is; null takes it away, an empty box of a form leaves it as it was."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False, allow_null=True, max_length=LONGEST_TEXT, trim_whitespace=False, write_only=True, **options
        )

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        if is_html_input(dictionary) and dictionary.get(str(self.field_name)) == "":
            return serializers.empty
        return super().get_value(dictionary)


def _text() -> serializers.CharField:
    return serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=LONGEST_TEXT)


class ReportingConfigurationRequestSerializer(serializers.Serializer[Any]):
    """The body that makes a configuration, JSON or a form. What it leaves out takes the model's default."""

    enterprise_customer_id = CanonicalUUIDField(write_only=True)
    active = FormBooleanField()
    delivery_method = serializers.ChoiceField(choices=Configuration.DeliveryMethod.choices, required=False)
    email = FormListField(child=serializers.EmailField(), default=list, max_length=MOST_ITEMS)
    frequency = serializers.ChoiceField(choices=Configuration.Frequency.choices, required=False)
    day_of_month = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=31)
    day_of_week = serializers.ChoiceField(choices=Configuration.DayOfWeek.choices, required=False, allow_null=True)
    hour_of_day = serializers.IntegerField(min_value=0, max_value=23)
    include_date = FormBooleanField(required=False)
    encrypted_password = PasswordField(source="decrypted_password")
    sftp_hostname = _text()
    sftp_port = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=LARGEST_PORT)
    sftp_username = _text()
    encrypted_sftp_password = PasswordField(source="decrypted_sftp_password")
    sftp_file_path = _text()
    data_type = serializers.ChoiceField(choices=Configuration.DataType.choices, required=False)
    report_type = serializers.ChoiceField(choices=Configuration.ReportType.choices, required=False)
    pgp_encryption_key = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False, validators=[validate_pgp_key]
    )
    enterprise_customer_catalog_uuids = FormListField(
        child=CanonicalUUIDField(), default=list, max_length=MOST_ITEMS, write_only=True
    )
    enable_compression = FormBooleanField(required=False, help_text="Left out counts as false.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        sent = (attrs.get("data_type"), attrs.get("delivery_method"))
        may_be_off = sent == (Configuration.DataType.CATALOG, Configuration.DeliveryMethod.SFTP)
        if not may_be_off and not attrs.get("enable_compression"):
            raise serializers.ValidationError({"enable_compression": [COMPRESSION_IS_NEEDED]})
        return attrs


class ReportingConfigurationChangeSerializer(ReportingConfigurationRequestSerializer):
    """The body that changes a configuration. With `uuid` in it the delivery method cannot change."""

    uuid = CanonicalUUIDField(required=False)


class ReportingConfigurationSerializer(serializers.ModelSerializer[Configuration]):
    """A configuration, as `reporting_body` builds it."""

    enterprise_customer = CustomerSerializer()
    email = serializers.ListField(child=serializers.EmailField())
    encrypted_password = serializers.CharField(allow_null=True, help_text="Encrypted anew in each answer.")
    encrypted_sftp_password = serializers.CharField(allow_null=True, help_text="Encrypted anew in each answer.")
    enterprise_customer_catalogs = CatalogSerializer(many=True)

    class Meta:
        model = Configuration
        fields = (
            "enterprise_customer", "active", "delivery_method", "email", "frequency", "day_of_month", "day_of_week",
            "hour_of_day", "include_date", "encrypted_password", "sftp_hostname", "sftp_port", "sftp_username",
            "encrypted_sftp_password", "sftp_file_path", "data_type", "report_type", "pgp_encryption_key",
            "enterprise_customer_catalogs", "uuid", "enable_compression",
        )  # fmt: skip
        read_only_fields = fields
