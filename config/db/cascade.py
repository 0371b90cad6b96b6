"""Deleting rows with all that hangs on them, in sets.

Django's own cascade sends a signal for every row, and with history tables each of them becomes an insert. Here a table
costs three statements at most, however many of its rows go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from django.db import models, transaction
from django.db.models import ProtectedError

from config.db.sets import record_history

Model = type[models.Model]


@transaction.atomic
def delete_with_dependants(model: Model, ids: Collection[Any], *, user_id: int | None = None) -> None:
    """Deletes rows as `QuerySet.delete()` would, relations with `SET_NULL` and history included; no signal is sent.

    Args:
        ids: primary keys.
        user_id: the account that deletes, for the history; None: nobody.
    Raises:
        ProtectedError: a row that may not lose its parent refers to one of them; nothing is deleted.
    """
    found = _with_dependants(model, set(ids))
    for each in _children_first(model):
        going = found[each]
        if not going:
            continue
        for child, field in _relations(each):
            rows = child._base_manager.filter(**{f"{field.attname}__in_set": going})
            if field.remote_field.on_delete is models.SET_NULL:
                rows.update(**{field.name: None})
            elif field.remote_field.on_delete is models.CASCADE and _is_leaf(child):
                _delete(rows)
        if hasattr(each, "history"):
            record_history(each, going, "-", user_id=user_id)
        _delete(each._base_manager.filter(pk__in_set=going))


def count_dependants(model: Model, ids: Collection[Any]) -> dict[Model, int]:
    """How many rows of each model `delete_with_dependants` would delete."""
    found = _with_dependants(model, set(ids))
    counts: defaultdict[Model, int] = defaultdict(int, {each: len(going) for each, going in found.items()})
    for parent, going in found.items():
        for child, field in _relations(parent):
            if field.remote_field.on_delete is models.CASCADE and _is_leaf(child):
                counts[child] += child._base_manager.filter(**{f"{field.attname}__in_set": going}).count()
    return {each: number for each, number in counts.items() if number}


def _with_dependants(model: Model, ids: set[Any]) -> dict[Model, set[Any]]:
    """The ids that go, by model; those of leaves are not asked for."""
    found: defaultdict[Model, set[Any]] = defaultdict(set)
    new = [(model, ids)]
    while new:
        parent, going = new.pop()
        going = going - found[parent]
        found[parent] |= going
        if not going:
            continue
        for child, field in _relations(parent):
            rows = child._base_manager.filter(**{f"{field.attname}__in_set": going}).order_by()
            if field.remote_field.on_delete is models.PROTECT and rows.exists():
                raise ProtectedError(f"{child._meta.verbose_name} rows refer to it", set(rows[:10]))
            if field.remote_field.on_delete is models.CASCADE and not _is_leaf(child):
                new.append((child, set(rows.values_list("pk", flat=True))))
    return found


def _children_first(model: Model, seen: set[Model] | None = None) -> Iterator[Model]:
    seen = set() if seen is None else seen
    seen.add(model)
    for child, field in _relations(model):
        if field.remote_field.on_delete is models.CASCADE and child not in seen and not _is_leaf(child):
            yield from _children_first(child, seen)
    yield model


def _relations(model: Model) -> list[tuple[Model, Any]]:
    """The models that refer to this one, with the field by which they do; those of many-to-many tables too."""
    fields: list[Any] = list(model._meta.get_fields(include_hidden=True))
    return [
        (relation.related_model, relation.field)
        for relation in fields
        if relation.auto_created and not relation.concrete and (relation.one_to_one or relation.one_to_many)
    ]


def _is_leaf(model: Model) -> bool:
    """Whether its rows can go by the key of their parent alone: no history, and nothing that refers to them."""
    return not hasattr(model, "history") and not _relations(model)


def _delete(rows: Any) -> None:
    rows._raw_delete(rows.db)
