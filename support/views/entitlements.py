"""`/api/entitlements/v1/`: rights to take a course (contract: support, 4.1)."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import ActiveCrossDomainSessionAuthentication, JwtAuthentication
from config.api.browser_apps import SentencesForBrowserApps
from config.api.exceptions import DetailErrors, Problem, Refusal, TextErrors
from config.api.filters import filtered, query_parameters
from config.api.pagination import EntitlementPagination
from enrollments.models import User
from enterprise.queries.customers import parsed_uuid
from support.models import CourseEntitlement
from support.permissions import AgentsWrite, is_agent
from support.queries.entitlements import EntitlementFilter, listed, of_everybody, of_learner, of_named, pageable
from support.serializers.entitlements import (
    EntitlementChangeSerializer,
    EntitlementSerializer,
    NewEntitlementSerializer,
    entitlement_body,
    listed_body,
)
from support.services import entitlements

TEXT = OpenApiResponse(OpenApiTypes.STR, description="A sentence.")
OTHER_FILTERS = EntitlementFilter.base_filters.keys() - {"user"}


class EntitlementErrors(TextErrors):
    """A bare sentence for a change that is refused; what is not there is a `detail`, as in most areas."""

    @classmethod
    def error_response(cls, problem: Problem) -> HttpResponse:
        return super().error_response(problem) if problem.status != 404 else DetailErrors.error_response(problem)


class EntitlementViewBase(SentencesForBrowserApps, EntitlementErrors, APIView):
    """Everybody reads their own; agents read and write all."""

    authentication_classes = [JwtAuthentication, ActiveCrossDomainSessionAuthentication]
    permission_classes = [AgentsWrite]

    def shown(self, pk: int) -> dict[str, Any]:
        return entitlement_body(of_everybody().get(pk=pk))


class EntitlementListView(EntitlementViewBase):
    """`GET` and `POST /api/entitlements/v1/entitlements/`."""

    pagination_class = EntitlementPagination

    @extend_schema(parameters=query_parameters(EntitlementFilter), responses=EntitlementSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The caller's own entitlements; agents who name a user get those of that user.

        Those of a caller who is no agent expire first where their time is over.
        """
        wanted, countable = self.wanted(request)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(wanted, request, self, count_queryset=countable)
        return paginator.get_paginated_response([listed_body(row) for row in listed(page)])

    def wanted(self, request: Request) -> tuple[Any, Any]:
        """The entitlements asked for, as tuples for `listed`, and what to count."""
        account, username = cast(User, request.user), request.query_params.get("user")
        sees_all = is_agent(account)
        if sees_all and username and not any(map(request.query_params.get, OTHER_FILTERS)):
            named = of_named(username)
            return named, named
        rows = of_everybody() if sees_all and username else of_learner(account.pk)
        if not sees_all:
            entitlements.expire_lapsed(rows.filter(expired_at__isnull=True).prefetch_related(None))
        found = filtered(rows, request, EntitlementFilter)
        return pageable(found), found.order_by()

    @extend_schema(request=NewEntitlementSerializer, responses={201: EntitlementSerializer})
    def post(self, request: Request) -> Response:
        """Give a learner an entitlement. Without support details it upgrades the one free enrollment in the course."""
        sent = NewEntitlementSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        details, wants_email = values.pop("support_details", None) or (), values.pop("email_opt_in")
        made = entitlements.create(cast(User, request.user), values, details, wants_email)
        return Response(self.shown(made.pk), status=201)


class EntitlementView(EntitlementViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE /api/entitlements/v1/entitlements/{uuid}/`."""

    @extend_schema(responses=EntitlementSerializer)
    def get(self, request: Request, uuid: str) -> Response:
        """One entitlement, which expires first if its time is over."""
        account = cast(User, request.user)
        rows = of_everybody() if is_agent(account) else of_learner(account.pk)
        wanted = parsed_uuid(uuid)
        found = rows.filter(uuid=wanted).first() if wanted else None
        if found is None:
            raise Refusal("Not found.", status=404)
        entitlements.expire_lapsed([found])
        return Response(entitlement_body(found))

    @extend_schema(request=EntitlementChangeSerializer, responses={200: EntitlementSerializer, 400: TEXT})
    def put(self, request: Request, uuid: str) -> Response:
        """As PATCH; user, course and mode must be given."""
        return self._change(request, uuid, partial=False)

    @extend_schema(request=EntitlementChangeSerializer, responses={200: EntitlementSerializer, 400: TEXT})
    def patch(self, request: Request, uuid: str) -> Response:
        """Change an entitlement: re-issue it, expire it, take its learner out of runs."""
        return self._change(request, uuid, partial=True)

    @extend_schema(responses={204: OpenApiResponse(OpenApiTypes.NONE, description="It has expired.")})
    def delete(self, request: Request, uuid: str) -> Response:
        """End an entitlement: it expires, and its learner leaves the run that it was used for."""
        wanted = parsed_uuid(uuid)
        if wanted is None:
            raise Refusal("Not found.", status=404)
        entitlements.withdraw(wanted)
        return Response(status=204)

    def _change(self, request: Request, uuid: str, *, partial: bool) -> Response:
        wanted = _known(uuid)
        sent = EntitlementChangeSerializer(data=request.data, partial=partial)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        details = values.pop("support_details", None) or ()
        changed = entitlements.update(cast(User, request.user), wanted, values, details)
        return Response(self.shown(changed.pk))


def _known(text: str) -> UUID:
    """The uuid of an entitlement that exists; said before anything about the body is.

    Raises:
        Refusal: there is none.
    """
    uuid = parsed_uuid(text)
    if uuid is None or not CourseEntitlement.objects.filter(uuid=uuid).exists():
        raise Refusal(entitlements.NOT_FOUND.format(text))
    return uuid
