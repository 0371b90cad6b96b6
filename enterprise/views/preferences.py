"""Answering before the work is done, for callers who prefer it (RFC 7240)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from enterprise.models import BulkJob
from enterprise.serializers.bulk_jobs import BulkJobSerializer

RESPOND_ASYNC = "respond-async"
PREFER = OpenApiParameter(
    "Prefer", str, OpenApiParameter.HEADER, description="`respond-async`: answer at once, work in the background."
)


def prefers_async(request: Request) -> bool:
    """Whether the caller would rather have an answer now than the result."""
    preferences = request.headers.get("Prefer", "").lower().split(",")
    return any(preference.partition(";")[0].strip() == RESPOND_ASYNC for preference in preferences)


def accepted(request: Request, job: BulkJob) -> Response:
    """202 with the job, and where to look after it."""
    shown = BulkJobSerializer(job, context={"request": request}).data
    headers = {"Location": shown["links"]["self"], "Preference-Applied": RESPOND_ASYNC}
    return Response(shown, status=202, headers=headers)
