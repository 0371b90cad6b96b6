"""Named permission rules that views list (contract: roles-and-permissions 3 to 5 and 10).

On a handler, after the permission classes, the throttle and the choice of method:

    @requires(CAN_ENROLL_LEARNERS, context=path("uuid"))
    def post(self, request, uuid): ...

As a permission class, before them all:

    permission_classes = [holds(PROVISIONS_PENDING_ADMINS)]

A context source is any callable of the view and the request; `path`, `query`, `body`, `first_of` make the usual ones.
Without one nothing is compared: whoever holds the permission for any customer passes. Where the customer is known only
after a look-up, the view checks again with `ensure`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from enterprise.queries.customers import generates_api_credentials
from enterprise.queries.roles import (
    CAN_ACCESS_ADMIN_DASHBOARD,
    CAN_ENROLL_LEARNERS,
    CAN_MANAGE_ADMINS,
    CAN_MANAGE_FULFILLMENTS,
    CAN_MANAGE_ORCHESTRATION,
    CAN_MANAGE_REPORTING_CONFIG,
    CAN_VIEW_CATALOG,
    CAN_VIEW_DEFAULT_INTENTIONS,
    PROVISIONS_CUSTOMERS,
    PROVISIONS_PENDING_ADMINS,
    Context,
    access,
)

__all__ = [
    "CAN_ACCESS_ADMIN_DASHBOARD",
    "CAN_ENROLL_LEARNERS",
    "CAN_MANAGE_ADMINS",
    "CAN_MANAGE_FULFILLMENTS",
    "CAN_MANAGE_ORCHESTRATION",
    "CAN_MANAGE_REPORTING_CONFIG",
    "CAN_VIEW_CATALOG",
    "CAN_VIEW_DEFAULT_INTENTIONS",
    "PROVISIONS_CUSTOMERS",
    "PROVISIONS_PENDING_ADMINS",
    "CustomerGeneratesApiCredentials",
    "body",
    "ensure",
    "first_of",
    "holds",
    "holds_somewhere",
    "path",
    "query",
    "requires",
    "requires_any",
]

ContextSource = Callable[[APIView, Request], Context]
Handler = TypeVar("Handler", bound=Callable[..., Any])

NEITHER_ADMIN_NOR_PROVISIONING = (
    "Access denied: Only admins and provisioning admins are allowed to access this endpoint."
)


# --- Where the context comes from ---------------------------------------------------------------------------------


def path(name: str) -> ContextSource:
    """The text of a path argument, as it came: a uuid in upper case is no customer's uuid."""
    return lambda view, request: _text(view.kwargs.get(name))


def query(name: str) -> ContextSource:
    """A query parameter; missing or empty: no context."""
    return lambda view, request: _text(request.query_params.get(name))


def body(name: str) -> ContextSource:
    """A field of the body; missing or empty, or a body that is no object: no context."""

    def read(view: APIView, request: Request) -> Context:
        data = request.data
        return _text(data.get(name)) if isinstance(data, Mapping) else None

    return read


def first_of(*sources: ContextSource) -> ContextSource:
    """The context of the first source that has one."""

    def read(view: APIView, request: Request) -> Context:
        return next((context for source in sources if (context := source(view, request))), None)

    return read


def nothing(view: APIView, request: Request) -> Context:
    """No context."""
    return None


# --- On a handler -------------------------------------------------------------------------------------------------


def requires(*permissions: str, context: ContextSource = nothing) -> Callable[[Handler], Handler]:
    """The handler runs only for callers who hold all these permissions for the context; else 403 `Missing: <names>`."""

    def refuse_others(view: APIView, request: Request) -> None:
        ensure(request, *permissions, context=context(view, request))

    return _before(refuse_others)


def requires_any(*permissions: str, context: ContextSource = nothing) -> Callable[[Handler], Handler]:
    """The handler runs only for callers who hold one of these permissions for the context; else 403 with a fixed text.

    Contract: creating a customer and changing a part of one.
    """

    def refuse_others(view: APIView, request: Request) -> None:
        wanted = context(view, request)
        if not any(access(request).has(permission, wanted) for permission in permissions):
            raise PermissionDenied(NEITHER_ADMIN_NOR_PROVISIONING)

    return _before(refuse_others)


def ensure(request: Request, *permissions: str, context: Context = None) -> None:
    """Checks inside a view what `requires` checks before it: for a customer that only a look-up made known.

    Raises:
        PermissionDenied: 403 `Missing: <names>`.
    """
    held = access(request)
    if not all(held.has(permission, context) for permission in permissions):
        raise PermissionDenied(f"Missing: {', '.join(permissions)}")


# --- As a permission class ----------------------------------------------------------------------------------------


def holds(permission: str, context: ContextSource = nothing) -> type[BasePermission]:
    """A permission class: callers who hold the permission for the context; others get 403 `MISSING: <name>`.

    Anonymous callers get 401. It replaces the view's other permission classes.
    """

    class Holds(BasePermission):
        message = f"MISSING: {permission}"

        def has_permission(self, request: Request, view: APIView) -> bool:
            return request.user.is_authenticated and access(request).has(permission, context(view, request))

    return Holds


def holds_somewhere(permission: str) -> type[BasePermission]:
    """A permission class for lists cut to the caller's contexts: staff, and who holds the permission for some context.

    Contract: roles-and-permissions 11; the 403 has the default text.
    """

    class HoldsSomewhere(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            user = request.user
            return user.is_authenticated and (bool(user.is_staff) or bool(access(request).contexts(permission)))

    return HoldsSomewhere


class CustomerGeneratesApiCredentials(BasePermission):
    """The customer of the path has `enable_generation_of_api_credentials`; unknown customers have not."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return generates_api_credentials(view.kwargs.get("enterprise_uuid"))


def _before(check: Callable[[APIView, Request], None]) -> Callable[[Handler], Handler]:
    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def checked(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Any:
            check(view, request)
            return handler(view, request, *args, **kwargs)

        return cast(Handler, checked)

    return decorate


def _text(value: Any) -> str | None:
    """A value of a request as a context: always one text, so that a list in a body never counts as several contexts."""
    return str(value) if value else None
