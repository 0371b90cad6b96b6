"""What all views of the area have in common (contract: program-enrollments, Common behaviour)."""

from __future__ import annotations

from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from config.api.authentication import BearerAuthentication, InactiveSessionAuthentication, JwtAuthentication
from config.api.exceptions import DeveloperErrors
from config.api.permissions import IsStaff

AUTHENTICATION = [JwtAuthentication, BearerAuthentication, InactiveSessionAuthentication]


class SignedInView(DeveloperErrors, APIView):
    """For any signed-in caller, active or not."""

    error_headers = frozenset({"Retry-After"})
    authentication_classes = AUTHENTICATION
    permission_classes = [IsAuthenticated]


class StaffView(SignedInView):
    """For `is_staff` alone; the token of a restricted application is refused when it authenticates."""

    permission_classes = [IsStaff]
