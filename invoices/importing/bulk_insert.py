"""Invoice lines as rows of their table, written by plain SQL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from django.db import connection

from invoices.importing.facts import Facts
from invoices.importing.parser import Line, description
from invoices.models import InvoiceLine, LaterLine

Row = tuple[str | int | uuid.UUID | None, ...]

_COLUMNS = [
    "position",
    "kind",
    "sku",
    "name",
    "charge_start",
    "charge_end",
    "quantity",
    "unit_price",
    "subtotal",
    "tax_name",
    "tax_percentage",
    "tax",
    "total",
    "source",
]


def _statement(model: type[InvoiceLine | LaterLine], owner: str) -> str:
    # Plain SQL: hundreds of thousands of rows in less than a quarter of the ORM's time, as measured.
    columns = ", ".join([owner, *_COLUMNS])
    places = ", ".join(["%s"] * (len(_COLUMNS) + 1))
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places})"  # noqa: S608 - names of our own


_INSERT = _statement(InvoiceLine, "invoice_id")
_INSERT_LATER = _statement(LaterLine, "version_id")


def insert(rows: Sequence[Row]) -> None:
    """Write lines of invoices."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


def insert_later(rows: Sequence[Row]) -> None:
    """Write lines of later versions."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_LATER, rows)


def row(line: Line, facts: Facts, owner: uuid.UUID) -> Row:
    """Return the line of `owner` as plain text and numbers that both databases take."""
    cells = line.cells
    return (
        owner if connection.features.has_native_uuid_field else owner.hex,
        facts.position,
        line.kind,
        cells["ProductSKUId"],
        description(line),
        line.charge_start.isoformat() if line.charge_start else None,
        line.charge_end.isoformat() if line.charge_end else None,
        format(line.quantity, "f"),
        format(line.unit_price, "f"),
        format(line.subtotal, "f"),
        cells["TaxName"],
        format(line.tax_percentage, "f"),
        format(line.tax, "f"),
        format(line.total, "f"),
        json.dumps({**line.extra, **{name: text for name, text in cells.items() if text}}),
    )
