"""`/certificates/...`: agents look for certificates and have them made (contract: support 4.2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.html import strip_tags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import JwtAuthentication, SessionAuthentication
from config.api.exceptions import Refusal, TextErrors
from config.api.filters import plus_signs
from enrollments.course_keys import CourseKey, InvalidCourseKey
from enrollments.models import CourseOverview, User
from enrollments.queries.certificates import of_learner
from enrollments.services import certificates
from support.permissions import AgentsOnly
from support.queries.people import find_person
from support.serializers.certificates import (
    CertificateRequestSerializer,
    CertificateSerializer,
    certificate_body,
    no_certificate_body,
)

logger = logging.getLogger(__name__)

NO_USER = "user is not given."
UNKNOWN_USER = "user '{}' does not exist"
NO_KEY = "Course id '{}' is not valid"
NO_RUN = "The course does not exist against the given key '{}'"
NO_SUCH_USER = "User {} does not exist"
NO_COURSE_KEY = "{} is not a valid course key"
NO_SUCH_COURSE = "The course {} does not exist"
UNEXPECTED = "An unexpected error occurred while regenerating certificates."
DONE = "200"
TEXT = OpenApiResponse(OpenApiTypes.STR, description="A sentence.")


class CertificateViewBase(TextErrors, APIView):
    """For agents; everybody else is refused without a word."""

    authentication_classes = [JwtAuthentication, SessionAuthentication]
    permission_classes = [AgentsOnly]


class CertificateSearchView(CertificateViewBase):
    """`GET /certificates/search`."""

    @extend_schema(
        parameters=[
            OpenApiParameter("user", str, required=True, description="A user name or an e-mail address."),
            OpenApiParameter("course_id", str, description="The key of a run."),
        ],
        responses={200: CertificateSerializer(many=True), 400: TEXT},
    )
    def get(self, request: Request) -> Response:
        """The learner's certificates, by course run, or the one of a run."""
        user = plus_signs(strip_tags(request.query_params.get("user", "")))
        if not user:
            raise Refusal(NO_USER)
        learner = find_person(user)
        if learner is None:
            raise Refusal(UNKNOWN_USER.format(user))
        run_id = asked_run(request.query_params.get("course_id", ""))
        found = of_learner(learner.pk, run_id)
        if run_id is not None and not found:
            return Response([no_certificate_body(learner.username, run_id)])
        return Response([certificate_body(learner.username, *each) for each in found])


class RegenerateView(CertificateViewBase):
    """`POST /certificates/regenerate`."""

    @extend_schema(request=CertificateRequestSerializer, responses={200: TEXT, 400: TEXT, 500: TEXT})
    def post(self, request: Request) -> HttpResponse:
        """Have a certificate made anew, in the background; refused when the learner has not earned one."""
        learner, run_id = learner_and_run(request.data)
        try:
            certificates.regenerate(learner, run_id)
        except Refusal:
            raise
        except Exception:
            logger.exception("certificate of user %s in %s: it could not be made anew", learner.pk, run_id)
            return HttpResponse(UNEXPECTED, status=500)
        return HttpResponse(DONE)


class GenerateView(CertificateViewBase):
    """`POST /certificates/generate`."""

    @extend_schema(request=CertificateRequestSerializer, responses={200: TEXT, 400: TEXT})
    def post(self, request: Request) -> HttpResponse:
        """Have a certificate made, in the background, if the learner has earned one."""
        learner, run_id = learner_and_run(request.data)
        certificates.generate(learner, run_id)
        return HttpResponse(DONE)


def learner_and_run(body: object) -> tuple[User, str]:
    """The account with the user name, and the key of the run, that a form names.

    Raises:
        Refusal: one of them does not exist, the account before the run.
    """
    fields = body if isinstance(body, Mapping) else {}
    username, key = _text(fields.get("username")), _text(fields.get("course_key"))
    learner = User.objects.filter(username=username).first()
    if learner is None:
        raise Refusal(NO_SUCH_USER.format(username))
    if not _is_key(key):
        raise Refusal(NO_COURSE_KEY.format(key))
    if not CourseOverview.objects.filter(pk=key).exists():
        raise Refusal(NO_SUCH_COURSE.format(key))
    return learner, key


def asked_run(text: str) -> str | None:
    """The key of the run that a search names, None for none.

    Raises:
        Refusal: it is no key, or there is no such run.
    """
    if not text:
        return None
    run_id = plus_signs(text)
    if not _is_key(run_id):
        raise Refusal(NO_KEY.format(text))
    if not CourseOverview.objects.filter(pk=run_id).exists():
        raise Refusal(NO_RUN.format(run_id))
    return run_id


def _is_key(text: str) -> bool:
    try:
        CourseKey.parse(text)
    except InvalidCourseKey:
        return False
    return True


def _text(value: Any) -> str:
    return "" if value is None else str(value)
