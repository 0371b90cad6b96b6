"""The form field of content filters in the console: JSON that is shown neatly and refused when it is hostile."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from enterprise.content.language import MOST_CHARACTERS

MOST_NESTED = 20  # no filter that makes sense has more than three levels
TOO_LONG = f"Content filter must not be longer than {MOST_CHARACTERS} characters."
TOO_DEEP = f"Content filter must not be nested more than {MOST_NESTED} levels deep."


class ContentFilterField(forms.JSONField):
    """A content filter. Whatever is typed in, the form comes back with a sentence about it."""

    def to_python(self, value: Any) -> Any:
        if problem := _problem(value):
            raise ValidationError(problem, code="invalid")
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        if _problem(data):
            return InvalidJSONInput(data[:MOST_CHARACTERS])
        return super().bound_data(data, initial)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


def _problem(text: Any) -> str | None:
    """What keeps a text from being parsed at all; brackets inside of texts count too, nobody has that many."""
    if not isinstance(text, str):
        return None
    if len(text) > 2 * MOST_CHARACTERS:  # blanks and line breaks do not count in the end
        return TOO_LONG
    depth = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if depth > MOST_NESTED:
            return TOO_DEEP
    return None
