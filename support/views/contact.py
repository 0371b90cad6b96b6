"""`/zendesk_proxy/v1`: the contact form sends tickets here (contract: support, /support/contact_us/)."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import InactiveSessionAuthentication, JwtAuthentication
from config.api.exceptions import DetailErrors
from config.api.throttles import TicketThrottle
from enrollments.models import User
from support.serializers.contact import OpenedTicketSerializer, TicketSerializer
from support.services.contact import open_ticket


class TicketView(DetailErrors, APIView):
    """Tickets of whoever is signed in, so many in an hour."""

    authentication_classes = [JwtAuthentication, InactiveSessionAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = [TicketThrottle]

    @extend_schema(request=TicketSerializer, responses={201: OpenedTicketSerializer})
    def post(self, request: Request) -> Response:
        """Open a ticket in the name of the caller."""
        sent = TicketSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        ticket = sent.validated_data
        opened = open_ticket(
            cast(User, request.user),
            subject=ticket["subject"],
            body=ticket["comment"]["body"],
            tags=ticket["tags"],
            custom_fields=ticket.get("custom_fields", ()),
        )
        return Response({"id": opened.pk}, status=201)
