"""How the values of a world file are read: plain columns, references, and objects inside objects."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from config.db import sets  # noqa: F401  (registers the look-up `in_set`)
from config.world.errors import Place, Refused, reason_of
from config.world.order import FIELDS_OF_OTHERS
from config.world.times import Relative, read_date, read_time

if TYPE_CHECKING:
    from config.world.load import Load


@dataclass(slots=True, eq=False)
class Entry:
    """An object of the file on its way into a table.

    Args:
        shape: what it was read by.
        given: world field -> value as read, references already as primary keys; fields left out are not in it.
        values: model attribute -> value, for the fields that name an attribute. A section adds what it derives.
        defaults: model attribute -> value for a new row, where `values` has none.
        row: the stored row, once a table has stored it; `created` and `changed` say what became of it.
    """

    place: Place
    shape: Shape
    given: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    row: Any = None
    created: bool = False
    changed: bool = False

    def place_of(self, attribute: str) -> Place:
        """The place of the field that fills a model attribute, else that of the object."""
        name = self.shape.name_of(attribute)
        return self.place.field(name) if name else self.place


class Reader(ABC):
    """How the value of one field is read.

    `attribute` is the model attribute that takes it; None: the section's load function looks after it.
    """

    attribute: str | None = None

    @abstractmethod
    def read(self, load: Load, place: Place, value: Any) -> Any:
        """The value to store.

        Raises:
            Refused: the value is not one of this field.
        """


_KINDS: tuple[tuple[type[models.Field], tuple[type, ...], str], ...] = (
    (models.JSONField, (object,), ""),
    (models.BooleanField, (bool,), "true or false"),
    (models.DecimalField, (int, float, str), "a number"),
    (models.FloatField, (int, float), "a number"),
    (models.IntegerField, (int,), "a whole number"),
    (models.Field, (str,), "a text"),
)


class Column(Reader):
    """A plain column, read as the model's own field validates it.

    Args:
        model_field: of a model, or one made on the spot for a value that is no column.
        attribute: None where the section's load function looks after the value.
        renamed: stored value for each value of the file, where the two differ.
    """

    def __init__(
        self, model_field: models.Field, attribute: str | None = None, *, renamed: Mapping[str, Any] | None = None
    ) -> None:
        self.model_field = model_field
        self.attribute = attribute
        self.renamed = renamed
        self.kinds, self.called = next(
            (kinds, called) for kind, kinds, called in _KINDS if isinstance(model_field, kind)
        )

    def read(self, load: Load, place: Place, value: Any) -> Any:
        if value is None:
            if self.model_field.null:
                return None
            raise Refused(place, "This field may not be null.")
        if self.renamed is not None:
            if not isinstance(value, str) or value not in self.renamed:
                raise Refused(place, f"{value!r} is none of {', '.join(self.renamed)}.")
            return self.renamed[value]
        if isinstance(self.model_field, models.DateField):
            return self._time(place, value, load.now)
        # True is an int for Python, and no number for an author.
        if not isinstance(value, self.kinds) or (isinstance(value, bool) and int in self.kinds):
            raise Refused(place, f"{_shown(value)} is not {self.called}.")
        try:
            return self.model_field.clean(str(value) if isinstance(value, float) and str in self.kinds else value, None)
        except ValidationError as error:
            raise Refused(place, reason_of(error)) from error

    def _time(self, place: Place, value: Any, now: datetime) -> Any:
        if not isinstance(value, str):
            raise Refused(place, f"{_shown(value)} is not a time.")
        try:
            if isinstance(self.model_field, models.DateTimeField):
                return read_time(value, now)
            return read_date(value, now)
        except ValueError as error:
            raise Refused(place, f"{value!r} is not a time: {error}.") from error


@dataclass(frozen=True, eq=False)
class Lookup:
    """Finds stored rows of a model by their natural key.

    Args:
        what: how messages call such a row, such as `account`.
        column: the column of the natural key.
        gives: the column whose value is stored for the reference.
    """

    what: str
    model: type[models.Model]
    column: str = "pk"
    gives: str = "pk"

    def read(self, place: Place, value: Any) -> Hashable:
        """The natural key that a value spells.

        Raises:
            Refused: the value cannot be one.
        """
        model_field = self.model._meta.pk if self.column == "pk" else self.model._meta.get_field(self.column)
        try:
            if not isinstance(value, str):
                raise ValidationError(f"{_shown(value)} is not a text.")
            return model_field.to_python(value)  # type: ignore[union-attr]
        except ValidationError as error:
            raise Refused(place, f"This names no {self.what}: {reason_of(error)}") from error

    def fetch(self, keys: Collection[Any]) -> dict[Any, Any]:
        """Natural key -> what is stored for it, of the rows that exist; one statement."""
        # Of rows with the same key, where that may be, the oldest counts.
        rows = self.model._base_manager.filter(**{f"{self.column}__in_set": list(keys)}).order_by("-pk")
        return dict(rows.values_list(self.column, self.gives))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reference that is read and not yet found."""

    lookup: Lookup
    key: Hashable
    place: Place = field(compare=False)


class Reference(Reader):
    """The natural key of another row; becomes that row's primary key, or what else the look-up gives.

    Args:
        null: whether the field may be null.
    """

    def __init__(self, lookup: Lookup, attribute: str | None = None, *, null: bool = False) -> None:
        self.lookup = lookup
        self.attribute = attribute
        self.null = null

    def read(self, load: Load, place: Place, value: Any) -> Any:
        if value is None:
            if self.null:
                return None
            raise Refused(place, "This field may not be null.")
        return load.want(Wanted(self.lookup, self.lookup.read(place, value), place))


class References(Reader):
    """A list of natural keys; becomes a list of primary keys, in the same order and each once."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def read(self, load: Load, place: Place, value: Any) -> list[Wanted]:
        found: dict[Hashable, Wanted] = {}
        for index, item in enumerate(_list(place, value)):
            at = place.item(index)
            wanted = load.want(Wanted(self.lookup, self.lookup.read(at, item), at))
            found.setdefault(wanted.key, wanted)
        return list(found.values())


class Texts(Reader):
    """A list of texts.

    Args:
        split: whether one text with blanks may stand for the list.
        unique: whether a text may stand there once only.
    """

    def __init__(self, attribute: str | None = None, *, split: bool = False, unique: bool = False) -> None:
        self.attribute = attribute
        self.split = split
        self.unique = unique

    def read(self, load: Load, place: Place, value: Any) -> list[str]:
        if self.split and isinstance(value, str):
            return value.split()
        texts = _list(place, value)
        for index, item in enumerate(texts):
            if not isinstance(item, str) or not item or len(item) > 255:
                raise Refused(place.item(index), f"{_shown(item)} is not a text of 1 to 255 characters.")
        if self.unique and len(set(texts)) != len(texts):
            raise Refused(place, f"{next(item for item in texts if texts.count(item) > 1)!r} is in the list twice.")
        return texts


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The fields of an object and what tells it from others.

    Args:
        key: fields of the natural key; each must be given, unless `key_defaults` has a value for it.
        optional_key: further fields that tell objects apart where they are given.
        ignoring_case: fields of the key that are compared ignoring case.
    """

    fields: Mapping[str, Reader]
    key: tuple[str, ...] = ()
    optional_key: tuple[str, ...] = ()
    key_defaults: Mapping[str, Any] = field(default_factory=dict)
    ignoring_case: frozenset[str] = frozenset()

    def name_of(self, attribute: str) -> str | None:
        """The field that fills a model attribute, or is called like it."""
        named = next((name for name, reader in self.fields.items() if reader.attribute == attribute), None)
        return named or (attribute if attribute in self.fields else None)

    def read(self, load: Load, place: Place, value: Any) -> Entry:
        """The entry of an object; what is wrong with its fields is noted with `load.note`.

        Raises:
            Refused: the value is no object, or has no natural key.
        """
        if not isinstance(value, dict):
            raise Refused(place, "This is not an object.")
        entry = Entry(place, self)
        complete = {**self.key_defaults, **value} if self.key_defaults else value
        for name, item in complete.items():
            reader = self.fields.get(name)
            if reader is None:
                load.note(Refused(place.field(name), self._unknown(place, name)))
                continue
            try:
                read = reader.read(load, place.field(name), item)
                if isinstance(read, Relative) and (name in self.key or name in self.optional_key):
                    raise Refused(place.field(name), "A natural key may not hold a relative time.")
            except Refused as problem:
                load.note(problem)
                continue
            entry.given[name] = read
            if reader.attribute:
                entry.values[reader.attribute] = read
        for name in self.key:
            if name not in complete:
                raise Refused(place.field(name), "This field is needed: it tells the object from others.")
        return entry

    def identity(self, entry: Entry) -> Hashable:
        """The natural key as one value, to compare entries by; an entry whose key was refused is like no other."""
        if any(name not in entry.given for name in self.key):
            return id(entry)
        return tuple(
            value.casefold() if name in self.ignoring_case and isinstance(value, str) else value
            for name in (*self.key, *self.optional_key)
            for value in [entry.given.get(name)]
        )

    def _unknown(self, place: Place, name: str) -> str:
        other = FIELDS_OF_OTHERS.get(place.section, {}).get(name)
        if other and not place.path:
            return f"This field becomes rows of {other}, a section that no installed app loads yet."
        close = difflib.get_close_matches(name, self.fields, n=1)
        return f"There is no such field{f'; {close[0]!r} comes close' if close else ''}."


class Values(Reader):
    """A list of anything, stored as it is."""

    def __init__(self, attribute: str | None = None) -> None:
        self.attribute = attribute

    def read(self, load: Load, place: Place, value: Any) -> list[Any]:
        return _list(place, value)


class Object(Reader):
    """An object inside the object; becomes an entry, or None where null is allowed."""

    def __init__(self, shape: Shape, *, null: bool = False) -> None:
        self.shape = shape
        self.null = null

    def read(self, load: Load, place: Place, value: Any) -> Entry | None:
        return None if value is None and self.null else self.shape.read(load, place, value)


class Objects(Reader):
    """A list of objects inside the object; becomes a list of entries, no two with the same natural key."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def read(self, load: Load, place: Place, value: Any) -> list[Entry]:
        entries = [self.shape.read(load, place.item(index), item) for index, item in enumerate(_list(place, value))]
        if self.shape.key or self.shape.optional_key:
            seen: dict[Hashable, Entry] = {}
            for entry in entries:
                other = seen.setdefault(self.shape.identity(entry), entry)
                if other is not entry:
                    raise Refused(entry.place, f"This has the same natural key as {other.place.path}.")
        return entries


def columns(model: type[models.Model], *names: str, **renamed: str) -> dict[str, Reader]:
    """Readers of plain columns, by the names they have in the file.

    Args:
        names: columns with the same name in file and model.
        renamed: name in the file -> name in the model.
    """
    pairs = [*((name, name) for name in names), *renamed.items()]
    return {name: Column(model._meta.get_field(attribute), attribute) for name, attribute in pairs}  # type: ignore[arg-type]


def unattached(readers: Mapping[str, Reader]) -> dict[str, Reader]:
    """The same columns, left to the section's load function: they belong to a table beside the section's own."""
    return {name: Column(reader.model_field) for name, reader in readers.items() if isinstance(reader, Column)}


# The id of a row, where the file gives it one: honoured when free, and never changed on a row that exists.
ROW_ID = Column(models.PositiveBigIntegerField(validators=[MinValueValidator(1), MaxValueValidator(2**53)]))


def settle(value: Any, found: Mapping[Lookup, Mapping[Any, Any]]) -> Any:
    """A value with its references, however deep, as the primary keys that were found for them."""
    if isinstance(value, Wanted):
        return found[value.lookup][value.key]
    if isinstance(value, list) and value and isinstance(value[0], Wanted | Entry):
        return [settle(item, found) for item in value]
    if isinstance(value, Entry):
        for name, item in value.given.items():
            if isinstance(item, Wanted | list | Entry):
                value.given[name] = settle(item, found)
                attribute = value.shape.fields[name].attribute
                if attribute:
                    value.values[attribute] = value.given[name]
    return value


def relocate(entry: Entry, earlier: Entry) -> Entry:
    """The entry of a later file laid over that of an earlier one with the same natural key."""
    return replace(entry, given={**earlier.given, **entry.given}, values={**earlier.values, **entry.values})


def _list(place: Place, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(place, f"{_shown(value)} is not a list.")
    return value


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, UUID) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
