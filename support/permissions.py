"""Who works at the support desk (contract: support, Roles and permissions)."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.exceptions import Refusal
from enrollments.models import CourseAccessRole

SUPPORT = "support"


def is_agent(account: Any) -> bool:
    """Global staff, or an active account with the role `support` on the whole service; superusers alone are neither."""
    if not account.is_authenticated:
        return False
    if account.is_staff:
        return True
    if not account.is_active:
        return False
    return CourseAccessRole.objects.filter(user=account.pk, role=SUPPORT, course_id="", org="").exists()


class IsAgent(BasePermission):
    """Support permission. Whoever is signed in without it gets a 403 without a body.

    Raises:
        Refusal: the caller is signed in, and no agent.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        if not is_agent(request.user):
            raise Refusal("", status=403)
        return True


class AgentsOnly(BasePermission):
    """Support permission. Everybody else gets a 403 without a body, whether signed in or not.

    Raises:
        Refusal: the caller is no agent.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not is_agent(request.user):
            raise Refusal("", status=403)
        return True


class AgentsWrite(BasePermission):
    """Whoever is signed in reads; writing takes support permission."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        return request.method in SAFE_METHODS or is_agent(request.user)
