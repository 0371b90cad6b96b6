"""Writes of the modes that runs offer (contract: enrollment-api, Course modes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from enrollments.models import CourseMode


def create(fields: Mapping[str, Any]) -> CourseMode:
    """A new mode of a run, which need not exist.

    Raises:
        ValidationError: a price below the floor, a deadline where none may be, or a mode that the run has already.
    """
    return _save(CourseMode(), fields)


def change(mode: CourseMode, fields: Mapping[str, Any]) -> CourseMode:
    """Gives a mode new values; what is not named stays.

    Raises:
        ValidationError: see `create`.
    """
    return _save(mode, fields)


def delete(mode: CourseMode) -> None:
    """Takes a mode away; enrollments in it stay."""
    mode.delete()


def _save(mode: CourseMode, fields: Mapping[str, Any]) -> CourseMode:
    for name, value in fields.items():
        setattr(mode, name, value)
    # As it will be stored: otherwise the check for another row of this currency would miss one.
    mode.currency = mode.currency.lower()
    mode.full_clean()
    with transaction.atomic():
        mode.save()
    return mode
