"""Bulk jobs of a customer: how far they are, what became of their rows, and the levers.

Who may enroll learners of the customer may see and steer its jobs; for others they do not exist.
"""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.pagination import DefaultPagination
from config.api.throttles import HighServiceUserThrottle
from enterprise.bulk.results import RowResult, csv_lines, row_as_json
from enterprise.models import BulkJob
from enterprise.permissions import CAN_ENROLL_LEARNERS, path, requires
from enterprise.queries.customers import parsed_uuid, visible_customer
from enterprise.queries.jobs import every_row_result, row_count, row_results, shown_jobs
from enterprise.serializers.bulk_jobs import (
    BulkJobRowSerializer,
    BulkJobSerializer,
    RowFilterSerializer,
)
from enterprise.services import jobs

HAS_ENDED = "The job has ended."
NOT_ENDED = "The job is still at work."
NOT_STORED = "The rows of the job are still being stored."
NOTHING_FAILED = "No row of the job failed."


class BulkJobViewBase(DetailErrors, APIView):
    """Finds the job that the path names among those of the path's customer."""

    throttle_classes = [HighServiceUserThrottle]
    pagination_class = DefaultPagination

    def job(self, request: Request, uuid: str, job_id: str) -> BulkJob:
        """
        Raises:
            NotFound: no such customer or job, or not for this caller.
        """
        customer = visible_customer(request, uuid)
        key = parsed_uuid(job_id)
        if key is None:
            raise NotFound
        job = shown_jobs(customer).filter(pk=key).first()
        if job is None:
            raise NotFound("No BulkJob matches the given query.")
        return job

    def shown(self, request: Request, job: BulkJob, status: int = 200) -> Response:
        return Response(BulkJobSerializer(job, context={"request": request}).data, status=status)

    def wanted_state(self, request: Request) -> str:
        """The state that the query narrows the rows to; empty: all."""
        query = RowFilterSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        state: str = query.validated_data.get("state", "")
        return state


class BulkJobListView(BulkJobViewBase):
    """`GET .../enterprise-customer/{uuid}/bulk-jobs/`."""

    @extend_schema(responses=BulkJobSerializer(many=True))
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def get(self, request: Request, uuid: str) -> Response:
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(shown_jobs(visible_customer(request, uuid)), request, self)
        shown = BulkJobSerializer(page, many=True, context={"request": request}).data
        return paginator.get_paginated_response(shown)


class BulkJobView(BulkJobViewBase):
    """`GET .../bulk-jobs/{id}/`."""

    @extend_schema(responses=BulkJobSerializer)
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def get(self, request: Request, uuid: str, job_id: str) -> Response:
        return self.shown(request, self.job(request, uuid, job_id))


class BulkJobRowsView(BulkJobViewBase):
    """`GET .../bulk-jobs/{id}/rows/`: rows with their results, in the order of the request; `?state=` narrows them."""

    @extend_schema(parameters=[RowFilterSerializer], responses=BulkJobRowSerializer(many=True))
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def get(self, request: Request, uuid: str, job_id: str) -> Response:
        job, state = self.job(request, uuid, job_id), self.wanted_state(request)
        paginator = self.pagination_class()
        countable = range(row_count(job, state))
        page = paginator.paginate_queryset(row_results(job, state), request, self, count_queryset=countable)
        return paginator.get_paginated_response([row_as_json(RowResult._make(row)) for row in page])


class BulkJobRowsCsvView(BulkJobViewBase):
    """`GET .../bulk-jobs/{id}/rows.csv`: the same as a file, written while it is read."""

    @extend_schema(parameters=[RowFilterSerializer], responses={(200, "text/csv"): OpenApiTypes.STR})
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def get(self, request: Request, uuid: str, job_id: str) -> StreamingHttpResponse:
        job, state = self.job(request, uuid, job_id), self.wanted_state(request)
        response = StreamingHttpResponse(
            csv_lines(every_row_result(job, state)), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="bulk-job-{job.pk}.csv"'
        return response


class BulkJobCancelView(BulkJobViewBase):
    """`POST .../bulk-jobs/{id}/cancel/`: rows that wait are not carried out; what is done stays done."""

    @extend_schema(request=None, responses={202: OpenApiResponse(BulkJobSerializer)})
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def post(self, request: Request, uuid: str, job_id: str) -> Response:
        job = self.job(request, uuid, job_id)
        if job.state == BulkJob.State.STAGING:
            raise Refusal(NOT_STORED, status=409)
        if job.state in jobs.ENDED:
            raise Refusal(HAS_ENDED, status=409)
        return self.shown(request, jobs.cancel(job), status=202)


class BulkJobRetryView(BulkJobViewBase):
    """`POST .../bulk-jobs/{id}/retry/`: the rows that failed go back to work."""

    @extend_schema(request=None, responses={202: OpenApiResponse(BulkJobSerializer)})
    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def post(self, request: Request, uuid: str, job_id: str) -> Response:
        job = self.job(request, uuid, job_id)
        if job.state not in jobs.ENDED:
            raise Refusal(NOT_ENDED, status=409)
        if not job.failed:
            raise Refusal(NOTHING_FAILED, status=409)
        return self.shown(request, jobs.retry(job), status=202)
