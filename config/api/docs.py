"""The pages that show the OpenAPI description, from local files and under a strict content security policy."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

# Both pages write style elements while they run; scripts stay files of our own.
STYLES = {"style-src": [SELF, UNSAFE_INLINE]}


@method_decorator(csp_update(STYLES), name="dispatch")
class SwaggerView(SpectacularSwaggerSplitView):
    """Swagger UI."""

    url_name = "api-schema"


@method_decorator(csp_update({**STYLES, "worker-src": [SELF, "blob:"]}), name="dispatch")
class RedocView(SpectacularRedocView):
    """Redoc: the search of its page runs in a worker made from a blob."""

    url_name = "api-schema"
    template_name = "api_docs/redoc.html"
