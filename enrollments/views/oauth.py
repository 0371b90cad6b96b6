"""Tokens for programs, the code flow for people (contract: enrollment-api, POST /oauth2/access_token; clients 5)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from oauth2_provider.views import AuthorizationView
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.oauth2 import InvalidClientIdError, InvalidRequestError
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api import jwt
from config.api.authentication import BearerAuthentication, JwtAuthentication
from config.api.pages import allow_form_targets
from config.api.throttles import TokenThrottle
from config.api.views import PublicView
from enrollments.models import OAuthApplication
from enrollments.services.tokens import claims_about

KEYS_MAX_AGE = 300  # seconds that others may keep our public keys


class OAuthEndpoint(OAuthLibMixin, PublicView):
    """A form posted by an OAuth client, which proves itself inside it; answered in the shapes of OAuth."""

    parser_classes = [FormParser, MultiPartParser]
    throttle_classes = [TokenThrottle]

    def answer(self, made: tuple[Any, dict[str, str], str | None, int]) -> HttpResponse:
        """The answer as the OAuth library made it."""
        _, headers, body, status = made
        usual = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return HttpResponse(body or "", status=status, headers={**usual, **headers})

    def malformed(self, request: Request) -> HttpResponse | None:
        """The answer to a form that cannot be read, or has characters that no database takes; None for any other."""
        try:
            form = request._request.POST
        except (BadRequest, MultiPartParserError):
            problem = InvalidRequestError("The form cannot be read.")
        else:
            if not any("\0" in value for _, values in form.lists() for value in values):
                return None
            problem = InvalidRequestError("The request holds a NUL character.")
        return self.answer((None, problem.headers, problem.json, problem.status_code))


class AccessTokenView(OAuthEndpoint):
    """Access tokens for the four grants: JWTs when asked for, else opaque ones."""

    @extend_schema(
        parameters=[
            OpenApiParameter("X-Token-Type", str, "header", description="`jwt`, where the form has no `token_type`.")
        ],
        request=inline_serializer(
            "AccessTokenRequest",
            {
                "grant_type": serializers.ChoiceField(
                    ["client_credentials", "password", "refresh_token", "authorization_code"]
                ),
                "client_id": serializers.CharField(),
                "client_secret": serializers.CharField(required=False),
                "token_type": serializers.CharField(required=False, help_text="`jwt`; anything else: opaque."),
                "username": serializers.CharField(required=False, help_text="A user name or e-mail address."),
                "password": serializers.CharField(required=False),
                "scope": serializers.CharField(required=False),
                "refresh_token": serializers.CharField(required=False),
                "code": serializers.CharField(required=False),
                "redirect_uri": serializers.CharField(required=False),
                "code_verifier": serializers.CharField(required=False),
                "asymmetric_jwt": serializers.CharField(required=False, help_text="Changes nothing."),
            },
        ),
        responses=inline_serializer(
            "AccessToken",
            {
                "access_token": serializers.CharField(),
                "expires_in": serializers.IntegerField(),
                "token_type": serializers.ChoiceField(["JWT", "Bearer"]),
                "scope": serializers.CharField(),
                "refresh_token": serializers.CharField(required=False),
            },
        ),
    )
    def post(self, request: Request) -> HttpResponse:
        return self.malformed(request) or self.answer(self.create_token_response(request._request))


class RevokeTokenView(OAuthEndpoint):
    """Ends an access or refresh token of the client; an unknown one is fine too."""

    @extend_schema(
        request=inline_serializer(
            "RevokeTokenRequest",
            {
                "token": serializers.CharField(),
                "token_type_hint": serializers.CharField(required=False),
                "client_id": serializers.CharField(),
                "client_secret": serializers.CharField(required=False),
            },
        ),
        responses={200: OpenApiTypes.NONE},
    )
    def post(self, request: Request) -> HttpResponse:
        return self.malformed(request) or self.answer(self.create_revocation_response(request._request))


@method_decorator(never_cache, name="dispatch")
class AuthorizeView(AuthorizationView):
    """The page of the code flow: asks a signed-in person to agree, unless the application needs no asking."""

    template_name = "enrollments/authorize.html"

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **response_kwargs)
        allow_form_targets(response, context.get("redirect_uri"))
        return response

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked: Any = request.GET.copy()
        asked.pop("resource", None)  # not served, see the validator
        request.GET = asked
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def form_valid(self, form: Form) -> HttpResponse:
        form.cleaned_data["resource"] = ""
        if not OAuthApplication.objects.filter(client_id=form.cleaned_data["client_id"]).exists():
            return self.refused(InvalidClientIdError())
        response: HttpResponse = super().form_valid(form)
        return response

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.refused(InvalidRequestError("The form was not complete."))

    def refused(self, error: Any) -> HttpResponse:
        return self.render_to_response({"error": error}, status=error.status_code)


class UserInfoView(APIView):
    """Who the holder of a token is, as far as the token's scopes let it know."""

    authentication_classes = [JwtAuthentication, BearerAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(
        responses=inline_serializer(
            "UserInfo",
            {
                "sub": serializers.CharField(),
                "preferred_username": serializers.CharField(),
                "email": serializers.CharField(required=False),
                "email_verified": serializers.BooleanField(required=False),
                "name": serializers.CharField(required=False, allow_null=True),
                "given_name": serializers.CharField(required=False),
                "family_name": serializers.CharField(required=False),
                "administrator": serializers.BooleanField(required=False),
                "superuser": serializers.BooleanField(required=False),
                "user_id": serializers.IntegerField(required=False),
            },
        )
    )
    def get(self, request: Request) -> Response:
        account: Any = request.user
        token: Any = request.auth
        scopes = token.get("scopes") if isinstance(token, dict) else token.scope.split()
        # A JWT that another service signed may have anything there.
        claims = claims_about(account, scopes if isinstance(scopes, list) else [])
        if "email" in claims:
            claims["email_verified"] = account.is_active
        return Response(
            {"sub": account.anonymous_id, "preferred_username": account.username, **claims},
            headers={"Cache-Control": "no-store"},
        )


class JwksView(PublicView):
    """The public keys that verify the service's tokens."""

    @extend_schema(
        responses=inline_serializer("JwkSet", {"keys": serializers.ListField(child=serializers.DictField())})
    )
    def get(self, request: Request) -> Response:
        return Response(jwt.jwks(), headers={"Cache-Control": f"public, max-age={KEYS_MAX_AGE}"})
