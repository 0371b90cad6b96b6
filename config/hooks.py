"""How a lower app asks what only a higher app or the deployment can answer, and how reactions are held back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def hook(setting: str) -> Callable[..., Any] | None:
    """The callable that a setting names, or None when the setting is empty.

    Args:
        setting: name of a setting holding one dotted path.
    Raises:
        ImportError: the path leads nowhere.
    """
    path = getattr(settings, setting, None)
    return import_string(path) if path else None


def hooks(setting: str) -> list[Callable[..., Any]]:
    """The callables that a setting (a list of dotted paths) names, in order."""
    return [import_string(path) for path in getattr(settings, setting, None) or []]


_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Rows are stored without the reactions to them: no claim, no enrollment of allowed e-mails, no mail, no task.

    Used by the world loader; the rules of a single row (validation, derived columns, history) hold as always.
    """
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_quiet() -> bool:
    """Whether the code runs inside `quiet()`: receivers that react to a change ask this first."""
    return _quiet.get()
