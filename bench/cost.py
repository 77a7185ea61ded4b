"""What posting costs the portal itself: CPU, queries and memory, measured in one process against the sandbox."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench import invoices
from bench.environment import Stage

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

PAGE_BYTES = resource.getpagesize()


@dataclass
class Cost:
    """One run: CPU milliseconds an invoice, the queries of each full batch, megabytes in use after each batch."""

    count: int
    cpu_ms: float = 0
    queries: list[int] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


def post(stage: Stage, connection: XeroConnection, count: int, *, prefix: str, lines: int = 10) -> Cost:
    """Post `count` new invoices from claim to logged result, contacts done before. Returns what it cost."""
    from django.db import connection as database

    from invoices.models import Invoice
    from invoices.posting import queueing, sender, worker

    invoices.make(count, customers=max(1, count // 10), lines=lines, prefix=prefix, credit_notes=False)
    made = Invoice.objects.filter(number__startswith=f"{prefix}-")
    queueing.enqueue(made, connection=connection, user=None, invoice_status="DRAFT")
    worker.reconcile_and_link_contacts(connection)
    cost, counted = Cost(count), [0]

    def counting(execute: Any, *args: Any) -> Any:
        counted[0] += 1
        return execute(*args)

    began = time.process_time()
    with database.execute_wrapper(counting):
        while sent := sender.send_next(connection):
            if sent == 50:
                cost.queries.append(counted[0])
            counted[0] = 0
            cost.megabytes.append(_megabytes())
    cost.cpu_ms = (time.process_time() - began) * 1000 / count
    return cost


def _megabytes() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE_BYTES / 1e6
