"""How long the preflight of a large selection takes beside the network, and how many queries and calls."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench import invoices
from bench.environment import Stage

COUNT, LINES, CUSTOMERS = 2_000, 7, 500
# So many contacts are in the books besides.
CONTACTS = 300


@dataclass(frozen=True)
class Measurement:
    """One preflight: its seconds without the waits for Xero, and what it took."""

    seconds: float
    queries: int
    calls: int


def measure(stage: Stage) -> tuple[Measurement, Measurement]:
    """Return the preflight of 200 invoices and that of 2,000, both after a warm-up."""
    (connection,) = stage.connect()
    _fill_the_contacts(stage)
    invoices.make(200, customers=50, lines=LINES, prefix="small")
    invoices.make(COUNT, customers=CUSTOMERS, lines=LINES, prefix="large")
    run_preflight(stage, connection, "small")
    return run_preflight(stage, connection, "small"), run_preflight(stage, connection, "large")


def run_preflight(stage: Stage, connection: object, prefix: str) -> Measurement:
    """Inspect all invoices of a prefix, as the page does."""
    from django.db import connection as database
    from django.test.utils import CaptureQueriesContext

    from invoices.models import Invoice
    from invoices.preflight.preflight import inspect
    from xero_integration.models import XeroConnection

    assert isinstance(connection, XeroConnection)
    stage.control.forget()
    mine = Invoice.objects.filter(number__startswith=f"{prefix}-")
    with CaptureQueriesContext(database) as queries:
        began = time.monotonic()
        inspect(mine, connection, invoice_status="DRAFT", look_up_in_xero=False)
        seconds = time.monotonic() - began
    inspect(mine, connection, invoice_status="DRAFT")
    return Measurement(seconds, len(queries), len(stage.control.calls()))


def calls_by_lots() -> int:
    """Return how many calls it would take to look all numbers up in lots of 50."""
    return -(-COUNT // 50)


def _fill_the_contacts(stage: Stage) -> None:
    stage.control.put_contacts({"name": f"Contact {n}"} for n in range(CONTACTS))
