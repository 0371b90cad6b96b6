"""Reads that a list makes again and again: statements compiled once, and moments written by the database.

Building and compiling a small ORM query costs more processor time than running it, and turning a stored moment into a
`datetime` only to write it out again more than fetching the rest of its row. Heavy lists spare themselves both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from functools import cached_property
from typing import Any, Protocol

import orjson
from django.db import connections
from django.db.models import Expression, Field, Func, IntegerField, JSONField, Model, QuerySet, TextField
from django.db.models.expressions import Col

from config.db.sets import as_parameter

Row = tuple[Any, ...]
Converters = dict[int, tuple[list[Callable[..., Any]], Any]]  # by place of the column: functions, and its expression
Compiled = tuple[str, list[Any], Converters]  # text, parameters, and what becomes of values
_KEYS = "keys of the call"
_MANY_DIGITS = re.compile(r"\d{19}")


class WireTime(Func):
    """A moment as JSON answers write it (`config.api.fields.wire_time`), made by the database; NULL stays NULL."""

    arity = 1
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        form = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
        template = f"replace(to_char(%(expressions)s AT TIME ZONE 'UTC', {form}), '.000000Z', 'Z')"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Stored as `2031-01-10 08:30:00`, with six more digits when there are microseconds.
        return self.as_sql(compiler, connection, template="replace(%(expressions)s, ' ', 'T') || 'Z'", **context)


class Together(Func):
    """Two texts of a row, the first without blanks, as one: one subquery gives both, and `apart` parts them again."""

    arity = 2
    template, arg_joiner = "coalesce(%(expressions)s, '')", ", '') || ' ' || coalesce("
    output_field = TextField()


def apart(joined: str | None) -> tuple[str | None, str | None]:
    """The two texts of `Together`, None for those that were NULL; two of them when there was no row."""
    first, _, second = (joined or "").partition(" ")
    return first or None, second or None


class Rows(Protocol):
    """A list that slices and turns round: a queryset, or what does as it does."""

    def __getitem__(self, place: slice, /) -> Any: ...

    def reverse(self) -> Any: ...


class EitherEnd:
    """All rows of a list for a paginator: pages of the second half are read from the end, so none is far away.

    Args:
        rows: ordered, so that no two rows are equal.
        countable: `len(countable)` is the number of rows; it is asked for pages beyond the first thousand rows only.
    """

    NEAR = 1_000

    def __init__(self, rows: Rows, countable: Sized) -> None:
        self._rows: Any = rows
        self._countable = countable

    def __getitem__(self, place: slice) -> list[Any]:
        start, stop = place.start or 0, place.stop
        if start < self.NEAR:
            return list(self._rows[start:stop])
        total = len(self._countable)
        if start < total // 2:
            return list(self._rows[start:stop])
        return list(self._rows.reverse()[max(0, total - stop) : max(0, total - start)])[::-1]


class UuidText(Func):
    """A UUID as text, in lower case with hyphens, made by the database."""

    arity = 1
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)::text", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        column, parameters = compiler.compile(self.source_expressions[0])
        groups = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        text = " || '-' || ".join(f"substr({column}, {begin}, {length})" for begin, length in groups)
        return f"({text})", list(parameters) * len(groups)


class Given(Expression):
    """A value that a kept statement gets anew at each call: `start__lte=Given("today", DateField())`."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return "%s", [self]

    def prepared(self, value: Any, connection: Any) -> Any:
        """The value as the database takes it."""
        return self.output_field.get_db_prep_value(value, connection)


class GivenSet(Given):
    """A set that a kept statement gets anew at each call: `item__in_set=GivenSet("items")`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, TextField())

    def prepared(self, value: Any, connection: Any) -> Any:
        return as_parameter(value, connection)


class KeptStatement:
    """`rows = KeptStatement(build)`; `rows(today=...)` are the tuples of `build()`, compiled at the first call only.

    Args:
        build: gives a `values_list`; what differs from call to call stands in it as `Given`.
        planned_anew: whether the database plans each call for its values: where one text is in a row of ten and another
            in a row of ten thousand, no plan is good for both.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *, planned_anew: bool = False) -> None:
        self._build = build
        self._planned_anew = planned_anew
        self._compiled: dict[str, Compiled] = {}

    def __call__(self, *, using: str = "default", **values: Any) -> list[Row]:
        """The rows for these values; one statement."""
        return self._rows(connections[using], values)

    def _rows(
        self,
        connection: Any,
        values: dict[str, Any],
        keys: str | None = None,
        written: Callable[[str], str] = lambda sql: sql,
    ) -> list[Row]:
        sql, parameters, converters = self._compiled.get(connection.vendor) or self._compile(connection)
        given = [_now(each, values, keys, connection) for each in parameters]
        return _fetched(connection, written(sql), given, converters, prepare=not self._planned_anew)

    def _compile(self, connection: Any) -> Compiled:
        sql, parameters, converters = self._written(connection)
        if connection.vendor == "postgresql":
            sql, parameters = _numbered(sql, parameters, connection)
        self._compiled[connection.vendor] = compiled = sql, parameters, converters
        return compiled

    def _written(self, connection: Any) -> Compiled:
        compiler = self._query().get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        parameters = self._marked(list(parameters), connection)
        columns = compiler.get_converters(column for column, *_ in compiler.select)
        converters = {
            place: ([_read_json] if _holds_json(column) else of_column, column)
            for place, (of_column, column) in columns.items()
            if not isinstance(column.output_field, IntegerField)  # what expressions turn into int is one
        }
        return sql, parameters, converters

    def _query(self) -> Any:
        return self._build().query

    def _marked(self, parameters: list[Any], connection: Any) -> list[Any]:
        return parameters


class KeptInstances:
    """`accounts = KeptInstances(build)`; `accounts(username=...)` are instances of `build()`, compiled once for all.

    Args:
        build: gives a queryset without related rows; what differs from call to call stands in it as `Given`.
        related: fields of related instances, by the names of the relations; these instances have no others.
    """

    def __init__(
        self, build: Callable[[], QuerySet[Any, Any]], related: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._build, self._related = build, related or {}
        self._statement = KeptStatement(lambda: build().values_list(*self._columns, *self._related_columns))

    def __call__(self, *, using: str = "default", **values: Any) -> list[Any]:
        """The instances for these values; one statement."""
        return [self._instance(using, row) for row in self._statement(using=using, **values)]

    def _instance(self, using: str, row: Row) -> Model:
        place = len(self._columns)
        instance = self._model.from_db(using, self._columns, row[:place])
        for name, model, columns in self._others:
            values, place = row[place : place + len(columns)], place + len(columns)
            is_there = values[columns.index(model._meta.pk.attname)] is not None
            setattr(instance, name, model.from_db(using, columns, values) if is_there else None)
        return instance

    @cached_property
    def _model(self) -> type[Model]:
        return self._build().model

    @cached_property
    def _columns(self) -> list[str]:
        return [field.attname for field in self._model._meta.concrete_fields]

    @cached_property
    def _others(self) -> list[tuple[str, Any, list[str]]]:
        """The related instances: relation, model and columns, among them the key, in the order of the model."""
        others = []
        for name, wanted in self._related.items():
            model: Any = self._model._meta.get_field(name).related_model
            columns = [each.attname for each in model._meta.concrete_fields if each.primary_key or each.name in wanted]
            others.append((name, model, columns))
        return others

    @property
    def _related_columns(self) -> list[str]:
        return [f"{name}__{column}" for name, _, columns in self._others for column in columns]


class KeptPage(KeptStatement):
    """`rows = KeptPage(build)`; `rows(20, 30, customer=...)` are the tuples of `build()[20:30]`, compiled once for all.

    Args:
        build: gives an ordered `values_list`; what differs from call to call beside the page stands in it as `Given`.
        around: from the page of `build()` to what is read of its rows, ordered again: `build` gives their ids then, so
            that the rows before the page are skipped along an index.
    """

    _first, _number = 1_234_567_891, 1_987_654_321  # no other number of a statement looks like these

    def __init__(
        self,
        build: Callable[..., QuerySet[Any, Any]],
        around: Callable[[QuerySet[Any, Any]], QuerySet[Any, Any]] = lambda page: page,
        *,
        planned_anew: bool = False,
    ) -> None:
        super().__init__(build, planned_anew=planned_anew)
        self._around = around

    def __call__(self, start: int, stop: int, *, using: str = "default", **values: Any) -> list[Row]:  # type: ignore[override]
        """The rows from `start` to before `stop`; one statement."""
        # The number is part of the text: a plan for a page of unknown size would be one for many rows.
        return self._rows(
            connections[using],
            {**values, "offset": start},
            written=lambda sql: sql.replace(str(self._number), str(stop - start)),
        )

    def _query(self) -> Any:
        return self._around(self._build()[self._first : self._first + self._number]).query

    def _written(self, connection: Any) -> Compiled:
        sql, parameters, converters = super()._written(connection)
        head, found, tail = sql.partition(f"OFFSET {self._first}")
        if not found:
            raise TypeError(f"a kept page is a slice: {sql}")
        place = head.count("%s")
        parameters = [*parameters[:place], Given("offset", IntegerField()), *parameters[place:]]
        return f"{head}OFFSET %s{tail}", parameters, converters


class MergedPage(KeptStatement):
    """`rows = MergedPage(parts, order)`; `rows(20, 30, customer=...)`: the page of several lists merged into one.

    Each part is read in its own order, as an index has it, and no further than the page reaches.

    Args:
        parts: gives `values_list`s with the same columns, each ordered as `order` orders all of them.
        order: the columns that order, by their places from 1; a negative one turns round.
    """

    _reach = 1_234_567_891  # no other number of a statement looks like this

    def __init__(
        self, parts: Callable[[], Sequence[QuerySet[Any, Any]]], order: Sequence[int], *, planned_anew: bool = False
    ) -> None:
        super().__init__(parts, planned_anew=planned_anew)  # type: ignore[arg-type]
        self._order = ", ".join(f"{abs(place)} DESC" if place < 0 else f"{place}" for place in order)

    def __call__(self, start: int, stop: int, *, using: str = "default", **values: Any) -> list[Row]:  # type: ignore[override]
        """The rows from `start` to before `stop`; one statement."""
        reach = 16
        while reach < stop:  # few texts, so that few statements are prepared
            reach *= 4
        return self._rows(
            connections[using],
            {**values, "offset": start, "number": stop - start},
            written=lambda sql: sql.replace(str(self._reach), str(reach)),
        )

    def _written(self, connection: Any) -> Compiled:
        texts, parameters = [], []
        for number, part in enumerate(self._build()):
            sql, own = part[: self._reach].query.get_compiler(connection=connection).as_sql()
            texts.append(f"SELECT * FROM ({sql}) part{number}")  # noqa: S608
            parameters += own
        parameters += [Given("number", IntegerField()), Given("offset", IntegerField())]
        return f"{' UNION ALL '.join(texts)} ORDER BY {self._order} LIMIT %s OFFSET %s", parameters, {}


Pages = KeptPage | MergedPage


class KeptRows:
    """A list whose pages are kept statements; slices and turns round as a queryset does."""

    def __init__(self, forwards: Pages, backwards: Pages, using: str, values: dict[str, Any]) -> None:
        self._forwards, self._backwards, self._using, self._values = forwards, backwards, using, values

    def __getitem__(self, place: slice) -> list[Row]:
        return self._forwards(place.start or 0, place.stop, using=self._using, **self._values)

    def reverse(self) -> KeptRows:
        return KeptRows(self._backwards, self._forwards, self._using, self._values)


class KeptCount(KeptStatement):
    """`number = KeptCount(build)`; `number(customer=...)` is how many rows `build()` has, in any order."""

    def __call__(self, *, using: str = "default", **values: Any) -> int:  # type: ignore[override]
        """The number for these values; one statement."""
        ((number,),) = self._rows(connections[using], values)
        return int(number)

    def _query(self) -> Any:
        return self._build().order_by().query

    def _written(self, connection: Any) -> Compiled:
        sql, parameters, _ = super()._written(connection)
        return f"SELECT COUNT(*) FROM ({sql}) counted", parameters, {}  # noqa: S608


class KeptList:
    """What a paginator slices and counts, by kept statements."""

    def __init__(self, page: KeptPage, number: KeptCount, **values: Any) -> None:
        self._page, self._number, self._values = page, number, values

    def __getitem__(self, place: slice) -> list[Row]:
        return self._page(place.start or 0, place.stop, **self._values)

    def __len__(self) -> int:
        return self._number(**self._values)


class KeyedStatement(KeptStatement):
    """`rows = KeyedStatement(build)`; `rows(keys)` are the tuples of `build(keys)`, compiled at the first call only.

    Args:
        build: from a list of keys to a `values_list` that has this list as a parameter (`__in_set`), once or in each
            part of a union.
    """

    def __call__(self, keys: Collection[Any], *, using: str = "default", **values: Any) -> list[Row]:  # type: ignore[override]
        """The rows for a set of keys; one statement, none for an empty set."""
        if not keys:
            return []
        connection = connections[using]
        return self._rows(connection, values, as_parameter(keys, connection))

    def _query(self) -> Any:
        return self._build([_KEYS]).query

    def _marked(self, parameters: list[Any], connection: Any) -> list[Any]:
        """The parameters with a mark in place of the keys.

        Raises:
            TypeError: the keys are none of them.
        """
        keys = as_parameter([_KEYS], connection)
        if keys not in parameters:
            raise TypeError(f"a keyed statement has its keys as a parameter: {parameters}")
        return [_KEYS if parameter == keys else parameter for parameter in parameters]


def _fetched(
    connection: Any, sql: str, parameters: list[Any], converters: Converters, *, prepare: bool = True
) -> list[Row]:
    """The rows of a kept statement. On PostgreSQL it stays prepared."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            from config.db.prepared import PreparingCursor  # a service on SQLite does without the driver

            cursor.cursor = PreparingCursor(connection.connection)
            cursor.cursor.prepares = prepare
        cursor.execute(sql, parameters)
        rows: list[Row] = cursor.fetchall()
    return [_converted(row, converters, connection) for row in rows] if converters else rows


def _numbered(sql: str, parameters: list[Any], connection: Any) -> tuple[str, list[Any]]:
    """A statement for `PreparingCursor`: what is the same at every call is part of its text, so that plans know it."""
    connection.ensure_connection()
    remaining, given = iter(parameters), []

    def written(mark: re.Match[str]) -> str:
        if mark[0] == "%%":
            return "%"
        parameter = next(remaining)
        if isinstance(parameter, Given) or parameter is _KEYS:
            given.append(parameter)
            return f"${len(given)}"
        constant: str = connection.ops.compose_sql("%s", [parameter])
        return constant

    return re.sub("%%|%s", written, sql), given


def _now(parameter: Any, values: dict[str, Any], keys: str | None, connection: Any) -> Any:
    """A parameter of a kept statement as this call has it."""
    if parameter is _KEYS:
        return keys
    return parameter.prepared(values[parameter.name], connection) if isinstance(parameter, Given) else parameter


def _holds_json(column: Any) -> bool:
    return isinstance(column, Col) and isinstance(column.output_field, JSONField) and not column.output_field.decoder


def _read_json(value: str | None, *_: Any) -> Any:
    """As JSONField reads it. orjson does so in a fifth of the time, but makes floats of integers beyond 64 bits."""
    if value is None:
        return None
    if _MANY_DIGITS.search(value) is None:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            pass  # lone halves of surrogate pairs, NaN, deep nesting
    return json.loads(value)


def _converted(row: Row, converters: Converters, connection: Any) -> Row:
    """A row with the values that this database does not give as they are, such as booleans."""
    values = list(row)
    for place, (of_column, column) in converters.items():
        for convert in of_column:
            values[place] = convert(values[place], column, connection)
    return tuple(values)
