"""The page to begin on (contract: support, GET /support/)."""

from __future__ import annotations

from typing import Any

from support.views.pages.frame import ENTRIES, INDEX, ReadOnlyPage


class IndexPage(ReadOnlyPage):
    """Every page with a line on what it is for."""

    entry = INDEX
    template_name = "support/index.html"

    def content(self, **kwargs: Any) -> dict[str, Any]:
        return {"entries": ENTRIES}
