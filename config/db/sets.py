"""Writes and look-ups in sets: the only place of the project with SQL text.

A set-based write takes its rows from another table: `INSERT INTO target SELECT ... FROM source`, the SELECT composed by
the ORM. It costs one statement whatever the number of rows, on SQLite and PostgreSQL alike, and no row passes through
Python. Sets of ids travel as one parameter (`id__in_set=[...]`), so that no limit on parameters is met.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db import connections, models, router
from django.db.models import BooleanField, CharField, Field, ForeignObject, Func, Lookup, QuerySet, Value
from django.db.models.lookups import In
from django.utils import timezone

Row = tuple[Any, ...]
Thing = TypeVar("Thing")


class Overtaken(Exception):
    """Another writer inserted the same rows in between: what was decided no longer fits. Roll back and try again."""


def in_chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """The things in lists of this length, the last one perhaps shorter; they are read once, as they are needed."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


@ForeignObject.register_lookup
@Field.register_lookup
class InSet(Lookup):
    """`field__in_set=values`: like `in`, with the whole set as one parameter whatever its size; takes no queryset.

    Of expressions it takes `GivenSet` (config.db.reads).
    """

    lookup_name = "in_set"

    def get_prep_lookup(self) -> Any:
        return self.rhs if hasattr(self.rhs, "as_sql") else list(self.rhs)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, parameters = self.process_lhs(compiler, connection)
        values = self.rhs if hasattr(self.rhs, "as_sql") else as_parameter(self.rhs, connection)
        if connection.vendor == "postgresql":
            return f"{left} = ANY(%s::{_type(self.lhs.output_field, connection)}[])", [*parameters, values]
        return f"{left} IN (SELECT value FROM json_each(%s))", [*parameters, values]  # noqa: S608


@Field.register_lookup
class InFew(In):
    """`field__in_few=queryset`: like `in` a queryset that the database is to read first, as it gives few values.

    Without a hint the planner may take them for many, and look through all rows instead of finding these.
    """

    lookup_name = "in_few"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, parameters = self.process_lhs(compiler, connection)
        right, values = self.process_rhs(compiler, connection)
        return f"{left} = ANY(ARRAY{right})", [*parameters, *values]


@Field.register_lookup
class Like(Lookup):
    """`field__like=expression`: a pattern with `%` and `_`, which `\\` escapes (see `like_text`)."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, parameters = self.process_lhs(compiler, connection)
        right, values = self.process_rhs(compiler, connection)
        return f"{left} LIKE {right} ESCAPE '\\'", [*parameters, *values]


def like_text(text: str) -> str:
    """A text as a pattern that matches it alone."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def as_parameter(values: Iterable[Any], connection: Any) -> str:
    """A set of texts, numbers or UUIDs as one parameter: an array's text on PostgreSQL, JSON on SQLite.

    The driver's own way from list to array costs more than the look-up it is for.
    """
    if connection.vendor != "postgresql":
        return _json(values)
    values = list(values)
    if values and all(type(value) is str for value in values):
        text = '","'.join(values)
        if "\\" not in text and text.count('"') == 2 * (len(values) - 1):  # nothing to escape
            return f'{{"{text}"}}'
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Any) -> str:
    """A value inside the text of an array."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "NULL" if value is None else str(value)


class InPairs(Func):
    """`filter(InPairs("user_id", "course_id", pairs))`: rows whose two columns are together among `pairs`.

    One index look-up per pair; two `in_set` side by side would look up every combination.
    """

    output_field = BooleanField()

    def __init__(self, first: str, second: str, pairs: Collection[tuple[Any, Any]]) -> None:
        super().__init__(first, second)
        self.pairs = pairs

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> tuple[str, Any]:
        compiled = [compiler.compile(column) for column in self.source_expressions]
        columns = [sql for sql, _ in compiled]
        parameters = [parameter for _, of_column in compiled for parameter in of_column]
        if connection.vendor == "postgresql":
            types = [_type(column.output_field, connection) for column in self.source_expressions]
            given = f"SELECT a, b FROM unnest(%s::{types[0]}[], %s::{types[1]}[]) AS given (a, b)"  # noqa: S608
            values = [as_parameter([pair[place] for pair in self.pairs], connection) for place in (0, 1)]
        else:
            given = "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(%s)"
            values = [_json(self.pairs)]
        return f"({', '.join(columns)}) IN ({given})", [*parameters, *values]


def insert_from(
    target: type[models.Model],
    source: QuerySet[Any],
    columns: Mapping[str, Any],
    *,
    returning: Sequence[str] = ("pk",),
    expect: int | None = None,
) -> list[Row]:
    """Inserts one row into `target` per row of `source`; rows that would break a unique constraint are left out.

    Neither signals nor history: see `record_history`. SQLite wants `source` to have a filter.

    Args:
        source: what is read, in the order in which it is to be inserted.
        columns: field of the target (foreign keys as `customer_id`) -> expression over the source, or a plain value.
            Every field without a default in the database must be named, save an automatic primary key.
        returning: fields of the target to hand back.
        expect: how many rows must go in; None: any number.
    Returns:
        One tuple for each row that was inserted, with values as the database gives them (no model conversion).
    Raises:
        Overtaken: fewer went in than expected.
    """
    connection = connections[router.db_for_write(target)]
    fields = [_field(target, name) for name in columns]
    select = source.values_list(
        *(
            value if hasattr(value, "resolve_expression") else Value(value, output_field=_value_field(field))
            for field, value in zip(fields, columns.values(), strict=True)
        )
    )
    sql, parameters = select.query.get_compiler(connection=connection).as_sql()
    quote = connection.ops.quote_name
    into = ", ".join(quote(field.column) for field in fields)
    back = ", ".join(quote(_field(target, name).column) for name in returning)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(target._meta.db_table)} ({into}) {sql} ON CONFLICT DO NOTHING RETURNING {back}",
            parameters,
        )
        inserted = list(cursor.fetchall())
    if expect is not None and len(inserted) != expect:
        raise Overtaken(f"{len(inserted)} of {expect} rows inserted into {target._meta.db_table}")
    return inserted


def record_history(
    model: type[models.Model],
    ids: Collection[Any],
    change: str,
    *,
    user_id: int | None = None,
    reason: str | None = None,
    moment: datetime | None = None,
) -> None:
    """Writes one historical row for each of `ids` as the row stands now. Nothing happens for an empty collection.

    Args:
        change: `+` inserted, `~` updated, `-` about to be deleted.
        user_id: the account that made the change; None: nobody.
        reason: up to 100 characters.
        moment: when; now if left out.
    """
    if not ids:
        return
    history = model.history.model  # type: ignore[attr-defined]
    copied = {field.attname: models.F(field.attname) for field in history.tracked_fields}
    about = {
        "history_date": moment or timezone.now(),
        "history_type": change,
        "history_user_id": user_id,
        "history_change_reason": reason,
    }
    rows = model._base_manager.filter(pk__in_set=ids).order_by("pk")
    insert_from(history, rows, {**copied, **about}, returning=("history_id",))


def delete_recorded(model: type[models.Model], ids: Collection[Any], *, user_id: int | None = None) -> int:
    """Deletes rows by id with one history statement and no signals; nothing may refer to them. Returns how many."""
    if not ids:
        return 0
    record_history(model, ids, "-", user_id=user_id)
    rows: Any = model._base_manager.filter(pk__in_set=ids)
    number: int = rows._raw_delete(rows.db)
    return number


def update_from(
    model: type[models.Model], columns: Sequence[str], rows: Collection[Row], same: Mapping[str, Any] | None = None
) -> None:
    """Gives many rows values of their own in one statement. Nothing happens for an empty collection.

    Args:
        columns: the field that finds a row, then the fields to set (texts, numbers, UUIDs, booleans, None).
        rows: one tuple per row, in the order of `columns`.
        same: fields that all rows get the same value in.
    """
    if not rows:
        return
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    fields = [_field(model, name) for name in columns]
    names = [quote(field.column) for field in fields]
    table = quote(model._meta.db_table)
    given, given_values = _given(fields, rows, connection)
    parameters: list[Any] = []
    assign = [f"{name} = given.{name}" for name in names[1:]]
    for name, value in (same or {}).items():
        field = _field(model, name)
        assign.append(f"{quote(field.column)} = %s")
        parameters.append(field.get_db_prep_save(value, connection))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {', '.join(assign)} FROM {given} WHERE {table}.{names[0]} = given.{names[0]}",  # noqa: S608
            [*parameters, *given_values],
        )


def insert_given(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Collection[Row],
    same: Mapping[str, Any] | None = None,
    *,
    order_by: Sequence[str] = (),
    returning: Sequence[str] = ("pk",),
) -> list[Row]:
    """Inserts rows of Python values in one statement; those that would break a unique constraint are left out.

    Neither signals nor history. Nothing happens for an empty collection.

    Args:
        columns, rows, same: as `update_from` takes them; every field without a default in the database must be named.
        order_by: columns by which the database orders the rows first, texts by `lower()` as it sorts them itself: so
            that writers of the same rows, by whatever way, do not lock each other out. Else they go in as given.
        returning: fields to hand back.
    Returns:
        One tuple for each row that was inserted, with values as the database gives them (no model conversion).
    """
    if not rows:
        return []
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    fields = [_field(model, name) for name in columns]
    given, given_values = _given(fields, rows, connection)
    names = [quote(field.column) for field in fields]
    selected = [f"given.{name}" for name in names]
    parameters: list[Any] = []
    for name, value in (same or {}).items():
        field = _field(model, name)
        names.append(quote(field.column))
        selected.append("%s")
        parameters.append(field.get_db_prep_save(value, connection))
    order = ", ".join(_sorted_by(field, quote) for field in fields if field.name in order_by)
    back = ", ".join(quote(_field(model, name).column) for name in returning)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(names)}) SELECT {', '.join(selected)} FROM {given}"  # noqa: S608
            # SQLite wants a condition there.
            f" WHERE TRUE{order and f' ORDER BY {order}'} ON CONFLICT DO NOTHING RETURNING {back}",
            [*parameters, *given_values],
        )
        return list(cursor.fetchall())


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Inserts rows of Python values as fast as the database takes them (COPY on PostgreSQL); no signals, no history.

    Raises:
        IntegrityError: a row breaks a constraint; then none is inserted.
    """
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    fields = [_field(model, name) for name in columns]
    into = f"{quote(model._meta.db_table)} ({', '.join(quote(field.column) for field in fields)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join("%s" for _ in fields)
        cursor.executemany(
            f"INSERT INTO {into} VALUES ({marks})",  # noqa: S608
            [tuple(map(_plain, row)) for row in rows],
        )


def analyze(model: type[models.Model]) -> None:
    """Has PostgreSQL count the table anew, so that plans fit after many inserts; other databases need none of it."""
    connection = connections[router.db_for_write(model)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _sorted_by(field: Any, quote: Any) -> str:
    column = f"given.{quote(field.column)}"
    return f"lower({column})" if isinstance(field, CharField) else column


def _given(fields: Sequence[Any], rows: Collection[Row], connection: Any) -> tuple[str, list[Any]]:
    """Rows of Python values as a table `given` with the columns of fields: what stands in FROM, and its parameters."""
    names = [connection.ops.quote_name(field.column) for field in fields]
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{_type(field, connection)}[]" for field in fields)
        return f"unnest({arrays}) AS given ({', '.join(names)})", [list(each) for each in zip(*rows, strict=True)]
    parts = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
    return f"(SELECT {parts} FROM json_each(%s)) AS given", [_json(rows)]  # noqa: S608


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.pk if name == "pk" else model._meta.get_field(name)


def _value_field(field: Any) -> Any:
    """The field that says how a value is stored: of a foreign key, the key it points to."""
    while field.remote_field:
        field = field.target_field
    return field


def _type(field: Any, connection: Any) -> str:
    """The column type without its length: a cast to `varchar(5)` would cut the value."""
    return str(_value_field(field).rel_db_type(connection)).split("(")[0]


def _plain(value: Any) -> Any:
    """A value as SQLite stores it."""
    return value.hex if isinstance(value, UUID) else value


def _json(values: Iterable[Any]) -> str:
    return json.dumps([list(map(_plain, value)) if isinstance(value, tuple) else _plain(value) for value in values])
