"""A new password by mail, and the pages its link leads to (contract: support 4.3, POST /account/password)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import Refusal, TextErrors
from enrollments.models import User
from enrollments.services import passwords
from enrollments.throttles import PasswordResetThrottle

TOO_OFTEN = "Links for a new password were sent to this address already. Please wait a while before sending another."


class PasswordResetRequestView(TextErrors, APIView):
    """The mail with a link to choose a new password: staff send it to anybody, others to themselves."""

    @extend_schema(
        request=inline_serializer(
            "PasswordResetRequest",
            {
                "email_from_support_tools": serializers.CharField(
                    required=False, help_text="Whose password; counts for staff and superusers."
                )
            },
        ),
        responses={
            200: inline_serializer("PasswordResetRequested", {"success": serializers.BooleanField()}),
            403: OpenApiResponse(OpenApiTypes.STR, description="Too many mails to one address."),
        },
    )
    def post(self, request: Request) -> Response:
        """Queue the mail; too many to one address are refused with a sentence."""
        if not isinstance(request.data, Mapping):
            raise Refusal("The request has to be a form, or an object.")
        given = request.data.get("email_from_support_tools")
        if not isinstance(given, str | None):
            raise Refusal("The e-mail address has to be a text.")
        account = passwords.account_to_reset(request.user, given if given is None else given.strip())  # type: ignore[arg-type]
        if not PasswordResetThrottle(account).allow_request(request, self):
            raise Refusal(TOO_OFTEN, status=403)
        passwords.send_reset_link(account)
        return Response({"success": True})


class NewPasswordForm(SetPasswordForm):
    """The new password, twice."""

    def save(self, commit: bool = True) -> User:
        passwords.choose(self.user, self.cleaned_data["new_password1"])
        return self.user


@method_decorator(sensitive_post_parameters("new_password1", "new_password2"), name="dispatch")
class NewPasswordPage(PasswordResetConfirmView):
    """Where the link of the mail leads. The token moves from the address into the session at once."""

    form_class = NewPasswordForm
    template_name = "enrollments/new_password.html"
    success_url = reverse_lazy("password_reset_complete")

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return super().form_valid(form)
        except passwords.LinkOutdated:
            return HttpResponseRedirect(
                reverse("password_reset_confirm", kwargs={"uidb64": self.kwargs["uidb64"], "token": "used"})
            )


@require_safe
def password_chosen(request: HttpRequest) -> HttpResponse:
    """Says that the new password holds."""
    return render(request, "enrollments/password_chosen.html")
