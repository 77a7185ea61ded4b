"""How long an upload takes with real workers, and whether a small organisation waits for a large one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import invoices
from bench.environment import Stage

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

# Four times as fast as life: half a second a batch stands for two, fifteen seconds for the minute of the limit.
SCALE = 4
LATENCY, MINUTE = 2 / SCALE, 60 / SCALE
PACE = {"XERO_MINUTE": str(MINUTE), "SWEEP_EVERY": "2", "LOG_LEVEL": "WARNING"}
LIMITS = {"minute": 60, "minute_seconds": MINUTE, "day": 1_000_000, "app_minute": 1_000_000}


@dataclass(frozen=True)
class Wall:
    """Seconds of one upload, its calls, and the bound that Xero's limits set (all at the scaled clock)."""

    seconds: float
    calls: int

    @property
    def bound(self) -> float:
        """Return the larger of calls at 60 a minute and of calls by five at a time."""
        return max(self.calls / 60 * MINUTE, self.calls * LATENCY / 5)


def measure(stage: Stage, count: int = 5000) -> Wall:
    """Upload `count` invoices with one worker of four processes."""
    (connection,) = stage.connect()
    stage.control.set_limits(**LIMITS, latency_seconds=LATENCY)
    invoices.make(count, customers=count // 10, prefix="W", credit_notes=False)
    start(stage, workers=1, concurrency=4)
    time.sleep(MINUTE)
    stage.control.forget()
    began = time.monotonic()
    queue("W", connection)
    finished = wait([connection])[connection.pk]
    return Wall(finished - began, len(stage.control.calls()))


def fairness(stage: Stage, *, small: int = 19, large_count: int = 10_000, small_count: int = 100) -> list[float]:
    """Return, for each small organisation, how many times as long its upload takes beside the others and a large one
    as one of them takes alone. Two workers of twelve processes; 2 s a call and 60 calls a minute, not scaled: twenty
    uploads at once on a faster clock would measure this machine's two processors only."""
    connections = stage.connect(small + 2)
    stage.control.set_limits(**LIMITS | {"minute_seconds": 60}, latency_seconds=2)
    large, alone, others = connections[0], connections[1], connections[2:]
    invoices.make(large_count, customers=500, prefix="L", credit_notes=False)
    for each in [alone, *others]:
        invoices.make(small_count, customers=20, prefix=f"S{each.pk}", credit_notes=False)
    start(stage, workers=2, concurrency=12)
    began = time.monotonic()
    queue(f"S{alone.pk}", alone)
    alone_seconds = wait([alone])[alone.pk] - began
    began = time.monotonic()
    queue("L", large)
    for each in others:
        queue(f"S{each.pk}", each)
    finished = wait(others)
    return [(finished[each.pk] - began) / alone_seconds for each in others]


def start(stage: Stage, *, workers: int, concurrency: int) -> None:
    """Start broker, workers and scheduler."""
    stage.start_broker()
    for _ in range(workers):
        stage.start_worker(concurrency)
    stage.start_beat()


def queue(prefix: str, connection: XeroConnection, invoice_status: str = "DRAFT") -> None:
    """Press UPLOAD TO XERO for the invoices of a prefix."""
    from invoices.models import Invoice
    from invoices.posting import queueing, wakeups

    mine = Invoice.objects.filter(number__startswith=f"{prefix}-")
    queueing.enqueue(mine, connection=connection, user=None, invoice_status=invoice_status)
    wakeups.wake_after_commit(connection.pk)


def wait(connections: Sequence[XeroConnection], limit: float = 600) -> dict[int, float]:
    """Return when each organisation's upload was done (monotonic seconds)."""
    from invoices.models import Posting

    done: dict[int, float] = {}
    give_up_at = time.monotonic() + limit
    while len(done) < len(connections):
        if time.monotonic() > give_up_at:
            raise RuntimeError("The upload did not end.")
        busy = set(Posting.objects.in_progress().order_by().values_list("connection_id", flat=True).distinct())
        for each in connections:
            if each.pk not in busy:
                done.setdefault(each.pk, time.monotonic())
        time.sleep(0.1)
    return done
