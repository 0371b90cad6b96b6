"""`enterprise-course-enrollment-admin`: a learner's enrollments by status (contract: enterprise-learners)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.pagination import GroupedPagination
from config.api.permissions import IsStaff
from config.api.throttles import UserThrottle
from enterprise.queries.course_enrollments import LearnersEnrollment, link_of, of_learner, surroundings
from enterprise.serializers.course_enrollments import GroupedEnrollmentsSerializer, grouped

BOTH_NEEDED = "Both 'lms_user_id' and 'enterprise_uuid' are required parameters."
NO_LINK = "No EnterpriseCustomerUser matches the given query."


class CourseEnrollmentAdminView(DetailErrors, APIView):
    """The rows of a page are cut first and grouped then: `count` is the number of all rows."""

    permission_classes = [IsStaff]
    throttle_classes = [UserThrottle]
    pagination_class = GroupedPagination

    @extend_schema(
        parameters=[
            OpenApiParameter("lms_user_id", int, required=True),
            OpenApiParameter("enterprise_uuid", str, required=True),
        ],
        responses=GroupedEnrollmentsSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        lms_user_id = request.query_params.get("lms_user_id")
        enterprise_uuid = request.query_params.get("enterprise_uuid")
        if not lms_user_id or not enterprise_uuid:
            raise Refusal(BOTH_NEEDED, body={"error": BOTH_NEEDED})
        link = link_of(lms_user_id, enterprise_uuid)
        if link is None:
            raise NotFound(NO_LINK)
        paginator = self.pagination_class()
        cut = paginator.paginate_queryset(of_learner(link), request, self)
        page = [LearnersEnrollment._make(row) for row in cut]
        around = surroundings(link, [enrollment.course_id for enrollment in page])
        return paginator.get_paginated_response(grouped(page, around))
