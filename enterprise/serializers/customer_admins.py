"""Wire format of admin records and invitations (contract: enterprise-admins-groups-sso, Admin members)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import FormBooleanField, UtcDateTimeField
from enterprise.serializers.learners import CustomerKeyField

NOT_CHANGEABLE = "This field may not be changed."
NO_EMAILS = "The 'emails' field is required."
TWICE = "Duplicate emails are not allowed."


class TourFlowsField(serializers.Field):
    """A list of tours by uuid; whether they exist is for the service to say."""

    default_error_messages = {
        "not_a_list": 'Expected a list of items but got type "{type}".',
        "not_a_uuid": "“{value}” is not a valid UUID.",
    }

    def get_value(self, dictionary: Any) -> Any:
        if hasattr(dictionary, "getlist"):
            return dictionary.getlist(self.field_name) if self.field_name in dictionary else serializers.empty
        return super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> list[UUID]:
        if not isinstance(data, list):
            self.fail("not_a_list", type=type(data).__name__)
        return [self._uuid(item) for item in data]

    def _uuid(self, item: Any) -> UUID:
        try:
            return UUID(str(item))
        except ValueError:
            self.fail("not_a_uuid", value=item)

    def to_representation(self, value: Any) -> list[str]:
        return [str(flow.pk) for flow in value.all()]


class CustomerAdminSerializer(serializers.Serializer[Any]):
    """An admin record: which tours were taken, when the admin last signed in. The learner link stays as it is."""

    uuid = serializers.UUIDField(read_only=True)
    enterprise_customer_user = serializers.IntegerField(source="enterprise_customer_user_id")
    last_login = UtcDateTimeField(required=False, allow_null=True)
    completed_tour_flows = extend_schema_field(serializers.ListField(child=serializers.UUIDField()))(TourFlowsField)(
        required=False
    )
    onboarding_tour_dismissed = FormBooleanField(required=False)
    onboarding_tour_completed = FormBooleanField(required=False)

    def validate_enterprise_customer_user(self, link_id: int) -> int:
        if self.instance is not None and link_id != self.instance.enterprise_customer_user_id:
            raise serializers.ValidationError(NOT_CHANGEABLE)
        return link_id


class AdminInvitesSerializer(serializers.Serializer[Any]):
    """Addresses to invite; taken without blanks around them and in lower case."""

    emails = serializers.ListField(
        child=serializers.EmailField(max_length=254),
        allow_empty=False,
        error_messages={"required": NO_EMAILS, "empty": "This list may not be empty."},
    )

    def validate_emails(self, emails: list[str]) -> list[str]:
        normalised = [email.strip().lower() for email in emails]
        if len(set(normalised)) < len(normalised):
            raise serializers.ValidationError(TWICE)
        return normalised


class AdminInviteSerializer(serializers.Serializer[Any]):
    """What became of one address."""

    email = serializers.EmailField()
    status = serializers.ChoiceField(choices=["invite sent", "already sent", "already admin"])


class NewAdminSerializer(serializers.Serializer[Any]):
    """Who is to be an admin of which customer; for the schema."""

    email = serializers.EmailField()
    enterprise_customer_uuid = serializers.UUIDField()


class TourFlowSerializer(serializers.Serializer[Any]):
    """Which tour was taken; for the schema."""

    flow_uuid = serializers.UUIDField()


class PendingAdminSerializer(serializers.Serializer[Any]):
    """An invitation. `context["customers"]`: the customers that the body may name, by uuid."""

    id = serializers.IntegerField(read_only=True)
    enterprise_customer = CustomerKeyField(help_text="The customer's UUID.")
    user_email = serializers.EmailField(max_length=254)


def pending_admin_body(invited: Any) -> dict[str, Any]:
    """An invitation as answers show it."""
    return {
        "id": invited.pk,
        "enterprise_customer": str(invited.enterprise_customer_id),
        "user_email": invited.user_email,
    }
