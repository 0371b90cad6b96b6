"""What the views of the support desk have in common (contract: support 0.2 and Roles and permissions)."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import View
from rest_framework.exceptions import NotAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.authentication import InactiveSessionAuthentication, JwtAuthentication, session_account
from config.api.exceptions import DetailErrors
from config.api.pages import sign_in_first
from config.api.renderers import IndentedJSONRenderer
from enrollments.models import User
from support.permissions import IsAgent, is_agent


class AgentView(DetailErrors, APIView):
    """JSON for agents with a JWT or a session; whoever is not signed in gets a 401."""

    authentication_classes = [JwtAuthentication, InactiveSessionAuthentication]
    permission_classes = [IsAgent]

    @property
    def agent(self) -> User:
        """Who asks."""
        return cast("User", self.request.user)


class AgentPageDataView(AgentView):
    """JSON behind a page: whoever is not signed in is sent to sign in, as by the page itself."""

    renderer_classes = [IndentedJSONRenderer]

    def handle_exception(self, exc: Exception) -> Response:
        # An opaque bearer token or basic credentials do not count here: whoever sends them is not signed in either.
        if isinstance(exc, NotAuthenticated):
            return sign_in_first(self.request._request)  # type: ignore[return-value]
        return super().handle_exception(exc)


class AgentPage(View):
    """A page for agents with a session."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        account = session_account(request)
        if account is None:
            return sign_in_first(request)
        if not is_agent(account):
            return HttpResponse(status=403)
        return super().dispatch(request, *args, **kwargs)
