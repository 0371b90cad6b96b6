"""World files as they are read: strict JSON, one object, lists of objects."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.world.errors import WorldRefused


@dataclass(frozen=True, slots=True)
class Source:
    """One world file.

    Args:
        name: how messages call it.
        folder: what paths inside the file start from.
        sections: section name -> its objects.
    """

    name: str
    folder: Path
    sections: dict[str, list[dict[str, Any]]]

    @classmethod
    def parse(cls, name: str, folder: Path, content: bytes) -> Source:
        """Reads a file's content.

        Raises:
            WorldRefused: it is no JSON, or not an object of lists of objects, or no database can store a text of it.
        """
        try:
            document = json.loads(
                content.decode("utf-8-sig"),
                object_pairs_hook=_object,
                parse_constant=_no_constant,
                parse_float=_finite,
            )
            problems = [f"{name}: {problem}" for problem in _problems(document)]
        except UnicodeDecodeError as error:
            raise WorldRefused([f"{name}: this is not UTF-8 ({error.reason} at byte {error.start})."]) from error
        except json.JSONDecodeError as error:
            raise WorldRefused([f"{name}: this is not JSON: {error}."]) from error
        except ValueError as error:
            raise WorldRefused([f"{name}: {error}."]) from error
        except RecursionError as error:
            raise WorldRefused([f"{name}: its lists and objects are nested too deeply."]) from error
        if problems:
            raise WorldRefused(problems)
        return cls(name, folder, document)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is too large")
    return number


def _problems(document: Any) -> list[str]:
    if not isinstance(document, dict):
        return ["a world is one JSON object."]
    problems = []
    for section, objects in document.items():
        if not isinstance(objects, list):
            problems.append(f"{section}: a section is a list of objects.")
            continue
        for index, item in enumerate(objects):
            if not isinstance(item, dict):
                problems.append(f"{section}[{index}]: this is not an object.")
            elif not _storable(item):
                problems.append(f"{section}[{index}]: a text holds a NUL character or half of a surrogate pair.")
    return problems


def _storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))
    if isinstance(value, dict):
        return all(_storable(key) and _storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_storable, value))
    return True
