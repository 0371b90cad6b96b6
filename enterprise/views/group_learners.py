"""The members of a group: list, status, assign, remove (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import DefaultPagination
from config.api.throttles import UserThrottle
from enterprise.models import EnterpriseGroup
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, ensure, requires
from enterprise.queries import groups as queries
from enterprise.serializers.groups import (
    EITHER_OR,
    AssignedSerializer,
    AssignLearnersSerializer,
    GroupLearnersQuerySerializer,
    MembershipSerializer,
    MembershipStatusSerializer,
    RemovedSerializer,
    RemoveLearnersSerializer,
    membership_body,
)
from enterprise.services import groups
from enterprise.views.groups import customer_of_group

PAGES = {"page", "page_size"}
STATUS_NOTED = "Successfully updated learner record for learner email {}"


class GroupMembersViewBase(DetailErrors, APIView):
    """For admins of the group's customer who act for it, and staff."""

    throttle_classes = [UserThrottle]
    pagination_class = DefaultPagination

    def group(self, request: Request, group_uuid: str) -> EnterpriseGroup:
        """
        Raises:
            NotFound: the caller sees no such group.
        """
        try:
            return queries.one_of(queries.visible_groups(request.user), group_uuid)
        except NotFound as unseen:
            raise NotFound from unseen


class GroupLearnersView(GroupMembersViewBase):
    """`GET` and `PATCH .../enterprise-group/{uuid}/learners`."""

    @extend_schema(parameters=[GroupLearnersQuerySerializer], responses=MembershipSerializer(many=True))
    def get(self, request: Request, group_uuid: str) -> Response:
        """Members of a group, the latest changed first."""
        seen = queries.seen_by(request.user, group_uuid)
        if not request.user.is_staff:
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD, context=seen.customer if seen else None)
        if seen is None or not (seen.acting or request.user.is_staff):
            raise NotFound
        rows, number = queries.members_of(seen.uuid, self.asked(request))
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, self, count_queryset=number)
        members = queries.memberships([uuid for (uuid,) in page])
        return paginator.get_paginated_response([membership_body(each) for each in members])

    def asked(self, request: Request) -> queries.Asked:
        """
        Raises:
            ValidationError: texts by parameter.
        """
        if request.query_params.keys() <= PAGES:
            return queries.Asked()
        sent = GroupLearnersQuerySerializer(data=request.query_params)
        sent.is_valid(raise_exception=True)
        values = sent.validated_data
        sort_by = values.get("sort_by", "")
        return queries.Asked(
            text=values.get("user_query", ""),
            sort_by=sort_by,
            backwards=bool(sort_by) and values["is_reversed"],
            pending_only=values["pending_users_only"],
            removed=values["show_removed"],
            emails=tuple(values.get("learners", ())),
        )

    @extend_schema(
        request=MembershipStatusSerializer,
        responses={201: OpenApiTypes.STR},
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=customer_of_group)
    def patch(self, request: Request, group_uuid: str) -> Response:
        """Notes what became of a pending learner's memberships in the group."""
        group = self.group(request, group_uuid)
        sent = MembershipStatusSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        email = sent.validated_data["learner"]
        groups.set_status(group, email, sent.validated_data["status"])
        return Response(STATUS_NOTED.format(email), status=201)


class AssignLearnersView(GroupMembersViewBase):
    """`POST .../enterprise_group/{uuid}/assign_learners`."""

    @extend_schema(request=AssignLearnersSerializer, responses={201: AssignedSerializer})
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=customer_of_group)
    def post(self, request: Request, group_uuid: str) -> Response:
        """Puts the owners of addresses into the group, of at most a thousand."""
        group = self.group(request, group_uuid)
        sent = AssignLearnersSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        act_by, catalog_id = sent.validated_data.get("act_by_date"), sent.validated_data.get("catalog_uuid")
        invitation = groups.Invitation(act_by, catalog_id) if act_by and catalog_id else None
        done = groups.assign(group, sent.validated_data["learner_emails"], invitation)
        numbers = {
            "records_processed": done.existing + done.pending,
            "new_learners": done.pending,
            "existing_learners": done.existing,
            "non_org_rejected": done.rejected,
        }
        return Response(numbers, status=201)


class RemoveLearnersView(GroupMembersViewBase):
    """`POST .../enterprise_group/{uuid}/remove_learners`."""

    @extend_schema(request=RemoveLearnersSerializer, responses=RemovedSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=customer_of_group)
    def post(self, request: Request, group_uuid: str) -> Response:
        """Takes the owners of addresses, or everybody, out of the group."""
        group = self.group(request, group_uuid)
        sent = RemoveLearnersSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        addresses, everybody = sent.validated_data.get("learner_emails"), sent.validated_data.get("remove_all", False)
        if bool(addresses) == everybody:
            return Response(EITHER_OR, status=400)
        number = groups.remove(group, addresses, sent.validated_data.get("catalog_uuid"))
        return Response({"records_deleted": number})
