"""Conditions that are long and always the same: their SQL is written once in a process, not anew for every query."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db.models import BooleanField, Exists, F, Func, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

_KEY = "<the key of the row outside>"
# What Django calls the tables of queries within queries. Within another query they might be its own.
_ALIAS = re.compile(r'"([A-Z]{1,2}\d+)"')


class WrittenOnce(Func):
    """Whether a row is one of those that `rows` returns, whose SQL never changes; to be used in `Q(...)`.

    It is asked of each row, never worked out for all of them first: it stands beside what narrows them down.
    """

    output_field = BooleanField()

    def __init__(self, rows: Callable[[], QuerySet[Any]]) -> None:
        super().__init__(F("pk"))
        self.rows = rows

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: Any, **_: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the condition, with the row's own key in it."""
        key, _none = compiler.compile(self.get_source_expressions()[0])
        sql, params = _written(self.rows, connection)
        return sql.replace(_KEY, key), params


_found: dict[tuple[Callable[[], QuerySet[Any]], str], tuple[str, tuple[Any, ...]]] = {}


def _written(rows: Callable[[], QuerySet[Any]], connection: Any) -> tuple[str, tuple[Any, ...]]:
    name = (rows, connection.vendor)
    if name not in _found:
        its = rows()
        key = Func(template=_KEY, output_field=its.model._meta.pk)
        query = its.model._default_manager.filter(Q(Exists(its.filter(pk=key)))).query
        compiler = query.get_compiler(connection=connection)
        compiler.setup_query()
        sql, params = compiler.compile(query.where)
        # Within CASE it stays a question about one row: a planner might join the table with itself instead.
        _found[name] = f"CASE WHEN {_ALIAS.sub(r'"once_\1"', sql)} THEN TRUE ELSE FALSE END", tuple(params)
    return _found[name]
