"""What the admins of a customer do with its learners (contract: enterprise-learners, Endpoints)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.parsers import CsvParser, FormParser, JSONParser, MultiPartParser
from config.api.throttles import HighServiceUserThrottle
from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, CAN_ENROLL_LEARNERS, path, requires
from enterprise.queries.customers import one_of, visible_customer
from enterprise.queries.jobs import every_row_result
from enterprise.serializers.bulk_enrollment import (
    BulkEnrollmentAnswerSerializer,
    BulkEnrollmentRequestSerializer,
    CsvErrorsSerializer,
    RosterUploadSerializer,
    answer,
    status_of,
)
from enterprise.serializers.bulk_jobs import BulkJobSerializer
from enterprise.serializers.customers import (
    UniversalLinkResultSerializer,
    UniversalLinkSerializer,
    UnlinkUsersSerializer,
)
from enterprise.serializers.single_enrollment import (
    SingleEnrollmentResultSerializer,
    SingleEnrollmentSerializer,
    checked,
)
from enterprise.services import bulk_enrollment, bulk_unlink, jobs, links, single_enrollment, universal_link
from enterprise.services.bulk_enrollment import Submission
from enterprise.views.preferences import PREFER, accepted, prefers_async

logger = logging.getLogger(__name__)

NO_LIST = 'Expected a list of items but got type "{}".'
TOO_MANY = "Ensure this field has no more than {} elements."
ONE_FILE = "Send one CSV file in a form, not {}."
NO_CHANGES = "No changes"


class EnrollLearnersInCoursesView(DetailErrors, APIView):
    """`POST .../enterprise-customer/{uuid}/enroll_learners_in_courses/`: bulk enrollment, at once or as a job."""

    throttle_classes = [HighServiceUserThrottle]
    parser_classes = [JSONParser, CsvParser, MultiPartParser, FormParser]

    @extend_schema(
        request={
            "application/json": BulkEnrollmentRequestSerializer,
            "text/csv": OpenApiTypes.STR,
            "multipart/form-data": RosterUploadSerializer,
        },
        parameters=[
            PREFER,
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="The same key and body give the first answer.",
            ),
            OpenApiParameter("notify", bool, description="For CSV bodies."),
            OpenApiParameter("discount", float, description="For CSV bodies."),
        ],
        responses={
            201: OpenApiResponse(BulkEnrollmentAnswerSerializer, description="All learners are enrolled."),
            202: OpenApiResponse(
                PolymorphicProxySerializer(
                    "BulkEnrollmentAccepted", [BulkEnrollmentAnswerSerializer, BulkJobSerializer], None
                ),
                description="Some wait for an account; with `respond-async`: the job.",
            ),
            400: OpenApiResponse(CsvErrorsSerializer, description="Of a CSV body; else errors by list and row."),
            409: OpenApiResponse(BulkEnrollmentAnswerSerializer, description="Some rows failed; the others are done."),
        },
    )
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def post(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        customer = visible_customer(request, uuid)
        actor = cast(User, request.user)
        key = request.headers.get("Idempotency-Key", "").strip()
        job, is_new = bulk_enrollment.submit(customer, actor, _submission(request), key)
        if prefers_async(request):
            if is_new:
                jobs.start(job)
            return accepted(request, job)
        job = bulk_enrollment.carry_out(job) if is_new else bulk_enrollment.ended(job)
        body = answer(every_row_result(job))
        return Response(body, status=status_of(body))


class CourseEnrollmentsView(DetailErrors, APIView):
    """`POST .../enterprise-customer/{uuid}/course_enrollments/`: single enrollment, one result per item, always 200."""

    throttle_classes = [HighServiceUserThrottle]

    @extend_schema(
        request=SingleEnrollmentSerializer(many=True),
        responses={200: SingleEnrollmentResultSerializer(many=True)},
    )
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def post(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        customer = visible_customer(request, uuid)
        items = _items(request.data)
        results = single_enrollment.enroll(customer, cast(User, request.user), items)
        return Response(results)


def _items(data: Any) -> list[single_enrollment.Item]:
    """
    Raises:
        Refusal: 400, the body is no list, or too long a one.
    """
    if not isinstance(data, list):
        kind = "dict" if isinstance(data, Mapping) else type(data).__name__
        text = "No data provided" if data is None else NO_LIST.format(kind)
        raise Refusal(text, body={"non_field_errors": [text]})
    if len(data) > settings.SINGLE_ENROLLMENT_MAX_ITEMS:
        text = TOO_MANY.format(settings.SINGLE_ENROLLMENT_MAX_ITEMS)
        raise Refusal(text, body={"non_field_errors": [text]})
    return [single_enrollment.Item(*checked(item)) for item in data]


def _submission(request: Request) -> Submission:
    """What the body asks for: a JSON object, or a CSV file, by itself or in a form."""
    files = request.FILES
    if not files:
        return bulk_enrollment.from_json(request.data)
    if len(uploads := [each for name in files for each in files.getlist(name)]) != 1:
        raise Refusal(ONE_FILE.format(len(uploads)))
    sent: dict[str, Any] = {**request.query_params.dict(), **request.POST.dict()}
    return bulk_enrollment.from_csv(uploads[0].file, uploads[0].charset or "", sent)


class ToggleUniversalLinkView(DetailErrors, APIView):
    """`PATCH .../enterprise-customer/{uuid}/toggle_universal_link/`."""

    throttle_classes = [HighServiceUserThrottle]

    @extend_schema(request=UniversalLinkSerializer, responses=UniversalLinkResultSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("uuid"))
    def patch(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Let learners join by a link, with a new invite key; or stop that, and all invite keys of the customer."""
        customer = one_of(EnterpriseCustomer.all_objects.all(), uuid)
        sent = UniversalLinkSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted: bool = sent.validated_data["enable_universal_link"]
        if not universal_link.switch(customer, wanted):
            return Response({"detail": NO_CHANGES})
        return Response({"enable_universal_link": wanted})


class UnlinkUsersView(DetailErrors, APIView):
    """`POST .../enterprise-customer/{uuid}/unlink_users/`."""

    throttle_classes = [HighServiceUserThrottle]

    @extend_schema(
        request=UnlinkUsersSerializer,
        parameters=[PREFER],
        responses={
            200: OpenApiResponse(description="All are unlinked."),
            202: OpenApiResponse(BulkJobSerializer, description="With `respond-async`: the job."),
        },
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=path("uuid"))
    def post(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Unlink the learners, or the pending learners, with these addresses; who is neither is passed over."""
        sent = UnlinkUsersSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        customer = visible_customer(request, uuid)
        emails, is_relinkable = sent.validated_data["user_emails"], sent.validated_data["is_relinkable"]
        if prefers_async(request):
            job = bulk_unlink.submit(customer, cast(User, request.user), emails, is_relinkable)
            jobs.start(job)
            return accepted(request, job)
        passed_over = links.unlink_all(customer, emails, is_relinkable)
        if passed_over:
            logger.info("%s of %s addresses were not linked to customer %s", len(passed_over), len(emails), customer.pk)
        return Response(status=200)


class UnlinkSelfView(DetailErrors, APIView):
    """`POST .../enterprise-customer/{uuid}/unlink_self/`."""

    throttle_classes = [HighServiceUserThrottle]

    @extend_schema(request=None, responses={200: OpenApiResponse(description="The caller is unlinked.")})
    def post(self, request: Request, uuid: str, format: str | None = None) -> Response:  # noqa: A002
        """Unlink the caller, who may come back."""
        customer = visible_customer(request, uuid)
        if not links.unlink_accounts(customer, [cast(User, request.user).pk]):
            raise Refusal("", status=422)
        return Response(status=200)
