"""What license services ask for, and what they are told (contract: enterprise-learners, licensed enrollments)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.api.exceptions import Refusal
from config.api.fields import CanonicalUUIDField, UtcDateTimeField

LICENSES = "expired_license_uuids"
UNTOUCHED_FROM = "ignore_enrollments_modified_after"
NO_LICENSES = f"Parameter {LICENSES} must be provided"
MALFORMED_MOMENT = f"Parameter {UNTOUCHED_FROM} is malformed, please provide a date in ISO-8601 format"


@dataclass(frozen=True, slots=True)
class Expiration:
    """Which licenses expired, and from when on changes of an enrollment protect it (None: never)."""

    licenses: list[UUID]
    untouched_from: datetime | None


def expiration(body: Any, query: Any) -> Expiration:
    """What a request asks for, in its body or in its query.

    Args:
        body: the parsed body; of a form, a list is a repeated field.
        query: the query parameters.
    Raises:
        Refusal: 400; a JSON text for what is missing or no date, errors by field for what is no uuid.
    """
    sent: Any = body if isinstance(body, Mapping) else {}
    given = _listed(sent, LICENSES) or _listed(query, LICENSES)
    if not given:
        raise Refusal(NO_LICENSES, body=NO_LICENSES)
    limit = settings.BULK_JOB_MAX_ROWS
    if len(given) > limit:
        raise Refusal("", body={LICENSES: [f"Ensure this field has no more than {limit} elements."]})
    untouched_from = _moment(sent.get(UNTOUCHED_FROM) or query.get(UNTOUCHED_FROM))
    field = CanonicalUUIDField()
    licenses: dict[UUID, None] = {}
    for each in given:
        try:
            licenses[field.to_internal_value(each)] = None
        except ValidationError:
            raise Refusal("", body={LICENSES: [f"“{each}” is not a valid UUID."]}) from None
    return Expiration(list(licenses), untouched_from)


def _listed(parameters: Any, name: str) -> list[Any]:
    """The values of a list: JSON, a field that is repeated, or a text with commas."""
    value = parameters.getlist(name) if hasattr(parameters, "getlist") else parameters.get(name)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return [value] if value else []
    return [part for each in value for part in (each.split(",") if isinstance(each, str) else [each]) if part != ""]


def _moment(text: Any) -> datetime | None:
    if not text:
        return None
    try:
        moment: datetime = UtcDateTimeField().run_validation(text)
    except ValidationError:
        raise Refusal(MALFORMED_MOMENT, body=MALFORMED_MOMENT) from None
    return moment


class LicenseRevocationSerializer(serializers.Serializer):
    """Describes the body of `license_revoke`."""

    user_id = serializers.IntegerField()
    enterprise_id = serializers.UUIDField()


# What `license_revoke` answers, as OpenAPI has it: results by run key.
RUN_RESULTS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["success", "message"],
        "properties": {"success": {"type": "boolean"}, "message": {"type": "string"}},
    },
}


class LicenseExpirationSerializer(serializers.Serializer):
    """Describes the body of `bulk_licensed_enrollments_expiration`."""

    expired_license_uuids = serializers.ListField(child=serializers.UUIDField())
    ignore_enrollments_modified_after = UtcDateTimeField(
        required=False, allow_null=True, help_text="ISO 8601; what changed then or later is left alone."
    )
