"""Reads that a list makes again and again: statements compiled once, and moments written by the database.

Building and compiling a small ORM query costs more processor time than running it, and turning a stored moment into a
`datetime` only to write it out again more than fetching the rest of its row. Heavy lists spare themselves both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db import connections
from django.db.models import Func, QuerySet, TextField

from config.db.sets import as_parameter

Row = tuple[Any, ...]
Converters = dict[int, list[Callable[..., Any]]]


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


class KeyedStatement:
    """`rows = KeyedStatement(build)`; `rows(keys)` are the tuples of `build(keys)`, compiled at the first call only.

    Args:
        build: from a list of keys to a `values_list` whose only parameter is that list (`__in_set`).
    """

    def __init__(self, build: Callable[[list[Any]], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._compiled: dict[str, tuple[str, Converters]] = {}

    def __call__(self, keys: Collection[Any], *, using: str = "default") -> list[Row]:
        """The rows for a set of keys; one statement, none for an empty set."""
        if not keys:
            return []
        connection = connections[using]
        sql, converters = self._compiled.get(connection.vendor) or self._compile(connection)
        with connection.cursor() as cursor:
            cursor.execute(sql, [as_parameter(keys, connection)])
            rows: list[Row] = cursor.fetchall()
        return [_converted(row, converters, connection) for row in rows] if converters else rows

    def _compile(self, connection: Any) -> tuple[str, Converters]:
        compiler = self._build([""]).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        if len(parameters) != 1:
            raise TypeError(f"a keyed statement has its keys as the only parameter: {sql}")
        columns = compiler.get_converters(column for column, *_ in compiler.select)
        converters = {place: of_column for place, (of_column, _) in columns.items()}
        self._compiled[connection.vendor] = sql, converters
        return sql, converters


def _converted(row: Row, converters: Converters, connection: Any) -> Row:
    """A row with the values that this database does not give as they are, such as booleans."""
    values = list(row)
    for place, of_column in converters.items():
        for convert in of_column:
            values[place] = convert(values[place], None, connection)
    return tuple(values)
