"""Who may do what with accounts and enrollments, as rules that views list."""

from __future__ import annotations

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class CanRetireUsers(BasePermission):
    """Superusers, the retirement service account, holders of `enrollments.can_retire_users`; not staff as such.

    Contract: enrollment-api, POST unenroll; settings.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        account = request.user
        if not account or not account.is_authenticated:
            return False
        return bool(
            account.is_superuser
            or account.get_username() == settings.RETIREMENT_SERVICE_WORKER_USERNAME
            or account.has_perm("enrollments.can_retire_users")
        )


class CanCancelRetirements(CanRetireUsers):
    """Who sees in the accounts calls that a retirement can be cancelled (staff, superusers), and who may retire users.

    Contract: support 4.3, Rules of the accounts calls.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.is_staff) or super().has_permission(request, view)
