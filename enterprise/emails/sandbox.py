"""Templates that administrators write, rendered without reach: no files, no other templates, no addresses, no padding
to gigabytes, and no way around the escaping of HTML. Values are plain texts, dates and dictionaries.
"""

from __future__ import annotations

from typing import Any

from django.template import Context, Library, Template, defaultfilters, defaulttags
from django.template.engine import Engine

TAGS = ("comment", "firstof", "for", "if", "now", "spaceless", "templatetag", "with")
FILTERS = (
    "capfirst", "cut", "date", "default", "default_if_none", "escape", "first", "force_escape", "join", "last",
    "length", "linebreaks", "linebreaksbr", "lower", "pluralize", "slugify", "striptags", "time", "title",
    "truncatechars", "truncatewords", "upper", "urlencode", "yesno",
)  # fmt: skip

# The engine below takes its tags and filters from here.
register = Library()
register.tags = {name: defaulttags.register.tags[name] for name in TAGS}
register.filters = {name: defaultfilters.register.filters[name] for name in FILTERS}


class _Sandbox(Engine):
    default_builtins = [__name__]


_text_engine = _Sandbox(loaders=[], autoescape=False)
_html_engine = _Sandbox(loaders=[], autoescape=True)


class StoredTemplate:
    """The two texts of one stored template, ready to be rendered many times.

    Args:
        plaintext, html: the sources; either may be empty.
    Raises:
        TemplateSyntaxError: a source uses what is not offered here, or cannot be read.
    """

    def __init__(self, plaintext: str, html: str) -> None:
        self._plaintext = Template(plaintext, engine=_text_engine)
        self._html = Template(html, engine=_html_engine)

    def render(self, variables: dict[str, Any]) -> tuple[str, str]:
        """The plain text and the HTML; in the HTML every value is escaped."""
        plaintext = self._plaintext.render(Context(variables, autoescape=False))
        return plaintext, self._html.render(Context(variables, autoescape=True))
