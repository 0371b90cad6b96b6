"""`enterprise_group`: groups of learners (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import ordered
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from enterprise.models import EnterpriseGroup
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, body, requires
from enterprise.queries import groups as queries
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.learners import customers_named
from enterprise.queries.roles import access
from enterprise.serializers.groups import GroupQuerySerializer, GroupSerializer, group_body
from enterprise.services import groups

NAME_TAKEN = "A group with this name already exists. Please enter a unique name to create a new group."
ORDERING = ("enterprise_customer", "name", "uuid", "group_type", "created")


def customer_of_group(view: APIView, request: Request) -> str | None:
    """The context of who changes a group: its customer; nothing for an unknown one."""
    customer_id = queries.customer_of(view.kwargs["group_uuid"])
    return str(customer_id) if customer_id else None


class GroupViewBase(DetailErrors, APIView):
    """Everybody sees the groups of the customer that they act for, staff all of them."""

    throttle_classes = [UserThrottle]
    pagination_class = DefaultPagination

    def visible(self, request: Request) -> QuerySet[EnterpriseGroup]:
        """The visible groups that the query asks for."""
        asked = GroupQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        rows = queries.visible_groups(request.user, removed=values["include_deleted"])
        if values.get("learner_ids"):
            rows = queries.with_learners(rows, values["learner_ids"])
        if values.get("enterprise_uuids"):
            rows = rows.filter(enterprise_customer__uuid__in_set=values["enterprise_uuids"])
        return ordered(rows, request, ORDERING)

    def shown(self, group: EnterpriseGroup) -> dict[str, Any]:
        (row,) = queries.shown(EnterpriseGroup.all_objects.filter(pk=group.pk))
        return group_body(queries.Group._make(row))

    def checked(self, data: Any, *, partial: bool) -> dict[str, Any]:
        """What a body asks for.

        Raises:
            ValidationError: texts by field.
        """
        sent = GroupSerializer(data=data, partial=partial, context={"customers": customers_named([_named(data)])})
        sent.is_valid(raise_exception=True)
        values: dict[str, Any] = sent.validated_data
        return values


class GroupListView(GroupViewBase):
    """`GET` and `POST .../enterprise_group/`."""

    @extend_schema(parameters=[GroupQuerySerializer], responses=GroupSerializer(many=True))
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Visible groups, the latest changed first."""
        rows: Any
        number: Any
        if request.query_params.keys() <= {"page", "page_size"}:
            rows = number = queries.all_visible(request.user)
        else:
            number = self.visible(request)
            rows = queries.shown(number)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, self, count_queryset=number)
        return paginator.get_paginated_response([group_body(queries.Group._make(row)) for row in page])

    @extend_schema(request=GroupSerializer, responses={201: GroupSerializer})
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=body("enterprise_customer"))
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Makes a group."""
        data = request.data
        if isinstance(data, Mapping):
            groups.purge_removed(data.get("name"), parsed_uuid(data.get("enterprise_customer")))
        values = self.checked(data, partial=False)
        try:
            group = groups.create(values.pop("enterprise_customer"), values)
        except groups.NameTaken as taken:
            raise ValidationError({"non_field_errors": [NAME_TAKEN]}) from taken
        return Response(self.shown(group), status=201)


class GroupView(GroupViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../enterprise_group/{uuid}/`."""

    @extend_schema(parameters=[GroupQuerySerializer], responses=GroupSerializer)
    def get(self, request: Request, group_uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """One visible group."""
        key = parsed_uuid(group_uuid)
        if key is None:
            raise NotFound
        rows: Any
        if request.query_params:
            rows = queries.shown(self.visible(request).filter(pk=key))
        else:
            rows = queries.one_visible(request.user, key)
        for row in rows:
            return Response(group_body(queries.Group._make(row)))
        raise NotFound(queries.NO_SUCH_GROUP)

    @extend_schema(request=GroupSerializer, responses=GroupSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=customer_of_group)
    def put(self, request: Request, group_uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Gives a group another name, kind or customer."""
        return self._change(request, group_uuid, partial=False)

    @extend_schema(request=GroupSerializer(partial=True), responses=GroupSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=customer_of_group)
    def patch(self, request: Request, group_uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """The same; what the body leaves out stays."""
        return self._change(request, group_uuid, partial=True)

    @extend_schema(responses={204: None})
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=customer_of_group)
    def delete(self, request: Request, group_uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Deletes a group for good, with its memberships."""
        groups.delete(queries.one_of(queries.visible_groups(request.user), group_uuid))
        return Response(status=204)

    def _change(self, request: Request, group_uuid: str, *, partial: bool) -> Response:
        data = request.data
        if _named(data) and not access(request).has_role(CAN_ACCESS_ADMIN_DASHBOARD, str(_named(data))):
            return Response("Unauthorized", status=401)
        if isinstance(data, Mapping):
            customer_id = parsed_uuid(data.get("enterprise_customer")) or queries.customer_of(group_uuid)
            groups.purge_removed(data.get("name"), customer_id)
        group = queries.one_of(queries.visible_groups(request.user), group_uuid)
        try:
            changed = groups.change(group, self.checked(data, partial=partial))
        except groups.NameTaken as taken:
            raise ValidationError({"non_field_errors": [NAME_TAKEN]}) from taken
        except groups.NoSuchGroup as gone:
            raise NotFound(queries.NO_SUCH_GROUP) from gone
        return Response(self.shown(changed))


def _named(data: Any) -> Any:
    """The customer that a body names."""
    return data.get("enterprise_customer") if isinstance(data, Mapping) else None
