"""The OpenAPI description, and the pages that show it from local files under a strict content security policy."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

SCHEMA_LIVES_SECONDS = 300

# Both pages write style elements while they run; scripts stay files of our own.
STYLES = {"style-src": [SELF, UNSAFE_INLINE]}


# Open to everybody, and it costs as much as hundreds of ordinary requests to make.
@method_decorator(cache_page(SCHEMA_LIVES_SECONDS), name="dispatch")
class SchemaView(SpectacularAPIView):
    """The description itself, as YAML or JSON."""


@method_decorator(csp_update(STYLES), name="dispatch")
class SwaggerView(SpectacularSwaggerSplitView):
    """Swagger UI."""

    url_name = "api-schema"


@method_decorator(csp_update({**STYLES, "worker-src": [SELF, "blob:"]}), name="dispatch")
class RedocView(SpectacularRedocView):
    """Redoc: the search of its page runs in a worker made from a blob."""

    url_name = "api-schema"
    template_name = "api_docs/redoc.html"
