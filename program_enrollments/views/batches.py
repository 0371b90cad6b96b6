"""Views that take batches of rows (contract: program-enrollments, Write rules)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from config.api.exceptions import Refusal
from config.api.pagination import ProgramCursor
from config.api.parsers import JSONParser
from program_enrollments.serializers.enrollments import checked_rows
from program_enrollments.services.batches import LIMIT, outcome
from program_enrollments.views.base import StaffView

TOO_MANY = "{} enrollments requested, but limit is {}."
_WORDS = OpenApiTypes.OBJECT
ANSWERS = {
    200: OpenApiResponse(_WORDS, description="For each key the status that the student has now."),
    204: OpenApiResponse(_WORDS, description="No rows were sent."),
    207: OpenApiResponse(_WORDS, description="For each key the status, or why the row was not carried out."),
    413: OpenApiResponse(OpenApiTypes.STR, description="Too many rows; none was carried out."),
    422: OpenApiResponse(_WORDS, description="No row was carried out; for each key why."),
}


def batch_of(rows: type[Serializer]) -> Any:
    """How the schema describes an operation that takes a batch of such rows."""
    return extend_schema(request=rows(many=True), responses=ANSWERS)


class BatchView(StaffView):
    """Pages of students for GET, batches of them for the rest; JSON only."""

    pagination_class = ProgramCursor
    parser_classes = [JSONParser]

    def rows(self, request: Request, row: type[Serializer]) -> list[dict[str, Any]]:
        """The rows that were sent.

        Raises:
            ValidationError: not a list, or a row is not as it must be.
            Refusal: 413, too many.
        """
        rows = checked_rows(row(), request.data)
        if len(rows) > LIMIT:
            text = TOO_MANY.format(len(rows), LIMIT)
            raise Refusal(text, status=413, body=text)
        return rows

    def answer(self, words: Mapping[str, str]) -> Response:
        """What became of each row, with the status that says it in a word."""
        return Response(words, status=outcome(words.values()))
