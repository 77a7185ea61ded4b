"""Several lists in one question to the database: what a page needs of many small tables, all as of one moment."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models.query import FlatValuesListIterable, ModelIterable
from django.utils.dateparse import parse_date, parse_datetime

# How a database makes one value of a row, and of all rows, with what keeps numbers and texts as they are in JSON.
_AS_JSON = {
    "sqlite": "json_group_array(json_array({columns}))",
    "postgresql": "json_agg(json_build_array({columns}))",
}


class _Part(NamedTuple):
    sql: str
    params: tuple[Any, ...]
    readers: list[Callable[[Any], Any] | None]
    made: Callable[[list[Any]], Any]


def read(*queries: models.QuerySet[Any, Any]) -> list[list[Any]]:
    """Return the rows of each query as it alone would give them, in its order: objects without what `select_related`
    adds, or what `values_list` names. Amounts stay decimal on the way; SQLite itself keeps 15 digits. Bytes are not
    read so."""
    parts = [_part(each) for each in queries]
    asked = [each for each in parts if each is not None]
    answers = iter(_answers(asked))
    return [[] if each is None else _rows(each, next(answers)) for each in parts]


def _part(query: models.QuerySet[Any, Any]) -> _Part | None:
    """Return what is asked for a query, None for one that has no rows whatever is stored."""
    made = _made(query)
    rows = query if made else query.select_related(None).values_list(*_columns(query))
    compiler = cast("Any", rows.query).get_compiler(connection=connection)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    fields = [_field(expression.output_field) for expression, _, _ in compiler.select]
    return _Part(sql, tuple(params), [_reader(each) for each in fields], made or _of_model(query))


def _made(query: models.QuerySet[Any, Any]) -> Callable[[list[Any]], Any] | None:
    """Return what makes a row of its values, None for objects."""
    iterable = cast("Any", query)._iterable_class
    if iterable is ModelIterable:
        return None
    return (lambda values: values[0]) if iterable is FlatValuesListIterable else tuple


def _columns(query: models.QuerySet[Any, Any]) -> list[str]:
    names, is_left_out = cast("Any", query.query).deferred_loading
    fields = query.model._meta.concrete_fields
    return [each.attname for each in fields if each.primary_key or (each.name in names) != is_left_out]


def _of_model(query: models.QuerySet[Any, Any]) -> Callable[[list[Any]], Any]:
    names = _columns(query)
    return lambda values: query.model.from_db(query.db, names, values)


def _answers(parts: Sequence[_Part]) -> Sequence[Any]:
    """Return for each part its rows in JSON, or None, in one query."""
    if not parts:
        return ()
    named = {f"part{place}": [f"c{n}" for n in range(len(part.readers))] for place, part in enumerate(parts)}
    before = (
        f"{name}({', '.join(columns)}) AS ({part.sql})"
        for (name, columns), part in zip(named.items(), parts, strict=True)
    )
    as_json = _AS_JSON[connection.vendor]
    lists = (
        # As text, so that both databases answer alike.
        f"(SELECT CAST({as_json.format(columns=', '.join(columns))} AS text) FROM {name})"  # noqa: S608
        for name, columns in named.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {', '.join(before)} SELECT {', '.join(lists)}",
            [param for part in parts for param in part.params],
        )
        return cast("Sequence[Any]", cursor.fetchone())


def _rows(part: _Part, answer: str | None) -> list[Any]:
    # An amount is never a binary fraction on its way.
    rows: list[list[Any]] = json.loads(answer or "[]", parse_float=Decimal)
    for place, reader in enumerate(part.readers):
        if reader is not None:
            for row in rows:
                if row[place] is not None:
                    row[place] = reader(row[place])
    return [part.made(row) for row in rows]


def _field(field: Any) -> Any:
    while field.is_relation:
        field = field.target_field
    return field


def _reader(field: Any) -> Callable[[Any], Any] | None:
    """Return what makes a value of this field of what JSON has, None where they are the same."""
    if isinstance(field, models.JSONField):
        # SQLite keeps it as text.
        return json.loads if connection.vendor == "sqlite" else _plain
    if hasattr(field, "from_db_value"):
        return lambda value: field.from_db_value(value, None, connection)
    found = next((reader for kind, reader in _READERS.items() if isinstance(field, kind)), None)
    return None if found is None else lambda value: found(field, value)


def _plain(value: Any) -> Any:
    """Return what JSON itself has for this, of which the numbers were read as decimals."""
    return json.loads(json.dumps(value, default=float))


def _decimal(field: models.DecimalField[Any, Any], value: Decimal | int) -> Decimal:
    # What is worked out has no places of its own.
    places = cast("int | None", field.decimal_places)
    found = Decimal(value)
    return found if places is None else found.quantize(Decimal(1).scaleb(-places))


def _moment(_: object, value: str) -> dt.datetime:
    moment = cast("dt.datetime", parse_datetime(value))
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


_READERS: dict[type[Any], Callable[[Any, Any], Any]] = {
    models.DecimalField: _decimal,
    models.FloatField: lambda _, value: float(value),
    models.BooleanField: lambda _, value: bool(value),
    # Before days, since a moment is one.
    models.DateTimeField: _moment,
    models.DateField: lambda _, value: parse_date(value),
    models.UUIDField: lambda _, value: uuid.UUID(value),
}
