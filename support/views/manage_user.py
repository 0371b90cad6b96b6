"""`manage_user/{username_or_email}`: disable an account, or enable it again (contract: support)."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from support.queries.accounts import managed_account
from support.queries.people import find_person
from support.serializers.accounts import (
    ManagedAccountSerializer,
    ToggledSerializer,
    ToggleRequestSerializer,
    managed_account_body,
    toggled_body,
)
from support.services.accounts import toggle_password
from support.views.base import AgentPageDataView

PERSON = OpenApiParameter("username_or_email", str, OpenApiParameter.PATH)


class ManageUserView(AgentPageDataView):
    """One account, as agents manage it."""

    @extend_schema(parameters=[PERSON], responses=ManagedAccountSerializer)
    def get(self, request: Request, username_or_email: str) -> Response:
        """The account, the state of its password and who changed that; an empty list when there is no such person."""
        managed = managed_account(username_or_email)
        return Response([] if managed is None else managed_account_body(managed))

    @extend_schema(parameters=[PERSON], request=ToggleRequestSerializer, responses=ToggledSerializer)
    def post(self, request: Request, username_or_email: str) -> Response:
        """Disable an account that has a password, enable one that has none."""
        person = find_person(username_or_email)
        if person is None:
            raise Http404
        serializer = ToggleRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        disabled = toggle_password(person, self.agent, serializer.validated_data.get("comment"))
        return Response(toggled_body(disabled))
