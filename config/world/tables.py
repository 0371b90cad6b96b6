"""Tables: rows found by natural key, compared, and written only where they differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, connections, models, router, transaction

from config.db.sets import record_history
from config.world.errors import Refused, reason_of
from config.world.fields import Entry
from config.world.times import Relative

if TYPE_CHECKING:
    from config.world.load import Load

BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class Table:
    """How entries become rows of one model.

    Args:
        key: attributes that identify a row. Where several stored rows have the same key, the oldest counts.
        find_by: the attribute of the key by which the stored rows are fetched; the first one when left out.
        fold: attribute of the key -> function that makes equal what is to count as equal.
        complete: derives further columns of a row that is new or has changed; may raise ValidationError.
        save: the service that stores a row, where `row.save()` is not enough; may raise ValidationError.
        in_bulk: insert without `save()` and its signals, in a few statements; for tables of many rows.
        optional: attributes that may stay empty although the model's forms ask for them.
        newest: rows are versions: of those with the same key the newest counts, not the oldest.
    """

    model: type[models.Model]
    key: tuple[str, ...]
    find_by: str = ""
    fold: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    complete: Callable[[Any], None] | None = None
    save: Callable[[Any], object] | None = None
    in_bulk: bool = False
    optional: frozenset[str] = frozenset()
    newest: bool = False

    def store(self, load: Load, entries: Sequence[Entry], *, within: Collection[Any] | None = None) -> list[Any]:
        """Creates or updates the row of each entry, which then has it as `row`.

        Args:
            within: values of `find_by`; stored rows under these that no entry names are deleted. None: they stay.
        Returns:
            The rows that were deleted.
        Raises:
            WorldRefused: a value is refused, or two rows would be the same.
        """
        stored = self._stored(entries, within)
        new: list[Entry] = []
        changed: list[Entry] = []
        for entry in entries:
            row = stored.pop(self._identity(entry.values), None)
            try:
                if row is None:
                    self._make(entry)
                    new.append(entry)
                else:
                    entry.row = row
                    if self._change(entry):
                        changed.append(entry)
            except Refused as problem:
                load.note(problem)
        load.stop_if_refused()
        removed = list(stored.values()) if within is not None else []
        for row in removed:
            row.delete()
        self._insert(load, new)
        self._update(load, changed)
        return removed

    def store_lists(self, load: Load, lists: Sequence[tuple[Entry, Sequence[Entry]]], owner: str) -> None:
        """Stores the objects inside objects: each list replaces what its owner had.

        Args:
            lists: an entry that has its row, and the entries of its list.
            owner: the attribute that holds the owner's primary key; the table must be found by it.
        """
        for parent, children in lists:
            for child in children:
                child.values[owner] = parent.row.pk
        everything = [child for _, children in lists for child in children]
        removed = self.store(load, everything, within=[parent.row.pk for parent, _ in lists])
        shorter = {getattr(row, owner) for row in removed}
        for parent, children in lists:
            if parent.row.pk in shorter or any(child.created or child.changed for child in children):
                parent.changed = True

    def _stored(self, entries: Sequence[Entry], within: Collection[Any] | None) -> dict[Any, Any]:
        find_by = self.find_by or self.key[0]
        wanted = {entry.values.get(find_by) for entry in entries}.union(within or ())
        wanted.discard(None)
        stored: dict[Any, Any] = {}
        order = "-pk" if self.newest else "pk"
        for row in self.model._base_manager.filter(**{f"{find_by}__in_set": list(wanted)}).order_by(order):
            stored.setdefault(self._identity({name: getattr(row, name) for name in self.key}), row)
        return stored

    def _identity(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(self.fold[name](values.get(name)) if name in self.fold else values.get(name) for name in self.key)

    # --- New rows ---------------------------------------------------------------------------------------------------

    def _make(self, entry: Entry) -> None:
        values = {**entry.defaults, **entry.values}
        row = self.model(**{name: v.moment if isinstance(v, Relative) else v for name, v in values.items()})
        entry.row, entry.created = row, True
        self._complete(entry)
        for name in self._needed():
            if getattr(row, name) in (None, "") and name not in values and name not in self.optional:
                raise Refused(entry.place_of(name), f"A new {self.model._meta.verbose_name} needs this field.")

    def _needed(self) -> list[str]:
        return [
            column.attname
            for column in self.model._meta.concrete_fields
            if column.editable and not (column.null or column.blank or column.primary_key or column.has_default())
        ]

    def _complete(self, entry: Entry) -> None:
        if self.complete is None:
            return
        try:
            self.complete(entry.row)
        except ValidationError as error:
            raise _refusal(entry, error) from error

    def _save(self, entry: Entry) -> None:
        try:
            if self.save is not None:
                self.save(entry.row)
            else:
                entry.row.save(force_insert=entry.created)
        except ValidationError as error:
            raise _refusal(entry, error) from error

    def _insert(self, load: Load, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        numbered, others = self._numbered(entries)
        try:
            with transaction.atomic():
                self._write(numbered)
                if numbered:
                    self._pass_sequence(max(entry.row.pk for entry in numbered))
                self._write(others)
        except IntegrityError as error:
            self._explain(load, [*numbered, *others], error)
        self._stamp(entries)

    def _numbered(self, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
        """Entries with an id of their own that is free, and all others."""
        given = {entry.given["id"]: entry for entry in entries if isinstance(entry.given.get("id"), int)}
        if not given or not isinstance(self.model._meta.pk, models.AutoField):
            return [], list(entries)
        taken = set(self.model._base_manager.filter(pk__in_set=list(given)).values_list("pk", flat=True))
        numbered = [entry for number, entry in given.items() if number not in taken]
        for entry in numbered:
            entry.row.pk = entry.given["id"]
        chosen = set(map(id, numbered))
        return numbered, [entry for entry in entries if id(entry) not in chosen]

    def _write(self, entries: Sequence[Entry]) -> None:
        if not self.in_bulk:
            for entry in entries:
                self._save(entry)
            return
        rows = [entry.row for entry in entries]
        self.model._base_manager.bulk_create(rows, batch_size=BATCH)
        if hasattr(self.model, "history"):
            record_history(self.model, [row.pk for row in rows], "+")

    def _pass_sequence(self, highest: int) -> None:
        """New rows get numbers beyond the ones that were given. SQLite sees to that itself."""
        connection = connections[router.db_for_write(self.model)]
        if connection.vendor != "postgresql":
            return
        table = connection.ops.quote_name(self.model._meta.db_table)
        pk = self.model._meta.pk
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, pk.column if pk else "id"])
            (sequence,) = cursor.fetchone()
            cursor.execute("SELECT setval(%s, GREATEST(nextval(%s) - 1, %s))", [sequence, sequence, highest])

    def _stamp(self, entries: Sequence[Entry]) -> None:
        """Gives columns that Django fills by the clock the times of the file."""
        clocked = [
            column.attname
            for column in self.model._meta.concrete_fields
            if getattr(column, "auto_now", False) or getattr(column, "auto_now_add", False)
        ]
        for entry in entries if clocked else ():
            given = {name: entry.values[name] for name in clocked if name in entry.values}
            if given:
                times = {name: v.moment if isinstance(v, Relative) else v for name, v in given.items()}
                self.model._base_manager.filter(pk=entry.row.pk).update(**times)

    # --- Rows that exist --------------------------------------------------------------------------------------------

    def _change(self, entry: Entry) -> bool:
        """Sets what differs; whether anything does."""
        row = entry.row
        for name, value in entry.values.items():
            if name in self.key:
                continue
            old = getattr(row, name)
            if isinstance(value, Relative):
                if old is not None:
                    continue
                value = value.moment
            column = self.model._meta.get_field(name)
            if column.get_prep_value(old) != column.get_prep_value(value):  # type: ignore[union-attr]
                setattr(row, name, value)
                entry.changed = True
        if entry.changed:
            self._complete(entry)
        return entry.changed

    def _update(self, load: Load, entries: Sequence[Entry]) -> None:
        for entry in entries:
            entry.row.keep_modified = "modified" in entry.values
            try:
                with transaction.atomic():
                    self._save(entry)
            except IntegrityError as error:
                self._refuse_same(load, entry, error)
        load.stop_if_refused()
        self._stamp(entries)

    # --- Rows that would be the same --------------------------------------------------------------------------------

    def _explain(self, load: Load, entries: Sequence[Entry], error: IntegrityError) -> None:
        """Finds the entry that the database refused, by inserting one after the other; keeps nothing."""
        with transaction.atomic():
            for entry in entries:
                entry.row._state.adding = True
                if isinstance(self.model._meta.pk, models.AutoField) and entry.row.pk != entry.given.get("id"):
                    entry.row.pk = None
                try:
                    with transaction.atomic():
                        self.model._base_manager.bulk_create([entry.row])
                except IntegrityError as own:
                    self._refuse_same(load, entry, own)
                    load.stop_if_refused()
            raise error

    def _refuse_same(self, load: Load, entry: Entry, error: IntegrityError) -> None:
        row = entry.row
        try:
            row.validate_unique()
        except ValidationError as problem:
            for name in problem.message_dict:
                place = entry.place if name == NON_FIELD_ERRORS else entry.place_of(name)
                load.note(Refused(place, " ".join(problem.message_dict[name])))
            return
        for constraint in self.model._meta.constraints:
            if self._breaks(row, constraint):
                columns = [self.model._meta.get_field(name) for name in _columns_of(constraint)]
                # The value that was chosen says more than the row it belongs to.
                columns.sort(key=lambda column: bool(column.is_relation))
                place = entry.place_of(getattr(columns[0], "attname", "")) if columns else entry.place
                what = " and ".join(column.name for column in columns) or constraint.name
                load.note(Refused(place, f"Another {self.model._meta.verbose_name} has this {what} already."))
                return
        load.note(Refused(entry.place, f"The database refuses this: {error}"))

    def _breaks(self, row: Any, constraint: models.BaseConstraint) -> bool:
        names = getattr(constraint, "fields", ())
        if names and not getattr(constraint, "condition", None):
            # Django would look through the default manager, which hides rows of some models.
            values = {name: getattr(row, name) for name in names}
            same = self.model._base_manager.filter(**values).exclude(pk=row.pk)
            return None not in values.values() and same.exists()
        try:
            constraint.validate(self.model, row)
        except ValidationError:
            return True
        return False


def _refusal(entry: Entry, error: ValidationError) -> Refused:
    """The first reason of a model's validation, at the field it is about."""
    if not hasattr(error, "error_dict"):
        return Refused(entry.place, reason_of(error))
    name, reasons = next(iter(error.message_dict.items()))
    return Refused(entry.place if name == NON_FIELD_ERRORS else entry.place_of(name), " ".join(reasons))


def _columns_of(constraint: models.BaseConstraint) -> list[str]:
    names = list(getattr(constraint, "fields", ()))
    for expression in getattr(constraint, "expressions", ()):
        names += [part.deconstruct()[1][0] for part in expression.flatten() if isinstance(part, models.F)]
    return names


def replace_links(
    owners: Mapping[Any, Sequence[Any]], through: type[models.Model], owner: str, target: str
) -> set[Any]:
    """Gives each owner exactly these links of a many-to-many relation. Three statements at most.

    Args:
        owners: primary key of the owner -> primary keys of its targets.
        through: the model of the links.
        owner, target: its attributes that hold the two primary keys.
    Returns:
        The owners whose links have changed.
    """
    if not owners:
        return set()
    rows = through._base_manager.filter(**{f"{owner}__in_set": list(owners)})
    stored = {(of, to): pk for pk, of, to in rows.values_list("pk", owner, target)}
    wanted = {(of, to) for of, targets in owners.items() for to in targets}
    gone = stored.keys() - wanted
    missing = [pair for of, targets in owners.items() for to in targets if (pair := (of, to)) not in stored]
    if gone:
        through._base_manager.filter(pk__in_set=[stored[pair] for pair in gone]).delete()
    if missing:
        through._base_manager.bulk_create([through(**{owner: of, target: to}) for of, to in missing], batch_size=BATCH)
    return {of for of, _ in gone} | {of for of, _ in missing}
