"""`/enterprise/select/active/`: for which customer somebody acts (contract: clients 3.1; roles-and-permissions 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import InactiveSessionAuthentication, JwtCookieAuthentication
from config.api.exceptions import Refusal
from config.api.pages import allow_form_targets, sign_in_first
from config.api.redirects import safe_redirect
from enrollments.services.tokens import set_sign_in_cookies
from enterprise.queries.sign_in import selectable_link, selectable_links
from enterprise.services import links

NONE_GIVEN = "Name the organisation: its uuid, as enterprise."
WAYS_IN: list[Any] = [{"jwtCookie": []}, {"session": []}]
NOT_LINKED = "You are not linked to an organisation with this uuid."


class SelectActiveView(APIView):
    """One of the organisations that the caller is linked to becomes the active one; a page to choose it on.

    Whoever is not signed in is sent to sign in, in answer to either method.
    """

    authentication_classes = [JwtCookieAuthentication, InactiveSessionAuthentication]
    permission_classes = [IsAuthenticated]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NotAuthenticated):
            return sign_in_first(self.request._request)  # type: ignore[return-value]
        return super().handle_exception(exc)

    @extend_schema(
        auth=WAYS_IN,
        parameters=[OpenApiParameter("success_url", str, description="Where the page leads on to; safe hosts only.")],
        responses={(200, "text/html"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> Any:
        """The page, for people."""
        return self.page(request, safe_redirect(request, request.query_params.get("success_url")))

    @extend_schema(
        auth=WAYS_IN,
        request=inline_serializer(
            "SelectActiveCustomer",
            {
                "enterprise": serializers.UUIDField(help_text="The customer's uuid."),
                "success_url": serializers.CharField(
                    required=False, help_text="Sent by the page: the answer leads on to it instead of being an object."
                ),
            },
        ),
        responses={
            200: inline_serializer("ActiveCustomerSelected", {}),
            302: OpenApiResponse(OpenApiTypes.NONE, description="To sign in; or to `success_url`, when that was sent."),
            400: inline_serializer(
                "ActiveCustomerRefused", {"errors": serializers.ListField(child=serializers.CharField())}
            ),
        },
    )
    def post(self, request: Request) -> Any:
        """The link becomes active, the caller's others inactive; with fresh sign-in cookies, as roles follow."""
        body = self.body(request)
        by_page = isinstance(body.get("success_url"), str)
        target = safe_redirect(request, body.get("success_url"))
        try:
            response: Any = HttpResponseRedirect(target or "/") if by_page else Response({})
            self.select(request, body.get("enterprise"), response)
        except links.NotLinked as problem:
            if by_page:
                return self.page(request, target, refusal=str(problem))
            raise Refusal(str(problem), body={"errors": [str(problem)]}) from problem
        return response

    def body(self, request: Request) -> Mapping[str, Any]:
        """What was sent; nothing for what is no object.

        Raises:
            Refusal: it cannot be read; in the shape of the other refusals.
        """
        try:
            return request.data if isinstance(request.data, Mapping) else {}
        except ParseError as problem:
            raise Refusal(str(problem), body={"errors": [str(problem)]}) from problem

    def select(self, request: Request, uuid: object, response: Any) -> None:
        """Change the link and put the cookies on the response, both or neither.

        Raises:
            NotLinked: with the sentence for the caller.
        """
        if not isinstance(uuid, str) or not uuid.strip():
            raise links.NotLinked(NONE_GIVEN)
        found = selectable_link(request.user.pk or 0, uuid.strip())
        if found is None:
            raise links.NotLinked(NOT_LINKED)
        with transaction.atomic():
            try:
                links.activate(found)
            except links.NotLinked:  # unlinked in this very moment
                raise links.NotLinked(NOT_LINKED) from None
            set_sign_in_cookies(response, request._request, request.user)  # type: ignore[arg-type]

    def page(self, request: Request, target: str | None, **shown: str) -> Any:
        context = {"links": selectable_links(request.user.pk or 0), "success_url": target or "/", **shown}
        status = 400 if shown else 200
        response = render(request._request, "enterprise/select_active.html", context, status=status)
        allow_form_targets(response, target)
        return response
