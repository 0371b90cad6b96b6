"""`/enterprise/proxy-login/`: the way of a customer's learners and admins to the sign-in page (contract: clients 3)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.api.redirects import safe_redirect
from enterprise.queries.sign_in import customer_to_sign_in_for, provider_to_sign_in_with

HINT = "tpa_hint"


@never_cache
@require_safe
def proxy_login(request: HttpRequest) -> HttpResponse:
    """Leads on to the sign-in page, which leads on to `next`: the customer's learner portal when none is given.

    Raises:
        Http404: neither `enterprise_slug` nor `enterprise_customer_invite_key` names a customer.
    """
    asked = request.GET
    customer = customer_to_sign_in_for(
        asked.get("enterprise_slug", ""), asked.get("enterprise_customer_invite_key", "")
    )
    if customer is None:
        raise Http404
    portal = f"{settings.ENTERPRISE_LEARNER_PORTAL_BASE_URL.rstrip('/')}/{customer.slug}"
    target = safe_redirect(request, asked.get("next")) or portal
    provider = provider_to_sign_in_with(customer, asked.get(HINT, ""))
    query = {"next": with_hint(target, provider) if provider else target}
    if not provider:
        query |= {"enterprise_customer": str(customer.pk), "proxy_login": "True"}
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode(query)}")


def with_hint(address: str, provider: str) -> str:
    """The address with `tpa_hint=<provider>` in its query, in place of any other hint."""
    parts = urlsplit(address)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != HINT]
    return parts._replace(query=urlencode([*kept, (HINT, provider)])).geturl()
