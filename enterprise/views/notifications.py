"""Notifications of the admin portal (contract: enterprise-customers 4.11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors, Refusal
from config.api.throttles import UserThrottle
from config.db.ids import row_id
from enrollments.models import User
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, requires
from enterprise.serializers.notifications import ReadNotificationSerializer
from enterprise.services import notifications

MISSING_PARAMETERS = "Some required parameter(s) missing: {}"
FAILED = "Notification read request failed"


class ReadNotificationView(DetailErrors, APIView):
    """`POST /enterprise/api/v1/read_notification`."""

    throttle_classes = [UserThrottle]

    @extend_schema(request=ReadNotificationSerializer, responses=ReadNotificationSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD)
    def post(self, request: Request) -> Response:
        """The caller has read a notification on the pages of a customer."""
        given = {name: _given(request, name) for name in ("notification_id", "enterprise_slug")}
        missing = [name for name, value in given.items() if not value]
        if missing:
            text = MISSING_PARAMETERS.format(", ".join(missing))
            raise Refusal(text, body={"error": text})
        try:
            number, slug = _number(given["notification_id"]), _slug(given["enterprise_slug"])
            notifications.mark_read(cast(User, request.user), slug, number)
        except (ValueError, notifications.NothingToRead) as problem:
            raise Refusal(FAILED, status=404, body={"error": FAILED}) from problem
        return Response(given)


def _given(request: Request, name: str) -> Any:
    """A parameter of the body, else of the query."""
    sent = request.data.get(name) if isinstance(request.data, Mapping) else None
    return sent or request.query_params.get(name)


def _number(value: Any) -> int:
    """The id that a value spells.

    Raises:
        ValueError: none.
    """
    number = row_id(value) if isinstance(value, int | str) else None
    if not number:
        raise ValueError(str(value))
    return number


def _slug(value: Any) -> str:
    """The slug that a value is.

    Raises:
        ValueError: it is no text, but perhaps a file of a form.
    """
    if not isinstance(value, str):
        raise ValueError(value)
    return value
