"""The wire format of accounts at the support desk (contract: support, manage_user)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import UtcDateTimeField, wire_time

USABLE, UNUSABLE = "Usable", "Unusable"
DISABLED, ENABLED = "User Disabled Successfully", "User Enabled Successfully"


def managed_account_body(managed: Any) -> dict[str, Any]:
    """An account with its history.

    Args:
        managed: a `queries.accounts.ManagedAccount`.
    """
    account = managed.account
    return {
        "username": account.username,
        "email": account.email,
        "date_joined": wire_time(account.date_joined),
        "is_active": account.is_active,
        "password_toggle_history": [
            {
                "created": wire_time(toggle.created),
                "comment": toggle.comment,
                "disabled": toggle.disabled,
                "created_by": toggle.created_by,
            }
            for toggle in managed.history
        ],
        "status": USABLE if account.has_usable_password() else UNUSABLE,
    }


def toggled_body(disabled: bool) -> dict[str, str]:
    """What was done, and the state of the password now."""
    return {"success_msg": DISABLED if disabled else ENABLED, "status": UNUSABLE if disabled else USABLE}


class PasswordToggleSerializer(serializers.Serializer[Any]):
    created = UtcDateTimeField()
    comment = serializers.CharField(allow_null=True)
    disabled = serializers.BooleanField()
    created_by = serializers.CharField(allow_null=True, help_text="The agent's user name.")


class ManagedAccountSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    email = serializers.CharField()
    date_joined = UtcDateTimeField()
    is_active = serializers.BooleanField()
    password_toggle_history = PasswordToggleSerializer(many=True, help_text="Newest first.")
    status = serializers.CharField(help_text="Of the password: `Usable` or `Unusable`.")


class ToggleRequestSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(
        max_length=255, required=False, allow_null=True, allow_blank=True, trim_whitespace=False
    )


class ToggledSerializer(serializers.Serializer[Any]):
    success_msg = serializers.ChoiceField([DISABLED, ENABLED])
    status = serializers.CharField(help_text="Of the password: `Usable` or `Unusable`.")
