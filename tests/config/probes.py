"""Views that show what the shared layer does, and the URL map that the tests mount them with."""

from __future__ import annotations

import errno
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.exceptions import ValidationError as FormError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from config.api import pagination
from config.api.authentication import (
    BearerAuthentication,
    CrossDomainSessionAuthentication,
    InactiveSessionAuthentication,
    JwtAuthentication,
    SessionAuthentication,
    request_claims,
)
from config.api.csrf import SetsCsrfCookies
from config.api.exceptions import DetailErrors, DeveloperErrors, MessageErrors, Refusal, StringErrors, TextErrors
from config.api.parsers import MergePatchParser
from config.api.permissions import ApiKeyOrAuthenticated, InAnyGroup, IsStaff, RestrictedApplicationScope
from config.api.throttles import EnrollmentThrottle, HighServiceUserThrottle, TokenThrottle, UserThrottle
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as service_urls
from enrollments.models import User

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Whoami(APIView):
    """Who the caller is taken for, by the default authentication."""

    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.username, "claims": request_claims(request)})

    def post(self, request: Request) -> Response:
        return Response({"user": request.user.username, "data": request.data})


class AnyWay(Whoami):
    """The enrollment API's list."""

    authentication_classes = [JwtAuthentication, BearerAuthentication, InactiveSessionAuthentication]


class CrossDomain(SetsCsrfCookies, AnyWay):
    authentication_classes = [JwtAuthentication, BearerAuthentication, CrossDomainSessionAuthentication]


class SessionOnly(Whoami):
    authentication_classes = [SessionAuthentication]


class Keyed(AnyWay):
    permission_classes = [ApiKeyOrAuthenticated]


class StaffOnly(Whoami):
    permission_classes = [IsStaff]


class Modes(Whoami):
    """What the course modes API admits."""

    admits_restricted_applications = True
    permission_classes = [IsStaff | RestrictedApplicationScope]
    required_scopes = ["course_modes:read"]

    def requested_organization(self) -> str:
        return "Acme"


class Grouped(Whoami):
    permission_classes = [IsAuthenticated, InAnyGroup]


class Public(Whoami):
    permission_classes = [AllowAny]


class Throttled(Whoami):
    throttle_classes = [UserThrottle]


class HighThrottled(Whoami):
    throttle_classes = [HighServiceUserThrottle]


class EnrollmentThrottled(Keyed):
    throttle_classes = [EnrollmentThrottle]


class StaffThrottled(StaffOnly):
    throttle_classes = [UserThrottle]


class TokenThrottled(Public):
    authentication_classes = []
    throttle_classes = [TokenThrottle]


class SwitchableThrottle(EnrollmentThrottle):
    on = True

    def enabled(self, request: Any, view: Any) -> bool:
        return self.on


class Switchable(Keyed):
    throttle_classes = [SwitchableThrottle]


ERRORS: dict[str, Any] = {
    "refusal": Refusal("No such thing.", status=404, code="nothing"),
    "refusal-with-body": Refusal("x", status=400, body={"field_errors": {"a": {"developer_message": "b"}}}),
    "refusal-null": Refusal("x", status=400, body=None),
    "silent-refusal": Refusal("", status=404),
    "markup": Refusal("<b>'no'</b>", status=400),
    "form": FormError({"name": ["This field is required."]}),
    "form-list": FormError(["Wrong."]),
    "missing": Http404("No User matches the given query."),
    "forbidden": PermissionDenied("Not you."),
    "model": ValidationError({"name": ["Too short."]}),
    "message": ValidationError("Not like this."),
    "data": DataError("value too long"),
    "overflow": OverflowError("int too large"),
    "unicode": UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"),
    "collision": IntegrityError("duplicate key"),
    "depth": RecursionError("maximum recursion depth exceeded"),
    "bug": ValueError("a bug of ours"),
    "outage": InterfaceError("connection is closed"),
    "full-disk": OSError(errno.ENOSPC, "No space left on device"),
    "large-file": OSError(errno.EFBIG, "File too large"),
    "other-file-error": PermissionError(errno.EACCES, "Permission denied"),
    "missing-table": OperationalError("no such table"),
}


class Failing(APIView):
    """Raises what its address names."""

    permission_classes = [AllowAny]

    def get(self, request: Request, name: str) -> Response:
        raise ERRORS[name]

    def post(self, request: Request, name: str) -> Response:
        return Response(request.data)


class FailingDetail(DetailErrors, Failing):
    pass


class FailingDeveloper(DeveloperErrors, Failing):
    pass


class FailingProgram(DeveloperErrors, Failing):
    error_headers = frozenset({"Retry-After"})
    permission_classes = [IsAuthenticated]
    authentication_classes = [JwtAuthentication, BearerAuthentication]
    throttle_classes = [EnrollmentThrottle]


class FailingMessage(MessageErrors, Failing):
    pass


class FailingText(TextErrors, Failing):
    pass


class FailingString(StringErrors, Failing):
    pass


class Echo(APIView):
    """Gives the body back."""

    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        return Response({"data": request.data})

    def put(self, request: Request) -> Response:
        return Response({"data": request.data})


class Patch(Echo):
    parser_classes = [MergePatchParser]

    def patch(self, request: Request) -> Response:
        return Response({"data": request.data})


class UserSerializer(ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "username"]


class Users(ListAPIView[User]):
    permission_classes = [AllowAny]
    serializer_class = UserSerializer
    queryset = User.objects.filter(username__startswith="learner").order_by("id")


class Defaults(Users):
    pass


class Flagged(Users):
    pagination_class = pagination.FeatureFlagPagination


class Plain(Users):
    pagination_class = pagination.PlainPagination


class Expanded(Users):
    pagination_class = pagination.ExpandedPagination


class Members(Users):
    pagination_class = pagination.NumPagesPagination


class SupportUsers(Users):
    pagination_class = pagination.SupportUserPagination


class Entitlements(Users):
    pagination_class = pagination.EntitlementPagination


class SeparatelyCounted(Users):
    """Its rows drag a join along that the count does not need."""

    queryset = Users.queryset.select_related("profile") if Users.queryset is not None else None

    def count_queryset(self) -> Any:
        return User.objects.filter(username__startswith="learner")


class SmallCursor(pagination.EnrollmentCursor):
    ordering = ("-date_joined", "-id")
    moments = frozenset({"date_joined"})
    page_size = 3


class Newest(DeveloperErrors, Users):
    pagination_class = SmallCursor


class ById(DeveloperErrors, Users):
    pagination_class = pagination.ProgramCursor


class Learners(DeveloperErrors, Users):
    pagination_class = pagination.LearnerCursor


class OneUser(RetrieveAPIView[User]):
    """Looks its argument up without a guard of its own."""

    permission_classes = [AllowAny]
    serializer_class = UserSerializer

    def get_object(self) -> User:
        return get_object_or_404(User, pk=self.request.query_params.get("pk", self.kwargs["pk"]))


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!DOCTYPE html><p>a page</p>")


def form_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("name", ""))


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("a bug of ours")


def failing_page(request: HttpRequest, name: str) -> HttpResponse:
    raise ERRORS[name]


urlpatterns = [
    path("failing-page/<str:name>", failing_page),
    path("api/failing-page/<str:name>", failing_page),
    path("api/whoami/", Whoami.as_view()),
    path("api/anyway", AnyWay.as_view()),
    path("api/crossdomain", CrossDomain.as_view()),
    path("api/session-only", SessionOnly.as_view()),
    path("api/keyed", Keyed.as_view()),
    path("api/staff-only", StaffOnly.as_view()),
    path("api/modes", Modes.as_view()),
    path("api/grouped", Grouped.as_view()),
    path("api/public", Public.as_view()),
    path("api/throttled", Throttled.as_view()),
    path("api/throttled-too", Throttled.as_view()),
    path("api/high-throttled", HighThrottled.as_view()),
    path("api/enrollment-throttled", EnrollmentThrottled.as_view()),
    path("api/enrollment-throttled-too", EnrollmentThrottled.as_view()),
    path("api/staff-throttled", StaffThrottled.as_view()),
    path("api/token-throttled", TokenThrottled.as_view()),
    path("api/switchable", Switchable.as_view()),
    path("api/fail/detail/<name>", FailingDetail.as_view()),
    path("api/fail/plain/<name>", Failing.as_view()),
    path("api/fail/developer/<name>", FailingDeveloper.as_view()),
    path("api/fail/program/<name>", FailingProgram.as_view()),
    path("api/fail/message/<name>", FailingMessage.as_view()),
    path("api/fail/text/<name>", FailingText.as_view()),
    path("api/fail/string/<name>", FailingString.as_view()),
    path("api/echo", Echo.as_view()),
    path("api/patch", Patch.as_view()),
    path("api/users/default/", Defaults.as_view()),
    path("api/users/flagged/", Flagged.as_view()),
    path("api/users/plain/", Plain.as_view()),
    path("api/users/expanded/", Expanded.as_view()),
    path("api/users/members/", Members.as_view()),
    path("api/users/support/", SupportUsers.as_view()),
    path("api/users/entitlements/", Entitlements.as_view()),
    path("api/users/counted/", SeparatelyCounted.as_view()),
    path("api/users/newest/", Newest.as_view()),
    path("api/users/by-id/", ById.as_view()),
    path("api/users/learners/", Learners.as_view()),
    path("api/user/<pk>", OneUser.as_view()),
    path("pages/one/", page),
    path("pages/form/", form_page),
    path("pages/broken/", broken),
    path("api/broken/", broken),
    *service_urls,
]
