"""History tables: who changed a row, when and how, with no more indexes than a history needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models
from django.db.backends.utils import names_digest
from simple_history.models import HistoricalRecords


class History(HistoricalRecords):
    """`history = History()` on a model keeps one historical row per insert, update and delete.

    The copied columns carry no index of their own: a history is read by row and time, and bulk work writes one for
    every row it touches. One index on (row id, history_date) serves both.
    """

    def copy_fields(self, model: type[models.Model]) -> dict[str, Any]:
        fields = super().copy_fields(model)
        for field in fields.values():
            field.db_index = False
        return fields

    def get_extra_fields(self, model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
        extra = super().get_extra_fields(model, fields)
        for name in ("history_date", "history_user"):
            if name in extra:
                extra[name].db_index = False
        return extra

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        options = super().get_meta_options(model)
        key = model._meta.pk.name
        name = f"history_{names_digest(model._meta.db_table, length=12)}_row"
        options["indexes"] = (models.Index(fields=[key, "history_date"], name=name),)
        return options


_on_behalf: ContextVar[tuple[int | None] | None] = ContextVar("on_behalf", default=None)


@contextmanager
def acting_for(account_id: int | None) -> Iterator[None]:
    """Set-based writers of history name this account, or nobody: for work that somebody asked for earlier."""
    token = _on_behalf.set((account_id,))
    try:
        yield
    finally:
        _on_behalf.reset(token)


def acting_account_id() -> int | None:
    """The account of the current request or job, for set-based writers of history; None where there is none."""
    if (on_behalf := _on_behalf.get()) is not None:
        return on_behalf[0]
    request = getattr(HistoricalRecords.context, "request", None)
    return getattr(getattr(request, "user", None), "pk", None)
