"""ID verifications and verified names of accounts (contract: support 4.3)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.authentication import JwtAuthentication, SessionAuthentication
from config.api.exceptions import Refusal, StringErrors
from enrollments.queries import accounts, verification
from enrollments.serializers.verification import (
    VerificationSerializer,
    VerificationStatusSerializer,
    VerifiedNameHistorySerializer,
)
from enrollments.views.accounts import AccountsApi, is_staff, require_staff


class VerificationsApi(StringErrors, AccountsApi):
    """For staff and for the account itself, with a JWT or the session of an active account.

    A refusal is a bare text, as the support client's page shows it.
    """

    authentication_classes = [JwtAuthentication, SessionAuthentication]

    def require_staff_or_own(self, username: str) -> None:
        """Refuse to show an account's verifications to others.

        Raises:
            PermissionDenied: the caller is neither staff nor the account itself, whether it exists or not.
        """
        if not is_staff(self.request) and self.request.user.get_username() != username:
            raise PermissionDenied


class VerificationStatusView(VerificationsApi):
    """The verification that counts for an account."""

    @extend_schema(responses=VerificationStatusSerializer)
    def get(self, request: Request, username: str) -> Response:
        self.require_staff_or_own(username)
        attempt = verification.deciding(verification.attempts_of(username))
        if attempt is None:
            raise no_verification(username)
        return Response(VerificationStatusSerializer(attempt).data)


class VerificationsView(VerificationsApi):
    """All verifications of an account, the newest change first."""

    @extend_schema(operation_id="api_user_v1_accounts_verifications_list", responses=VerificationSerializer(many=True))
    def get(self, request: Request, username: str) -> Response:
        self.require_staff_or_own(username)
        attempts = list(verification.latest_attempts_of(username))
        if not attempts:
            raise no_verification(username)
        return Response(VerificationSerializer(attempts, many=True).data)


class VerifiedNameHistoryView(VerificationsApi):
    """The verified names of the caller, or for staff those of the account that `username` names; newest first."""

    @extend_schema(
        parameters=[OpenApiParameter("username", str, description="Staff only.")],
        responses=VerifiedNameHistorySerializer,
    )
    def get(self, request: Request) -> Response:
        account_id: Any = request.user.pk
        if username := request.query_params.get("username", "").strip():
            require_staff(request)
            found = accounts.shown_by_usernames([username])
            if not found:
                raise Refusal(f"No account has the user name {username}.", status=404)
            account_id = found[0].pk
        return Response(VerifiedNameHistorySerializer(verification.verified_names_of(account_id)).data)


def no_verification(username: str) -> Refusal:
    """The 404 of an account that has no verification, or that is not there."""
    return Refusal(f"{username} has no ID verification.", status=404)
