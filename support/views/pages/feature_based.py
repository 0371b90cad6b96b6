"""The page of feature-based enrollment (contract: support, /support/feature_based_enrollments/)."""

from __future__ import annotations

from typing import Any

from support.queries.feature_based_enrollments import feature_based_enrollment
from support.views.pages.frame import FEATURE_BASED, ReadOnlyPage, given_run


class FeatureBasedPage(ReadOnlyPage):
    """Whether content gating and duration limits are on for a run, since when, and which level says so."""

    entry = FEATURE_BASED
    template_name = "support/feature_based_enrollments.html"

    def content(self, **kwargs: Any) -> dict[str, Any]:
        asked = given_run(self.request, "course_key")
        return {"asked": asked, "found": feature_based_enrollment(asked) if asked else None}
