"""How long it takes to take posted invoices back, beside the bound that Xero's limits set for as many calls.

Half of them are drafts, which are deleted, half approved, which are voided. Writes its section of docs/performance.md
from the medians of several runs, each in a process of its own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from bench import invoices, throughput
from bench.environment import Stage
from bench.repeated import middle, run, verdict
from bench.section import REPORT, put_section
from bench.throughput import LATENCY, LIMITS, MINUTE, Wall

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

COUNT = 2_000
MOST = 1.15
TITLE = "Taking it back"
LIMIT = 600


def measure(stage: Stage, count: int = COUNT) -> Wall:
    """Post `count` invoices and take all of them back with one worker of four processes."""
    (connection,) = stage.connect()
    stage.control.set_limits(**LIMITS, latency_seconds=LATENCY)
    throughput.start(stage, workers=1, concurrency=4)
    for prefix, invoice_status in (("D", "DRAFT"), ("A", "AUTHORISED")):
        invoices.make(count // 2, customers=count // 20, prefix=prefix, credit_notes=False)
        throughput.queue(prefix, connection, invoice_status)
    throughput.wait([connection])
    _require(stage, "posted", {"DRAFT": count // 2, "AUTHORISED": count // 2})
    time.sleep(MINUTE)
    stage.control.forget()
    began = time.monotonic()
    _click(connection, count)
    _wait()
    wall = Wall(time.monotonic() - began, len(stage.control.calls()))
    _require(stage, "undone", {"DELETED": count // 2, "VOIDED": count // 2})
    return wall


def _click(connection: XeroConnection, count: int) -> None:
    """Press *Take back* for all of them."""
    from invoices.changes import asking
    from invoices.models import Posting
    from invoices.posting import wakeups

    asked = asking.undo(Posting.objects.all(), connection=connection, user=None, reason="Wrong account")
    wakeups.wake_after_commit(connection.pk)
    if asked.queued != count:
        raise RuntimeError(f"Only {asked.queued} of {count} are to be taken back.")


def _wait() -> None:
    from invoices.models import DocumentChange

    give_up_at = time.monotonic() + LIMIT
    while DocumentChange.objects.in_progress().exists():
        if time.monotonic() > give_up_at:
            raise RuntimeError("The undo did not end.")
        time.sleep(0.1)


def _require(stage: Stage, status: str, books: dict[str, int]) -> None:
    """Raise RuntimeError unless each posting has this status, and the sandbox's books these documents."""
    from invoices.models import Posting

    statuses = set(Posting.objects.order_by().values_list("status", flat=True))
    found = Counter(each["status"] for each in stage.control.documents())
    if statuses != {status} or found != books:
        raise RuntimeError(f"The postings are {statuses}, the documents {dict(found)} instead of {books}.")
    if violations := stage.control.violations():
        raise RuntimeError(f"Xero's rules were broken: {violations[:3]}")


def section(found: list[dict[str, float]]) -> str:
    """Return the section of the report."""
    wall = middle(found)
    spread = ", ".join(f"{key} {min(e[key] for e in found):.4g} to {max(e[key] for e in found):.4g}" for key in wall)
    return f"""## {TITLE}

Measured on {dt.datetime.now(tz=dt.UTC).date()} with `make bench` ({os.cpu_count()} processors, {platform.system()}
{platform.machine()}, Python {platform.python_version()}), {len(found)} times: {COUNT:,} posted invoices, half of them
drafts, which are deleted, half approved, which are voided. From the click until each is ended in Xero and not posted
again here, on the clock of the upload above: one worker of four processes, half a second a call.

| what | target | measured | |
|---|---|---|---|
| Seconds, beside the bound of posting ({wall["calls"]:.0f} calls) | at most {MOST} × {wall["bound"]:.1f} s | \
{wall["seconds"]:.1f} s = {wall["ratio"]:.2f} × | {verdict(wall["ratio"] <= MOST)} |

The spread: {spread}.
"""


def main() -> int:
    """Run from the command line; exit 1 when it takes too long."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=5)
    found = run("undo", arguments.parse_args().times)
    put_section(TITLE, section(found))
    print(f"Written: {REPORT.name}, {TITLE}")
    return 1 if middle(found)["ratio"] > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
