"""Why a world is refused, and where in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.core.exceptions import ValidationError


class Place(NamedTuple):
    """A place in a world file: section, index of the object, and the way to the field.

    Args:
        position: the index.
        path: such as `modes[0].min_price`; empty for the object itself.
        source: the file's name, shown where several are loaded; empty for a single one.
    """

    section: str
    position: int
    path: str = ""
    source: str = ""

    def field(self, name: str) -> Place:
        """The place of a field of the object that is here."""
        return Place(self.section, self.position, f"{self.path}.{name}" if self.path else name, self.source)

    def item(self, index: int) -> Place:
        """The place of an item of the list that is here."""
        return Place(self.section, self.position, f"{self.path}[{index}]", self.source)

    def __str__(self) -> str:
        where = f"{self.section}[{self.position}]" + (f".{self.path}" if self.path else "")
        return f"{self.source}: {where}" if self.source else where


class Refused(Exception):
    """One value is refused.

    Args:
        place: where it stands.
        reason: a sentence for the author of the file.
    """

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


class WorldRefused(Exception):
    """The world is refused and nothing is kept.

    Args:
        problems: one line each, naming section, index and field.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def reason_of(error: ValidationError) -> str:
    """The texts of a validation error in one line."""
    return " ".join(error.messages)
