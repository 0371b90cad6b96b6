"""Enrollments whose license was revoked or expired (contract: enterprise-learners)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.throttles import UserThrottle
from enrollments.models import User
from enterprise.models import EnterpriseCustomerUser
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, CAN_ENROLL_LEARNERS, body, ensure, requires
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.fulfillments import customers_of_licenses
from enterprise.serializers.bulk_jobs import BulkJobSerializer
from enterprise.serializers.licensed_enrollments import (
    RUN_RESULTS,
    LicenseExpirationSerializer,
    LicenseRevocationSerializer,
    expiration,
)
from enterprise.services import jobs, license_expiration, license_revocation
from enterprise.services.bulk_enrollment import carry_out
from enterprise.views.preferences import PREFER, accepted, prefers_async

BOTH_NEEDED = "user_id and enterprise_id must be provided."
NO_SUCH_LINK = "No EnterpriseCustomerUser matches the given query."


class LicenseRevokeView(DetailErrors, APIView):
    """`POST .../licensed-enterprise-course-enrollment/license_revoke/`."""

    throttle_classes = [UserThrottle]

    @extend_schema(
        request=LicenseRevocationSerializer,
        responses={
            200: OpenApiResponse(RUN_RESULTS, description="Results by run."),
            422: OpenApiResponse(RUN_RESULTS, description="Some runs failed."),
        },
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=body("enterprise_id"))
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """End all enrollments of a learner that a license of the customer pays for."""
        link = _link(request.data)
        results = license_revocation.revoke_licenses(link)
        username = link.user_fk.username if link.user_fk else str(link.user_id)
        shown = {
            run_key: {
                "success": result.success,
                "message": license_revocation.message(result, username, link.enterprise_customer_id, run_key),
            }
            for run_key, result in results.items()
        }
        return Response(shown, status=200 if all(result.success for result in results.values()) else 422)


class LicenseExpirationView(DetailErrors, APIView):
    """`POST .../licensed-enterprise-course-enrollment/bulk_licensed_enrollments_expiration/`."""

    throttle_classes = [UserThrottle]

    @extend_schema(
        request=LicenseExpirationSerializer,
        parameters=[PREFER],
        responses={
            200: OpenApiResponse(description="All are ended, or need not be."),
            202: OpenApiResponse(BulkJobSerializer, description="With `respond-async`: the job."),
            400: OpenApiResponse(OpenApiTypes.STR),
            422: OpenApiResponse(description="Some enrollments could not be ended; the others are."),
        },
    )
    @requires(CAN_ENROLL_LEARNERS)
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """End the enrollments that expired licenses pay for.

        Licenses of several customers at once are always worked on in the request: there is a job for each.
        """
        asked_for = expiration(request.data, request.query_params)
        customers = customers_of_licenses(asked_for.licenses)
        ensure(request, CAN_ENROLL_LEARNERS, context=customers)
        made = license_expiration.submit(
            cast(User, request.user), asked_for.licenses, customers, asked_for.untouched_from
        )
        if len(made) == 1 and prefers_async(request):
            jobs.start(made[0])
            return accepted(request, made[0])
        ended = [carry_out(job) for job in made]
        return Response(status=422 if any(job.failed for job in ended) else 200)


def _link(data: Any) -> EnterpriseCustomerUser:
    """The linked learner whom the body names.

    Raises:
        Refusal: 400 with a JSON text, one of the two is missing.
        NotFound: there is no such learner, or a value cannot name one.
    """
    sent: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    user_id, enterprise_id = sent.get("user_id"), sent.get("enterprise_id")
    if not user_id or not enterprise_id:
        raise Refusal(BOTH_NEEDED, body=BOTH_NEEDED)
    uuid, number = parsed_uuid(enterprise_id), _account_id(user_id)
    link = None
    if uuid is not None and number is not None:
        links = EnterpriseCustomerUser.objects.filter(enterprise_customer_id=uuid, user_id=number)
        link = links.select_related("user_fk").first()
    if link is None:
        raise NotFound(NO_SUCH_LINK)
    return link


def _account_id(value: Any) -> int | None:
    """An account id given as a number or as its digits."""
    text = "" if isinstance(value, bool) else str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
