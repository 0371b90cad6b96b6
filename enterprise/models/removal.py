"""Rows that are removed stay in the database, marked with `is_removed`."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

_Row = TypeVar("_Row", bound=models.Model)


class PresentManager(models.Manager[_Row]):
    """The rows that were not removed."""

    def get_queryset(self) -> models.QuerySet[_Row]:
        return super().get_queryset().filter(is_removed=False)
