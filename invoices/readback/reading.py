"""Asking Xero what became of posted documents, with the fewest calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db.models import Min, QuerySet

from c3portal.database import clock
from invoices.models import DocumentEvent, DocumentType, Posting
from invoices.posting.responses import KINDS, Kind
from invoices.readback import documents, scope, store
from invoices.readback.documents import Shown
from invoices.readback.store import Kept
from xero_integration import connections
from xero_integration.client import document_lists
from xero_integration.client.gateway import Gateway
from xero_integration.models import XeroConnection

Source = DocumentEvent.Source

# Xero's clock and the database's may differ, and a change may take Xero a while to list.
OVERLAP = dt.timedelta(minutes=5)


def changes(connection: XeroConnection, since: dt.datetime, *, click: bool = False) -> Kept:
    """Read what changed after `since`: one call for each 1,000 invoices, and the same for credit notes, where any of
    that kind is open. Raises XeroUnavailable, XeroAuthError and XeroRejected."""
    kept = Kept()
    for kind in KINDS.values():
        if not scope.unsettled(connection).filter(document_type=kind.document_type).exists():
            continue
        asked_at, rows = _ask(connection, partial(_changed, kind=kind, since=since), click)
        kept += store.keep(connection, _shown(kind, rows), Source.POLL, asked_at)
    return kept


def _changed(gateway: Gateway, kind: Kind, since: dt.datetime) -> list[dict[str, Any]]:
    return document_lists.changed_since(gateway, kind.endpoint, since - OVERLAP)


def by_id(connection: XeroConnection, rows: QuerySet[Posting], source: Source, *, click: bool = False) -> Kept:
    """Read these alone, some 45 invoices or 25 credit notes a call. Raises as `changes`."""
    kept = Kept()
    for kind in KINDS.values():
        if ids := list(rows.filter(document_type=kind.document_type).values_list("xero_id", flat=True)):
            kept += _by_id(connection, kind, ids, source, click)
    return kept


def _by_id(connection: XeroConnection, kind: Kind, ids: Sequence[str], source: Source, click: bool) -> Kept:
    kept = Kept()
    # Call by call, so that what was read stays when Xero takes no further call now.
    for lot in document_lists.lots(kind.endpoint, ids):
        asked_at, rows = _ask(connection, partial(_named, kind=kind, ids=lot), click)
        shown = _shown(kind, rows)
        there = {each.xero_id.lower() for each in shown}
        missing = [each for each in lot if each.lower() not in there]
        kept += store.keep(connection, shown, source, asked_at)
        kept += store.keep_missing(connection, missing, source, asked_at)
    return kept


def _named(gateway: Gateway, kind: Kind, ids: Sequence[str]) -> list[dict[str, Any]]:
    return document_lists.with_ids(gateway, kind.endpoint, ids)


def in_full(connection: XeroConnection, rows: QuerySet[Posting], source: Source, *, click: bool = False) -> Kept:
    """Read all of these, changed or not: one call for each 1,000 documents since the day of the first, or by their ids
    where that is shorter. Raises as `changes`."""
    kept = Kept()
    for document_type in DocumentType:
        alike = rows.filter(document_type=document_type)
        if alike.exists():
            kept += _in_full(connection, KINDS[document_type], alike, source, click)
    return kept


def _in_full(connection: XeroConnection, kind: Kind, rows: QuerySet[Posting], source: Source, click: bool) -> Kept:
    ids = {each.lower(): each for each in rows.values_list("xero_id", flat=True)}
    by_ids = sum(1 for _ in document_lists.lots(kind.endpoint, ids))
    if by_ids == 1:
        return _by_id(connection, kind, list(ids.values()), source, click)
    first = rows.aggregate(day=Min("invoice__issued_on"))["day"]
    asked_at, listed = _ask(
        connection, lambda gateway: document_lists.dated_from(gateway, kind.endpoint, first, most=by_ids), click
    )
    if listed is None:
        return _by_id(connection, kind, list(ids.values()), source, click)
    is_short = kind.document_type == DocumentType.INVOICE
    shown = [each for each in _shown(kind, listed, is_short=is_short) if each.xero_id.lower() in ids]
    kept = store.keep(connection, shown, source, asked_at)
    # What was dated back is not in the list, and short rows have no payments.
    again = ids.keys() - {each.xero_id.lower() for each in shown}
    again |= {each.lower() for each in (*kept.changed, *store.without_parts(rows))} if is_short else set()
    if not again:
        return kept
    return kept + _by_id(connection, kind, [ids[each] for each in sorted(again)], source, click)


def _ask[T](connection: XeroConnection, question: Callable[[Gateway], T], click: bool) -> tuple[dt.datetime, T]:
    # The answer tells how it was then, or later.
    asked_at = clock.now()
    return asked_at, connections.call(connection, question, click=click)


def _shown(kind: Kind, rows: Iterable[Mapping[str, Any]], *, is_short: bool = False) -> list[Shown]:
    found = (documents.read(kind, row, is_short=is_short) for row in rows)
    return [each for each in found if each is not None]
