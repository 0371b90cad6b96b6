"""ID verifications and verified names on the wire (contract: support 4.3)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField
from enrollments.models import IDVerificationAttempt, VerifiedName

TYPES = {
    IDVerificationAttempt.Kind.PHOTO: "Software Secure",
    IDVerificationAttempt.Kind.MANUAL: "Manual",
    IDVerificationAttempt.Kind.SSO: "SSO",
    IDVerificationAttempt.Kind.GENERIC: "Generic",
}


class VerificationStatusSerializer(serializers.ModelSerializer):
    """The attempt that counts for a learner."""

    is_verified = serializers.SerializerMethodField()
    status = serializers.CharField(read_only=True)
    expiration_datetime = UtcDateTimeField(read_only=True)

    class Meta:
        model = IDVerificationAttempt
        fields = ("is_verified", "status", "expiration_datetime")
        read_only_fields = fields

    def get_is_verified(self, attempt: IDVerificationAttempt) -> bool:
        return attempt.is_approved and not attempt.is_expired


class VerificationSerializer(serializers.ModelSerializer):
    """One attempt of a learner."""

    type = serializers.SerializerMethodField()
    status = serializers.CharField(read_only=True)
    expiration_datetime = UtcDateTimeField(read_only=True)
    message = serializers.CharField(read_only=True, source="error")
    updated_at = UtcDateTimeField(read_only=True, source="status_changed")
    receipt_id = serializers.SerializerMethodField()

    class Meta:
        model = IDVerificationAttempt
        fields = ("type", "status", "expiration_datetime", "message", "updated_at", "receipt_id")
        read_only_fields = fields

    def get_type(self, attempt: IDVerificationAttempt) -> str:
        return TYPES[IDVerificationAttempt.Kind(attempt.kind)]

    def get_receipt_id(self, attempt: IDVerificationAttempt) -> str | None:
        return attempt.receipt_id or None


class VerifiedNameSerializer(serializers.ModelSerializer):
    """A verified name, with the statuses that `queries.verification.verified_names_of` adds."""

    created = UtcDateTimeField(read_only=True)
    verification_attempt_status = serializers.CharField(read_only=True, allow_null=True)
    platform_verification_attempt_status = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = VerifiedName
        fields = (
            "verified_name",
            "profile_name",
            "status",
            "created",
            "verification_attempt_id",
            "verification_attempt_status",
            "proctored_exam_attempt_id",
            "platform_verification_attempt_id",
            "platform_verification_attempt_status",
        )
        read_only_fields = fields


class VerifiedNameHistorySerializer(serializers.Serializer):
    """Describes the answer with all verified names of a learner."""

    results = VerifiedNameSerializer(many=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"results": VerifiedNameSerializer(instance, many=True).data}
