"""Wire format of learners, linked and pending (contract: enterprise-learners).

`learner_body` builds answers from tuples: a serializer per row would cost more than the rest of the request.
`LearnerSerializer` describes them to the schema; a test holds both together. What callers send refers to customers and
accounts: the views look these up and hand them over in the serializer's context.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import FormBooleanField, UtcDateTimeField
from enterprise.serializers.customers import CustomerSerializer

NO_SUCH_ACCOUNT = "User does not exist"
NOT_AUTHORIZED = "Not authorized for this enterprise"
OTHER_LEARNER = "This is the link of another user."
OTHER_CUSTOMER = "This is the link with another enterprise customer."


def learner_body(learner: Any, customer: Any, belongings: Any) -> dict[str, Any]:
    """A learner.

    Args:
        learner: a `queries.learners.Learner`.
        customer: the body of the customer; one for all of its learners.
        belongings: a `queries.learners.Belongings`.
    """
    customer_uuid = str(learner.customer_id)
    return {
        "id": learner.id,
        "enterprise_customer": customer,
        "active": learner.active,
        "user_id": learner.user_id,
        "user": user_body(learner),
        "data_sharing_consent_records": [
            {
                "username": learner.username,
                "enterprise_customer_uuid": customer_uuid,
                "exists": True,  # these are the stored ones
                "consent_provided": consent.granted,
                "consent_required": consent.required,
                "course_id": consent.course_id,
            }
            for consent in belongings.consents
        ],
        "groups": belongings.groups,
        "created": learner.created,
        "invite_key": str(learner.invite_key) if learner.invite_key else None,
        "role_assignments": belongings.roles,
        "enterprise_group": [str(uuid) for uuid in belongings.enterprise_groups],
    }


def user_body(learner: Any) -> dict[str, Any] | None:
    """The account of a learner; None when it is gone."""
    if learner.account_id is None:
        return None
    return {
        "id": learner.account_id,
        "username": learner.username,
        "first_name": learner.first_name,
        "last_name": learner.last_name,
        "email": learner.email,
        "is_staff": learner.is_staff,
        "is_active": learner.is_active,
        "date_joined": learner.date_joined,
    }


def pending_learner_body(pending: Any) -> dict[str, Any]:
    """A pending learner."""
    return {"enterprise_customer": str(pending.enterprise_customer_id), "user_email": pending.user_email}


# --- What callers send --------------------------------------------------------------------------------------------


@extend_schema_field(OpenApiTypes.UUID)
class CustomerKeyField(serializers.Field):
    """The uuid of a customer, one of `context["customers"]`; written as text with hyphens."""

    default_error_messages = {
        "not_a_uuid": "“{value}” is not a valid UUID.",
        "wrong_type": "Incorrect type. Expected pk value, received {type}.",
        "unknown": 'Invalid pk "{value}" - object does not exist.',
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """An empty text names nobody, as null does: that is how relations are sent in forms."""
        return super().run_validation(None if data == "" else data)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool):
            self.fail("wrong_type", type="bool")
        try:
            uuid = UUID(str(data))
        except ValueError:
            self.fail("not_a_uuid", value=data)
        customer = self.context["customers"].get(uuid)
        if customer is None:
            self.fail("unknown", value=data)
        return customer

    def to_representation(self, value: Any) -> str:
        return str(value.pk)


class LearnerWriteSerializer(serializers.Serializer[Any]):
    """A link that shall stand, and its echo.

    With `context["link"]` it is the change of that link, which keeps its customer and account; `partial` takes what is
    left out from there.
    """

    enterprise_customer = CustomerKeyField(help_text="The customer's UUID.")
    username = serializers.CharField(max_length=30)
    active = FormBooleanField(default=True, help_text="Whether the learner acts for this customer from now on.")

    def validate_enterprise_customer(self, customer: Any) -> Any:
        link = self.context.get("link")
        if link is not None and customer.pk != link.enterprise_customer_id:
            raise serializers.ValidationError(OTHER_CUSTOMER)
        return customer

    def validate_username(self, username: str) -> str:
        account, link = self.context["accounts"].get(username), self.context.get("link")
        if account is None:
            raise serializers.ValidationError(NO_SUCH_ACCOUNT)
        if link is not None and account.pk != link.user_id:
            raise serializers.ValidationError(OTHER_LEARNER)
        return username


class PendingLearnerSerializer(serializers.Serializer[Any]):
    """An address that shall be a learner. `context["only"]`: the text of the one customer that it may be for."""

    enterprise_customer = CustomerKeyField(help_text="The customer's UUID.")
    user_email = serializers.EmailField(max_length=254)

    def validate_enterprise_customer(self, customer: Any) -> Any:
        if self.context.get("only", str(customer.pk)) != str(customer.pk):
            raise serializers.ValidationError(NOT_AUTHORIZED)
        return customer


def checked_items(serializer: serializers.Serializer[Any], items: Iterable[Any]) -> list[Any]:
    """The values of a list of objects, each as the serializer takes it.

    Raises:
        ValidationError: one object of texts by field for each item, in order; empty ones for good items.
    """
    values, errors = [], []
    for item in items:
        problem: Any = {}
        try:
            values.append(serializer.run_validation(item))
        except serializers.ValidationError as error:
            problem = error.detail
        errors.append({"non_field_errors": problem} if isinstance(problem, list) else problem)
    if any(errors):
        raise serializers.ValidationError(errors)
    return values


# --- For the schema -----------------------------------------------------------------------------------------------


class LearnerUserSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    first_name = serializers.CharField(allow_blank=True)
    last_name = serializers.CharField(allow_blank=True)
    email = serializers.EmailField(allow_blank=True)
    is_staff = serializers.BooleanField()
    is_active = serializers.BooleanField()
    date_joined = UtcDateTimeField()


class ConsentRecordSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    enterprise_customer_uuid = serializers.UUIDField()
    exists = serializers.BooleanField()
    consent_provided = serializers.BooleanField(allow_null=True)
    consent_required = serializers.BooleanField()
    course_id = serializers.CharField(help_text="The key of a course or run.")


class LearnerSerializer(serializers.Serializer[Any]):
    """A learner, as `learner_body` builds it."""

    id = serializers.IntegerField()
    enterprise_customer = CustomerSerializer()
    active = serializers.BooleanField(help_text="Whether the learner acts for this customer at present.")
    user_id = serializers.IntegerField()
    user = LearnerUserSerializer(allow_null=True, help_text="Null when the account is gone.")
    data_sharing_consent_records = ConsentRecordSerializer(many=True)
    groups = serializers.ListField(child=serializers.CharField())
    created = UtcDateTimeField()
    invite_key = serializers.UUIDField(allow_null=True)
    role_assignments = serializers.ListField(child=serializers.CharField())
    enterprise_group = serializers.ListField(child=serializers.UUIDField())
