"""Who may go on, where an area asks for no enterprise role (contract: enrollment-api, Roles and permissions)."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils.crypto import constant_time_compare
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.addresses import client_address

audit_log = logging.getLogger("matricula.audit")


def has_api_key(request: Any) -> bool:
    """Whether the request carries the deployment's API key; every match leaves an audit line.

    Without the setting no key is ever right; a wrong one is ignored.
    """
    given, wanted = request.META.get("HTTP_X_EDX_API_KEY"), settings.EDX_API_KEY
    if not given or not wanted or not constant_time_compare(given, wanted):
        return False
    address, path = _one_line(client_address(request)), _one_line(request.path)
    audit_log.info('ApiKeyHeaderPermission used: ip="%s", path="%s"', address, path)
    return True


def is_restricted(request: Any) -> bool:
    """Whether a JWT of a restricted application authenticated the request."""
    return isinstance(request.auth, dict) and bool(request.auth.get("is_restricted"))


class ApiKeyOrAuthenticated(BasePermission):
    """The API key, or any signed-in caller."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return has_api_key(request) or bool(request.user and request.user.is_authenticated)


class NotRestrictedApplication(BasePermission):
    """No token of a restricted application. JwtAuthentication sees to that; this is for views that admit some."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return not is_restricted(request)


class IsStaff(NotRestrictedApplication):
    """Global staff: `is_staff`, and not through a restricted application. Superusers alone are not staff."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.is_staff) and super().has_permission(request, view)


def reads_or_holds(model: type[Model]) -> type[BasePermission]:
    """A permission class: any signed-in caller reads; writers hold Django's permission for the model.

    POST needs `add`, PUT and PATCH `change`, DELETE `delete`; superusers hold them all.
    """
    about = model._meta
    actions = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}

    class ReadsOrHolds(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            if not request.user.is_authenticated:
                return False
            action = actions.get(request.method or "")
            return action is None or request.user.has_perm(f"{about.app_label}.{action}_{about.model_name}")

    return ReadsOrHolds


class RestrictedApplicationScope(BasePermission):
    """A restricted application's JWT with all scopes of the view and filters that fit the organisation and user.

    The view has `admits_restricted_applications = True`, `required_scopes` (an empty list admits nobody) and a method
    `requested_organization()` that gives the short name. Use it as `IsStaff | RestrictedApplicationScope`.
    Contract: enrollment-api, course modes; program-enrollments, Staff rule.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not is_restricted(request):
            return False
        claims: Any = request.auth
        required = set(getattr(view, "required_scopes", []))
        filters = [str(each).partition(":") for each in _listed(claims, "filters")]
        organizations = {value for kind, _, value in filters if kind == "content_org"}
        users = {request.user.username if value == "me" else value for kind, _, value in filters if kind == "user"}
        asked_for = view.kwargs.get("username") or request.query_params.get("username")
        return (
            bool(required)
            and required <= set(_listed(claims, "scopes"))
            and view.requested_organization() in organizations  # type: ignore[attr-defined]
            and (not users or asked_for in users)
        )


class InAnyGroup(BasePermission):
    """Members of any Django group that the repeatable query parameter `permissions` names; staff are not exempt.

    Contract: enterprise-customers 4.2.7.
    """

    message = "User is not allowed to access the view."

    def has_permission(self, request: Request, view: APIView) -> bool:
        names = request.query_params.getlist("permissions")
        return bool(names) and request.user.groups.filter(name__in=names).exists()


def _listed(claims: Any, name: str) -> list[str]:
    """A claim that should be a list of texts, as one."""
    value = claims.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _one_line(text: str) -> str:
    """The text without characters that could forge a second log line."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
