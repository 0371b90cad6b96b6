"""`enrollments`: all enrollments, for staff (contract: enrollment-api, GET enrollments)."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.authentication import BearerAuthentication, InactiveSessionAuthentication, JwtAuthentication
from config.api.exceptions import DeveloperErrors, Refusal
from config.api.filters import plus_signs
from config.api.pagination import EnrollmentCursor
from config.api.permissions import IsStaff
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseEnrollment
from enrollments.queries.enrollments import all_enrollments
from enrollments.serializers.enrollments import EnrollmentListItemSerializer, enrollment_list_body
from enrollments.throttles import SwitchedEnrollmentThrottle

MOST = 100
SHORTEST_USERNAME, LONGEST_USERNAME = 2, 30
BAD_CHARACTERS = "Usernames can only contain letters (A-Z, a-z), numerals (0-9), underscores (_), and hyphens (-)."
BAD_LENGTH = "Username must be between 2 and 30 characters long."

_username = re.compile(r"[A-Za-z0-9_-]+")


class FilterError(ValueError):
    """A query parameter that cannot be a filter; the text is for the caller."""


class EnrollmentsListView(DeveloperErrors, GenericAPIView[CourseEnrollment]):
    """Enrollments of everybody, active and inactive, a hundred at a time, the newest first."""

    authentication_classes = [JwtAuthentication, BearerAuthentication, InactiveSessionAuthentication]
    permission_classes = [IsStaff]
    throttle_classes = [SwitchedEnrollmentThrottle]
    pagination_class = EnrollmentCursor
    serializer_class = EnrollmentListItemSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("course_id", str, description="The key of a run."),
            OpenApiParameter("course_ids", str, description="Up to 100 keys of runs, separated by commas."),
            OpenApiParameter("username", str, description="Up to 100 usernames, separated by commas."),
            OpenApiParameter("email", str, description="Up to 100 e-mail addresses, separated by commas."),
        ],
        responses={200: EnrollmentListItemSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """All enrollments that match every filter given."""
        errors: dict[str, dict[str, str]] = {}
        values = {}
        for name, read in (
            ("course_id", read_run_key),
            ("course_ids", read_run_keys),
            ("username", read_usernames),
            ("email", read_emails),
        ):
            text = request.query_params.get(name)
            try:
                values[name] = read(text) if text else None
            except FilterError as error:
                errors[name] = {"developer_message": str(error)}
        if errors:
            raise Refusal("Invalid filters.", body={"field_errors": errors})
        wanted: Any = all_enrollments(
            usernames=values["username"],
            emails=values["email"],
            run_ids=[keys for keys in (values["course_id"], values["course_ids"]) if keys is not None],
        )
        rows = self.paginate_queryset(wanted) or []
        return self.get_paginated_response([enrollment_list_body(row) for row in rows])


def read_run_key(text: str) -> list[str]:
    """The key of one run, in a list."""
    try:
        return [str(CourseKey.parse(plus_signs(text)))]
    except InvalidCourseKey as problem:
        raise FilterError(f"'{text}' is not a valid course id.") from problem


def read_run_keys(text: str) -> list[str]:
    """Up to a hundred keys, which need not parse."""
    return [plus_signs(item) for item in _items(text, "course_ids")]


def read_usernames(text: str) -> list[str]:
    """Up to a hundred usernames, each as registration would take it."""
    usernames = text.split(",")
    _check_number(usernames, "usernames")
    for username in usernames:
        if username and not _username.fullmatch(username):
            raise FilterError(BAD_CHARACTERS)
        if not SHORTEST_USERNAME <= len(username) <= LONGEST_USERNAME:
            raise FilterError(BAD_LENGTH)
    return usernames


def read_emails(text: str) -> list[str]:
    """Up to a hundred addresses, in whatever form."""
    return _items(text, "emails")


def _items(text: str, what: str) -> list[str]:
    items = text.split(",")
    _check_number(items, what)
    return [item for item in items if item]


def _check_number(items: list[str], what: str) -> None:
    if len(items) > MOST:
        raise FilterError(f"Too many {what} in a single request - {len(items)}. A maximum of {MOST} is allowed")
