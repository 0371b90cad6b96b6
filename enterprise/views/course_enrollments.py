"""`enterprise-course-enrollment`: enterprise enrollments, for who may see them (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet, ModelChoiceFilter
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.filters import asks_for_some, narrowed, plus_signs, query_parameters
from config.api.pagination import DefaultPagination
from config.api.permissions import reads_or_holds
from config.api.throttles import UserThrottle
from config.db.replica import read_alias
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomerUser
from enterprise.queries.course_enrollments import listed, pageable, scope_of, whole
from enterprise.serializers.course_enrollments import (
    EnterpriseCourseEnrollmentSerializer,
    NewEnterpriseCourseEnrollmentSerializer,
    listed_row,
)
from enterprise.services import course_enrollments

# By its name the relation would be ordered as links are by default.
ORDERING_FIELDS = {"enterprise_customer_user": "enterprise_customer_user_id", "course_id": "course_id"}
LONGEST_ID = 19  # digits; no id has as many
NOT_FOUND = "No EnterpriseCourseEnrollment matches the given query."


class CourseEnrollmentFilter(FilterSet):
    """Exact values; a link that nobody has is no valid choice."""

    enterprise_customer_user = ModelChoiceFilter(
        queryset=lambda request: EnterpriseCustomerUser.objects.using(read_alias())
    )
    course_id = CharFilter(method="in_run")

    def in_run(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(course_id=plus_signs(value))


class EnterpriseCourseEnrollmentView(DetailErrors, APIView):
    """What the list and the single resource share."""

    permission_classes = [reads_or_holds(EnterpriseCourseEnrollment)]
    throttle_classes = [UserThrottle]


class EnterpriseCourseEnrollmentListView(EnterpriseCourseEnrollmentView):
    """`.../enterprise-course-enrollment/`."""

    pagination_class = DefaultPagination

    @extend_schema(
        parameters=query_parameters(CourseEnrollmentFilter, ORDERING_FIELDS),
        responses=EnterpriseCourseEnrollmentSerializer(many=True),
    )
    def get(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        scope = scope_of(request, using=read_alias())
        if asks_for_some(request, CourseEnrollmentFilter):
            rows = narrowed(scope.rows.order_by("id"), request, CourseEnrollmentFilter, ORDERING_FIELDS)
            sliceable, countable = pageable(rows)
        else:
            sliceable, countable = whole(scope)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(sliceable, request, self, count_queryset=countable)
        return paginator.get_paginated_response(
            [listed_row(enrollment) for enrollment in listed(page, using=scope.using)]
        )

    @extend_schema(
        request=NewEnterpriseCourseEnrollmentSerializer,
        responses={
            201: OpenApiResponse(NewEnterpriseCourseEnrollmentSerializer, description="Made, or there already.")
        },
    )
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        asked = NewEnterpriseCourseEnrollmentSerializer(data=request.data)
        asked.is_valid()
        errors = dict(asked.errors)
        if not errors.keys() - {"course_id"}:
            username = asked.fields["username"].run_validation(asked.initial_data["username"])
            try:
                course_enrollments.order(username, asked.validated_data.get("course_id"))
            except Refusal as refusal:
                errors["username"] = [refusal.text]
        if errors:
            raise ValidationError(errors)
        return Response(asked.validated_data, status=201)


class EnterpriseCourseEnrollmentDetailView(EnterpriseCourseEnrollmentView):
    """`.../enterprise-course-enrollment/{id}/`; what the caller does not see in the list does not exist."""

    @extend_schema(responses=EnterpriseCourseEnrollmentSerializer)
    def get(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        rows, _ = pageable(self.asked_for(request, pk))
        for enrollment in listed(rows[0:1]):
            return Response(listed_row(enrollment))
        raise NotFound(NOT_FOUND)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, format: str | None = None) -> Response:  # noqa: A002
        enrollment = self.asked_for(request, pk).first()
        if enrollment is None:
            raise NotFound(NOT_FOUND)
        course_enrollments.delete(enrollment)
        return Response(status=204)

    def asked_for(self, request: Request, pk: str) -> QuerySet[EnterpriseCourseEnrollment]:
        """The enrollment with this id if the caller sees it and the query's filters leave it in.

        Raises:
            NotFound: the text is no id.
        """
        if not pk.isascii() or not pk.isdigit():
            raise NotFound
        rows = narrowed(scope_of(request).rows, request, CourseEnrollmentFilter, ORDERING_FIELDS)
        return rows.filter(pk=int(pk)) if len(pk) < LONGEST_ID else rows.none()
