"""The OpenAPI description: security schemes, error shapes of the families, one entry per route.

Views describe themselves as drf-spectacular has it (`@extend_schema`); what all share is added here: a `4XX` answer in
the shape of the view's error family, the ways to authenticate, and the API key where it counts.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from drf_spectacular import openapi
from drf_spectacular.drainage import warn
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.permissions import AllowAny

from config.api.exceptions import DetailErrors, DeveloperErrors, MessageErrors, StringErrors, TextErrors
from config.api.permissions import ApiKeyOrAuthenticated

API_KEY_SCHEME = {"type": "apiKey", "in": "header", "name": "X-Edx-Api-Key"}

_field_errors = {
    "type": "object",
    "description": "The errors of a form: a list of messages under each field.",
    "additionalProperties": {},
}


def _error_object(key: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {key: {"type": "string"}, **more}}


# The first family that a view inherits counts: the special ones stand before their parent.
ERROR_SCHEMAS: list[tuple[type[DetailErrors], str, dict[str, Any]]] = [
    (
        DeveloperErrors,
        "DeveloperError",
        {
            "type": "object",
            "properties": {
                "developer_message": {"description": "A sentence, or the errors of the rows sent."},
                "error_code": {"type": "string"},
            },
        },
    ),
    (MessageErrors, "MessageError", {"anyOf": [_error_object("message"), _error_object("detail")]}),
    (TextErrors, "TextError", {"anyOf": [{"type": "string"}, _error_object("detail")]}),
    (StringErrors, "StringError", {"anyOf": [{"type": "string"}, _error_object("detail")]}),
    (DetailErrors, "DetailError", {"anyOf": [_error_object("detail"), _field_errors]}),
]


class AutoSchema(openapi.AutoSchema):
    """drf-spectacular's description of a view, with the error shapes of its family."""

    def get_operation_id(self) -> str:
        # Some resources exist under `enterprise-group` and `enterprise_group`: hyphens tell them apart.
        tokens = self._tokenize_path() or ["root"]
        action = "list" if self.method == "GET" and self._is_list_view() else self.method_mapping[self.method.lower()]
        return "_".join([*tokens, action])

    def get_tags(self) -> list[str]:
        tokens = [token for token in self._tokenize_path() if not re.fullmatch(r"api|v\d+", token)]
        return tokens[:1]

    def get_auth(self) -> list[dict[str, Any]]:
        # Not the parent's: it takes the subclasses of one authenticator for schemes that collide.
        ways: list[dict[str, Any]] = []
        for authenticator in self.view.get_authenticators():
            scheme = OpenApiAuthenticationExtension.get_match(authenticator)
            if scheme is None:
                warn(f"{type(authenticator).__name__} has no OpenApiAuthenticationExtension")
                continue
            several = isinstance(scheme, JwtScheme)
            names: Any = scheme.name if several else [scheme.name]
            definitions: Any = scheme.get_security_definition(self)
            for name, definition in zip(names, definitions if several else [definitions], strict=True):
                self._add_scheme(name, type(scheme), definition)
                ways.append({name: []})
        permissions = self.view.get_permissions()
        if any(isinstance(each, ApiKeyOrAuthenticated) for each in permissions):
            self._add_scheme("apiKey", ApiKeyOrAuthenticated, API_KEY_SCHEME)
            ways.append({"apiKey": []})
        if any(isinstance(each, AllowAny) for each in permissions):
            ways.append({})
        return ways

    def _add_scheme(self, name: str, identity: type, definition: dict[str, Any]) -> None:
        self.registry.register_on_missing(
            ResolvedComponent(name=name, type=ResolvedComponent.SECURITY_SCHEMA, object=identity, schema=definition)
        )

    def get_paginated_name(self, serializer_name: str) -> str:
        # The same rows may be paged in two ways.
        kind = type(self._get_paginator()).__name__.removesuffix("Pagination")
        return f"{kind}{serializer_name}Page"

    def _get_response_for_code(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        response: dict[str, Any] = super()._get_response_for_code(*args, **kwargs)
        # `OpenApiTypes.NONE` says that there is no body.
        if any(media.get("schema") is None for media in response.get("content", {}).values()):
            del response["content"]
        return response

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        family, name, schema = next(
            entry for entry in ERROR_SCHEMAS if isinstance(self.view, entry[0]) or entry[0] is DetailErrors
        )
        component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=family, schema=schema)
        self.registry.register_on_missing(component)
        media_type = "text/html" if family is TextErrors else "application/json"
        bodies.setdefault(
            "4XX", {"description": "The request was refused.", "content": {media_type: {"schema": component.ref}}}
        )
        return bodies


def one_route_each(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Leave out format suffixes and the second spelling of a route that is served with and without a slash."""
    kept: dict[tuple[str, str], tuple[str, str, str, Any]] = {}
    for endpoint in endpoints:
        path, pattern, method, _ = endpoint
        if "drf_format_suffix" not in pattern and "{format}" not in path:
            kept.setdefault((path.rstrip("/"), method), endpoint)
    return list(kept.values())


class JwtScheme(OpenApiAuthenticationExtension):
    """JSON web tokens, in the header or as the browser's cookies."""

    target_class = "config.api.authentication.JwtAuthentication"
    name = ["jwt", "jwtCookie"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        header = {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The word JWT, a blank, and a token of POST /oauth2/access_token with token_type=jwt.",
        }
        return [header, {"type": "apiKey", "in": "cookie", "name": "edx-jwt-cookie"}]


class BearerScheme(OpenApiAuthenticationExtension):
    """Opaque access tokens."""

    target_class = "config.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):
    """The Django session, with `X-CSRFToken` on unsafe methods."""

    target_class = "config.api.authentication.InactiveSessionAuthentication"
    match_subclasses = True
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
