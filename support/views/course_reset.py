"""`/support/course_reset/{username_or_email}`: learners start a course afresh (contract: support, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.exceptions import Problem, Refusal
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import User
from support.queries.course_resets import courses_of, resettable_person
from support.serializers.course_resets import (
    CourseResetErrorSerializer,
    CourseResetRequestSerializer,
    CourseResetSerializer,
    course_reset_body,
)
from support.services.course_resets import request_reset
from support.views.base import AgentView

NO_COURSE = "Must specify course id"
NO_KEY = "invalid course id"
NO_COMMENT = "The comment must be a text of at most 255 characters."
LONGEST_COMMENT = 255
ERROR = CourseResetErrorSerializer


class CourseResetView(AgentView):
    """For agents. Its own refusals are `{"error": text}`."""

    @classmethod
    def error_body(cls, problem: Problem) -> Any:
        return super().error_body(problem) if problem.framework else {"error": problem.detail}

    @extend_schema(responses=CourseResetSerializer(many=True))
    def get(self, request: Request, username_or_email: str) -> Response:
        """The learner's courses in which resets are offered, by key; nothing for somebody unknown."""
        learner = resettable_person(username_or_email)
        return Response([course_reset_body(course) for course in courses_of(learner)] if learner else [])

    @extend_schema(request=CourseResetRequestSerializer, responses={201: CourseResetSerializer, 400: ERROR, 404: ERROR})
    def post(self, request: Request, username_or_email: str) -> Response:
        """Have the learner start a course afresh. Once it has worked, it is refused for ever."""
        run_id, comment = run_and_comment(request.data)
        course = request_reset(cast(User, request.user), username_or_email, run_id, comment)
        return Response({**course_reset_body(course), "course_id": run_id}, status=201)


def run_and_comment(body: object) -> tuple[str, str]:
    """The key of a run and the comment of a body.

    Raises:
        Refusal: there is no key or a malformed one, or the comment is no text or too long.
    """
    fields = body if isinstance(body, Mapping) else {}
    if "course_id" not in fields:
        raise Refusal(NO_COURSE)
    try:
        run_id = str(CourseKey.parse(fields["course_id"]))
    except InvalidCourseKey as problem:
        raise Refusal(NO_KEY) from problem
    comment = fields.get("comment")
    if comment is None:
        return run_id, ""
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        raise Refusal(NO_COMMENT)
    return run_id, comment
