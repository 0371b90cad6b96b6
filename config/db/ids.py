"""The numbers that rows are known by."""

from __future__ import annotations

LARGEST_ID = 2**63 - 1


def row_id(value: object) -> int | None:
    """The id that a value spells in digits; None where it spells none that a row can have."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None
