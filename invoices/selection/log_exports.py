"""The post logs as CSV, a line in memory at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from c3portal.http.csv_response import Cell, as_csv
from invoices.models import Posting, PostLog, Submission

FETCHED_AT_ONCE = 2_000
# By column, the field of a line; the first of two that is not empty.
COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("At", ("created_at",)),
    ("Upload", ("upload",)),
    ("Organisation", ("upload__connection__name",)),
    ("By", ("user__email", "upload__created_by__email")),
    ("InvoiceNumber", ("invoice__number",)),
    ("CustomerName", ("invoice__customer__name",)),
    ("CurrencyCode", ("invoice__currency",)),
    ("Total", ("invoice__total",)),
    ("State", ("status",)),
    ("Words", ("message",)),
    ("IdempotencyKey", ("submission",)),
    ("CorrelationID", ("submission__correlation_id",)),
    ("RequestID", ("submission__trace_id", "upload__trace_id")),
    ("SentAt", ("submission__sent_at",)),
    ("AnsweredAt", ("submission__answered_at",)),
    ("HTTPStatus", ("submission__status_code",)),
    ("Outcome", ("submission__outcome",)),
)
_FIELDS = list(dict.fromkeys(field for _, fields in COLUMNS for field in fields))
_WORDS: dict[str, dict[Any, Any]] = {
    "status": dict(Posting.Status.choices),
    "submission__outcome": dict(Submission.Outcome.choices),
}


def log_csv(lines: QuerySet[PostLog]) -> Iterator[str]:
    """Yield a row for each line of the log: what became of an invoice then, and the call that it came from."""
    rows = lines.values(*_FIELDS).iterator(FETCHED_AT_ONCE)
    return as_csv([name for name, _ in COLUMNS], (list(_cells(row)) for row in rows))


def _cells(row: dict[str, Any]) -> Iterator[Cell]:
    for _, fields in COLUMNS:
        value = next((row[field] for field in fields if row[field] not in (None, "")), None)
        yield _plain(_WORDS.get(fields[0], {}).get(value, value))


def _plain(value: Any) -> Cell:
    if value is None or isinstance(value, int):
        return value
    return value.isoformat(timespec="milliseconds") if isinstance(value, dt.datetime) else str(value)
