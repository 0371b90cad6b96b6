"""Accounts of learners (contract: enrollment-api, GET /api/user/v1/me and accounts; support 4.3, accounts calls)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import BearerAuthentication, InactiveSessionAuthentication, JwtAuthentication
from config.api.browser_apps import is_browser_app
from config.api.exceptions import Refusal
from enrollments.models import User
from enrollments.profile_images import picture_urls
from enrollments.queries import accounts
from enrollments.serializers.accounts import AccountSerializer, own_account, shared_account

RETIRED = "This email is associated to a retired account."
NO_SUCH_NAME = "No account has the user name {}."
VIEW = OpenApiParameter("view", str, description="`shared`: no more than everybody may see.")


class AccountsApi(APIView):
    """JWT, bearer or session, inactive accounts too."""

    authentication_classes = [JwtAuthentication, BearerAuthentication, InactiveSessionAuthentication]
    permission_classes = [IsAuthenticated]

    def shown(self, request: Request, users: Iterable[User]) -> list[dict[str, Any]]:
        """The accounts as the caller may see them: in full their own, and with staff rights all."""
        pictures = picture_urls(request)
        limited, everything = request.query_params.get("view") == "shared", is_staff(request)
        return [
            own_account(user, pictures)
            if not limited and (everything or user.pk == request.user.pk)
            else shared_account(user, pictures)
            for user in users
        ]


class MeView(AccountsApi):
    """Who the caller is."""

    @extend_schema(responses=inline_serializer("Me", {"username": serializers.CharField()}))
    def get(self, request: Request) -> Response:
        return Response({"username": request.user.get_username()})


class AccountView(AccountsApi):
    """One account by user name."""

    @extend_schema(parameters=[VIEW], responses=AccountSerializer)
    def get(self, request: Request, username: str) -> Response:
        found = accounts.shown_by_usernames([username])
        if not found:
            # Browser apps read the body of an error as JSON; others are told by the status alone.
            raise unknown(NO_SUCH_NAME.format(username)) if is_browser_app(request) else Refusal("", status=404)
        return Response(self.shown(request, found)[0])


class AccountsView(AccountsApi):
    """Accounts by user names, or for staff by e-mail or id; the first of the parameters that is given counts."""

    @extend_schema(
        operation_id="api_user_v1_accounts_list",
        parameters=[
            OpenApiParameter("username", str, description="User names, with commas between them."),
            OpenApiParameter("email", str, description="Staff only."),
            OpenApiParameter("lms_user_id", int, description="Staff only."),
            VIEW,
        ],
        responses=AccountSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "").strip() for name in ("username", "email", "lms_user_id")}
        if asked["username"]:
            found = accounts.shown_by_usernames([name.strip() for name in asked["username"].split(",")])
            if not found:
                raise unknown(NO_SUCH_NAME.format(asked["username"]))
        elif asked["email"]:
            found = [self.by_email(request, asked["email"])]
        elif asked["lms_user_id"]:
            found = [self.by_id(request, asked["lms_user_id"])]
        else:
            text = "Ask for accounts by username, email or lms_user_id."
            raise Refusal(text, body={"error_msg": text})
        return Response(self.shown(request, found))

    def by_email(self, request: Request, email: str) -> User:
        require_staff(request)
        if found := accounts.shown_by_email(email):
            return found
        if (retirement := accounts.retirement_of_email(email)) is None:
            raise unknown(f"No account has the e-mail address {email}.")
        can_cancel = accounts.cancellable(retirement)
        raise unknown(RETIRED, can_cancel_retirement=can_cancel, retirement_id=retirement.pk if can_cancel else None)

    def by_id(self, request: Request, text: str) -> User:
        require_staff(request)
        if not (text.isascii() and text.isdigit()):
            sentence = f"{text} is not an account id: an id is a number."
            raise Refusal(sentence, body={"error_msg": sentence})
        if found := accounts.shown_by_id(int(text[:32])):
            return found
        raise unknown(f"No account has the id {text}.")


def is_staff(request: Request) -> bool:
    """Whether the caller sees all accounts in full."""
    return bool(request.user.is_staff or request.user.is_superuser)


def require_staff(request: Request) -> None:
    """Refuse what is for staff.

    Raises:
        PermissionDenied: the caller is neither staff nor a superuser.
    """
    if not is_staff(request):
        raise PermissionDenied


def unknown(sentence: str, **more: Any) -> Refusal:
    """The 404 of an account that is not there; support's pages want an object."""
    return Refusal(sentence, status=404, body={"error_msg": sentence, **more})
