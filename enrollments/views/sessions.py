"""Signing in and out with a browser (contract: enrollment-api, POST /login_refresh to GET/POST /logout; clients 2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import http_date
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from oauthlib.uri_validate import is_absolute_uri
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import CHALLENGE, InactiveSessionAuthentication, session_account
from config.api.csrf import enforce_csrf
from config.api.exceptions import Refusal
from config.api.pages import allow_form_targets
from config.api.redirects import safe_redirect
from config.api.views import PublicView
from enrollments.models import OAuthApplication, User
from enrollments.queries.accounts import by_sign_in_name
from enrollments.services import sign_in
from enrollments.services.tokens import clear_sign_in_cookies, login_application, set_sign_in_cookies

Finder = Callable[[str], User | None]

SIGN_IN_RESULT = inline_serializer(
    "SignInResult", {"success": serializers.BooleanField(), "redirect_url": serializers.CharField(allow_null=True)}
)


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class LoginPage(View):
    """The page to sign in on, for browsers with and without scripts; leads on to `next`.

    Somebody who is signed in already goes there at once, with fresh cookies.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        target = safe_redirect(request, request.GET.get("next"))
        account = session_account(request)
        if account is None or not sign_in.may_stay(account):
            return self.page(request, target)
        try:
            return self.lead_on(request, account, target)
        except Refusal as refusal:
            return self.page(request, target, refusal=refusal.text)

    def post(self, request: HttpRequest) -> HttpResponse:
        target = safe_redirect(request, request.POST.get("next"))
        name = request.POST.get("email_or_username", "")
        try:
            account = sign_in.check(name, request.POST.get("password"), by_sign_in_name)
            with signed_in(request, account):
                return self.lead_on(request, account, target)
        except Refusal as refusal:
            return self.page(request, target, refusal=refusal.text, name=name)

    def lead_on(self, request: HttpRequest, account: User, target: str | None) -> HttpResponse:
        response = HttpResponseRedirect(target or "/")
        set_sign_in_cookies(response, request, account)
        return response

    def page(self, request: HttpRequest, target: str | None, **shown: str) -> HttpResponse:
        response = render(request, "enrollments/sign_in.html", {"next": target, **shown})
        allow_form_targets(response, target, code_flow_target(target))
        return response


class LoginSessionView(PublicView):
    """Sign-in for programs in browsers; `fields` are the names under which the form may hold who signs in."""

    fields: Mapping[str, Finder] = {}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        get_token(request._request)
        name = next(iter(self.fields))
        label, kind = ("E-mail", "email") if name == "email" else ("User name or e-mail", "text")
        return Response(
            {
                "method": "post",
                "submit_url": request.path,
                "fields": [form_field(name, label, kind), form_field("password", "Password", "password")],
            }
        )

    @extend_schema(
        request=inline_serializer(
            "SignIn",
            {
                "email": serializers.CharField(required=False, help_text="Version 1: an e-mail address."),
                "email_or_username": serializers.CharField(required=False, help_text="Version 2."),
                "password": serializers.CharField(),
                "next": serializers.CharField(
                    required=False, help_text="Where to go; `redirect_url` when that is safe."
                ),
            },
        ),
        responses=SIGN_IN_RESULT,
    )
    def post(self, request: Request) -> Response:
        enforce_csrf(request)
        form = request.data if isinstance(request.data, Mapping) else {}
        name, find = next(
            ((form[key], find) for key, find in self.fields.items() if form.get(key)), ("", by_sign_in_name)
        )
        account = sign_in.check(text(name), text(form.get("password")), find)
        target = safe_redirect(request, form.get("next"), request.query_params.get("next"))
        response = Response({"success": True, "redirect_url": target}, headers={"Cache-Control": "no-store"})
        with signed_in(request._request, account):
            set_sign_in_cookies(response, request._request, account)
        return response


class EmailLoginSessionView(LoginSessionView):
    """Version 1: by e-mail."""

    fields = {"email": User.objects.by_email}


class NameLoginSessionView(LoginSessionView):
    """Version 2: by user name or e-mail."""

    fields = {"email_or_username": by_sign_in_name}


class LoginAjaxView(LoginSessionView):
    """The older address of both."""

    http_method_names = ["post", "options"]
    fields = {"email": User.objects.by_email, "email_or_username": by_sign_in_name}


class BareSession(InactiveSessionAuthentication):
    """The session without a CSRF token: for a call that changes nothing but the browser's own cookies."""

    def enforce_csrf(self, request: Request) -> None:
        """Not here."""


class LoginRefreshView(APIView):
    """New JWT cookies for whoever has a session; not a sign-in."""

    authentication_classes = [BareSession]
    permission_classes = [AllowAny]

    @extend_schema(
        request=None,
        responses=inline_serializer(
            "LoginRefresh",
            {
                "success": serializers.BooleanField(),
                "user_id": serializers.IntegerField(),
                "response_epoch_seconds": serializers.FloatField(),
                "response_http_date": serializers.CharField(),
                "expires": serializers.CharField(),
                "expires_epoch_seconds": serializers.IntegerField(),
            },
        ),
    )
    def post(self, request: Request) -> Response:
        account: Any = request.user
        if not account.is_authenticated:
            return Response("Unauthorized", status=401, headers={"WWW-Authenticate": CHALLENGE})
        response = Response(headers={"Cache-Control": "no-store"})
        expires, now = set_sign_in_cookies(response, request._request, account), time.time()
        response.data = {
            "success": True,
            "user_id": account.pk,
            "response_epoch_seconds": now,
            "response_http_date": http_date(now),
            "expires": http_date(expires),
            "expires_epoch_seconds": expires,
        }
        return response


@method_decorator([csrf_exempt, never_cache], name="dispatch")
class LogoutPage(View):
    """Ends the session, and leads on to `redirect_url` or `next`."""

    http_method_names = ["get", "post", "head", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        given = [form.get(name) for name in ("redirect_url", "next") for form in (request.POST, request.GET)]
        target = safe_redirect(request, *given) or "/"
        logout(request)
        response = render(request, "enrollments/signed_out.html", {"target": target})
        clear_sign_in_cookies(response)
        return response

    post = get


@contextmanager
def signed_in(request: HttpRequest, account: User) -> Iterator[None]:
    """A block that runs with the account signed in, in the transaction of the sign-in: what waits for it has been done.

    Raises:
        LoginApplicationMissing: nobody can sign in.
    """
    login_application()
    try:
        with transaction.atomic():
            login(request, account)
            yield
    except Exception:
        request.session.flush()  # what is rolled back must not come back with the answer
        raise


def code_flow_target(target: str | None) -> str | None:
    """Where a sign-in on the way to the authorization page ends: the application's address, if it is one of its own."""
    parts = urlsplit(target or "")
    if parts.path.rstrip("/") != reverse("oauth2_authorize"):
        return None
    asked = parse_qs(parts.query)
    client_id, address = asked.get("client_id", [""])[0], asked.get("redirect_uri", [""])[0]
    if not (client_id.isprintable() and is_absolute_uri(address)):
        return None
    application = OAuthApplication.objects.filter(client_id=client_id).first()
    return address if application and application.redirect_uri_allowed(address) else None


def form_field(name: str, label: str, kind: str) -> dict[str, Any]:
    """One field as the description of the form has it."""
    return {
        "name": name,
        "label": label,
        "type": kind,
        "required": True,
        "defaultValue": "",
        "placeholder": "",
        "instructions": "",
        "restrictions": {},
    }


def text(value: object) -> str:
    """A value of a form as text; empty for anything else."""
    return value if isinstance(value, str) else ""
