"""Asking for the retirement of accounts, and cancelling it (contract: support 4.3; clients 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import JwtAuthentication, SessionAuthentication
from config.api.exceptions import MessageErrors, Refusal, StringErrors
from config.db.ids import row_id
from enrollments.permissions import CanCancelRetirements, CanRetireUsers
from enrollments.services import retirement


class BulkRetireUsersView(StringErrors, APIView):
    """Retirements for many learners at once; with a JWT only."""

    authentication_classes = [JwtAuthentication]
    permission_classes = [CanRetireUsers]

    @extend_schema(
        request=inline_serializer(
            "BulkRetireUsers", {"usernames": serializers.CharField(help_text="User names, with commas between them.")}
        ),
        responses=inline_serializer(
            "BulkRetireUsersResult",
            {
                "successful_user_retirements": serializers.ListField(child=serializers.CharField()),
                "failed_user_retirements": serializers.ListField(child=serializers.CharField()),
            },
        ),
    )
    def post(self, request: Request) -> Response:
        """Store a retirement in state `PENDING` for each user name; names that nobody has are the failed ones."""
        text = field(request, "usernames")
        names = [name.strip() for name in text.split(",")] if isinstance(text, str) else []
        names = list(dict.fromkeys(name for name in names if name))
        if not names:
            raise Refusal("usernames must be given: user names, with commas between them.")
        retiring, failed = retirement.begin_named(names)
        return Response({"successful_user_retirements": retiring, "failed_user_retirements": failed})


class CancelRetirementView(MessageErrors, APIView):
    """Gives an account back whose retirement has not begun."""

    authentication_classes = [JwtAuthentication, SessionAuthentication]
    permission_classes = [CanCancelRetirements]

    @extend_schema(
        request=inline_serializer("CancelRetirement", {"retirement_id": serializers.IntegerField()}),
        responses=inline_serializer("CancelRetirementResult", {"success": serializers.BooleanField()}),
    )
    def post(self, request: Request) -> Response:
        """The original e-mail address comes back, with a password that nobody knows; the request is removed."""
        given = field(request, "retirement_id")
        if given in (None, ""):
            raise Refusal("retirement_id must be specified.")
        number = row_id(str(given).strip()) if isinstance(given, str | int) else None
        if number is None:
            raise Refusal(retirement.NO_SUCH_RETIREMENT)
        retirement.cancel(number)
        return Response({"success": True})


def field(request: Request, name: str) -> Any:
    """A field of the body; None where there is none, or the body is no object."""
    return request.data.get(name) if isinstance(request.data, Mapping) else None
