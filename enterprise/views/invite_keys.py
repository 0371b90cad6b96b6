"""Invite keys: the links by which learners join a customer themselves (contract: enterprise-customers 4.7)."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.filters import narrowed, query_parameters
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerInviteKey
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, body, requires
from enterprise.queries.invite_keys import (
    ORDERING_FIELDS,
    InviteKeyFilter,
    count_usage,
    customer_of,
    key_named,
    visible_keys,
)
from enterprise.serializers.invite_keys import (
    InviteKeyChangeSerializer,
    InviteKeySerializer,
    JoinedCustomerSerializer,
    NewInviteKeySerializer,
    invite_key_body,
)
from enterprise.services import invite_keys

NO_SUCH_CUSTOMER = "EnterpriseCustomer with uuid {} does not exist."
PARAMETERS = query_parameters(InviteKeyFilter, ORDERING_FIELDS)


class InviteKeyViewBase(DetailErrors, APIView):
    """Methods that are not named here are refused, HEAD and OPTIONS too."""

    throttle_classes = [UserThrottle]
    http_method_names = ["get", "post", "patch"]

    def visible(self, request: Request) -> Any:
        """The keys that the caller may see, as the query narrows and orders them."""
        return narrowed(visible_keys(request), request, InviteKeyFilter, ORDERING_FIELDS)

    def shown(self, keys: Any) -> list[dict[str, Any]]:
        return [invite_key_body(key, usage) for key, usage in count_usage(keys)]


class InviteKeyListView(InviteKeyViewBase):
    """`GET` and `POST .../enterprise-customer-invite-key/`."""

    pagination_class = DefaultPagination

    @extend_schema(parameters=PARAMETERS, responses=InviteKeySerializer(many=True))
    @requires(CAN_ACCESS_ADMIN_DASHBOARD)
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(self.visible(request), request, self)
        return paginator.get_paginated_response(self.shown(page))

    @extend_schema(request=NewInviteKeySerializer, responses={201: NewInviteKeySerializer})
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=body("enterprise_customer_uuid"))
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        sent = NewInviteKeySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        uuid = fields.pop("enterprise_customer_id")
        customer = EnterpriseCustomer.all_objects.filter(pk=uuid).first()
        if customer is None:
            raise ValidationError({"enterprise_customer_uuid": [NO_SUCH_CUSTOMER.format(uuid)]})
        key = invite_keys.create(customer, **fields)
        given = {"uuid", "enterprise_customer_uuid", *fields}
        shown = NewInviteKeySerializer(key).data
        return Response({name: value for name, value in shown.items() if name in given}, status=201)


class InviteKeyBasicListView(InviteKeyViewBase):
    """`GET .../enterprise-customer-invite-key/basic-list/`: all of them at once."""

    @extend_schema(parameters=PARAMETERS, responses=InviteKeySerializer(many=True))
    @requires(CAN_ACCESS_ADMIN_DASHBOARD)
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        return Response(self.shown(self.visible(request)))


class InviteKeyView(InviteKeyViewBase):
    """`GET` and `PATCH .../enterprise-customer-invite-key/{uuid}/`."""

    @extend_schema(responses=InviteKeySerializer)
    def get(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        return Response(self.shown([key_named(uuid)])[0])

    @extend_schema(request=InviteKeyChangeSerializer, responses=InviteKeyChangeSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=lambda view, request: _customer_of_key(view))
    def patch(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        key: EnterpriseCustomerInviteKey = key_named(uuid, self.visible(request))
        sent = InviteKeyChangeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return Response(InviteKeyChangeSerializer(invite_keys.change(key, sent.validated_data)).data)


class InviteKeyLinkUserView(InviteKeyViewBase):
    """`POST .../enterprise-customer-invite-key/{uuid}/link-user/`: the caller joins the key's customer."""

    @extend_schema(
        request=None,
        responses={
            200: JoinedCustomerSerializer,
            201: OpenApiResponse(JoinedCustomerSerializer, description="The caller had no link."),
        },
    )
    def post(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        key = key_named(uuid)
        created = invite_keys.link_user(key, cast(User, request.user))
        return Response(JoinedCustomerSerializer(key.enterprise_customer).data, status=201 if created else 200)


def _customer_of_key(view: APIView) -> str | None:
    customer = customer_of(view.kwargs["uuid"])
    return str(customer) if customer else None
