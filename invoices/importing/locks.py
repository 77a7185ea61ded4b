"""Who waits for whom where invoices are imported, taken back, decided about, ignored and queued, and where their
documents are to be changed: one order of locks.

1. `one_import_at_a_time`: imports that write, and what takes one back.
2. `nobody_decides`: the one row that whoever decides, ignores, queues, takes an import back, fills in fingerprints, or
   imports a change of what is stored holds to the end of the transaction. An import of new invoices alone takes none.
3. The invoices, by id, without what their foreign keys wait for: a worker that holds a posting writes its log.
4. The customers, by id, as invoices: imports, what takes one back, what C3 says of them, and the pages of contacts.
5. The organisation, which whoever asks for changes of its documents holds (`changes.asking.held`).
6. The postings, by id: whoever asks for changes, queues, or settles what became of a call.
   A worker that settles a call holds its changes before all of these; nobody else waits for those.

Everyone takes rows without what foreign keys wait for (`no_key`): else a log line, an event or a request that names a
row held by another would wait for it out of this order, at the end of its transaction.
Whoever takes a later one never takes an earlier one after it, and two that take invoices in different orders never do
so at one time, since both hold the row of 2. SQLite's transactions exclude each other from their start.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from django.db import connection
from django.db.models import QuerySet

from invoices.models import Customer, Invoice
from xero_integration.models import XeroSettings

# Any number that nothing else in this database locks.
_IMPORT_LOCK = 0x1C3
AT_ONCE = 500


def one_import_at_a_time() -> None:
    """Make other imports, and what takes one back, wait for the end of this transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_IMPORT_LOCK])


def nobody_decides() -> None:
    """Let nobody else decide, ignore or queue until the transaction ends."""
    # One row for everyone, since neither knows of the other's invoices. On PostgreSQL the next query sees what was
    # committed meanwhile. Without the row nothing can be posted.
    list(XeroSettings.objects.select_for_update(no_key=True).values_list("pk", flat=True))


def hold(invoices: QuerySet[Invoice]) -> None:
    """Besides, let no import change `invoices`, which may be joined with anything."""
    nobody_decides()
    each = Invoice.objects.filter(pk__in=invoices.order_by().values("pk"))
    list(each.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def hold_customers(customers: Iterable[int]) -> None:
    """Let nobody else change these customers, all that the transaction changes, until it ends."""
    if connection.vendor != "postgresql":
        return
    for chunk in itertools.batched(sorted(set(customers)), AT_ONCE):
        each = Customer.objects.filter(pk__in=chunk).order_by("pk")
        list(each.select_for_update(no_key=True).values_list("pk", flat=True))
