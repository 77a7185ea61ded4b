"""The administrator's drill: what can happen to an installation happens to it, in the middle of an upload.

A portal begins as a trial on SQLite and moves to a real PostgreSQL; then its processes die, its broker and database go
away, a disk is full, clocks are wrong, and at last the database is lost and comes back from its backup. After each of
these every invoice must be in the sandbox exactly once, without anybody's help but what docs/operations/ asks for.
The waits are production's. Writes the table of docs/operations/troubleshooting.md; `make drill`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import invoices
from bench.installation import BASE_DIR, Installation, Postgres, small_disk

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

# Small batches make many calls, so that there is a middle in which things happen; every wait is production's.
PACE = {"XERO_BATCH": "5"}
LATENCY = 1.0
LIMIT = 600
DISK_MEGABYTES = 400
KEY = "an-encryption-key-of-production"
REPORT = BASE_DIR / "docs" / "operations" / "troubleshooting.md"
BEGIN, END = "<!-- make drill writes from here -->\n", "<!-- to here -->\n"
SWEPT, PAGES = "its next sweep came {:.0f} s after", "pages were back {:.0f} s after"
WORKERS = ("worker", "worker2")
FAKETIME = BASE_DIR / ".venv" / "tools" / "libfaketimeMT.so.1"


class Unavailable(Exception):
    """An incident that this machine cannot have; says why."""


@dataclass
class Outcome:
    """What an incident came to: seconds from its end until an invoice arrived again, and until all of them had."""

    name: str
    again: float | None = None
    settled: float | None = None
    note: str = ""
    wrong: list[str] = field(default_factory=list)


@dataclass
class Drill:
    """The installation, and what the incidents need of it."""

    site: Installation
    postgres: Postgres
    disk: Path | None
    count: int
    turn: int = 0
    observers: list[threading.Thread] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """The numbers of this incident's invoices begin with it."""
        return f"D{self.turn:02d}"

    @property
    def connection(self) -> XeroConnection:
        """The organisation that is posted to."""
        from xero_integration.models import XeroConnection

        return XeroConnection.objects.get(is_current=True)

    def observe(self, outcome: Outcome, words: str, wait: Callable[[], float]) -> None:
        """Beside the measuring, note how many seconds `wait` came to."""

        def note() -> None:
            from django.db import connection

            outcome.note = words.format(wait())
            connection.close()

        self.observers.append(threading.Thread(target=note))
        self.observers[-1].start()

    def begin(self) -> None:
        """Make this incident's invoices and press UPLOAD TO XERO."""
        self.turn += 1
        invoices.make(self.count, customers=max(5, self.count // 20), prefix=self.prefix)
        self.upload()

    def upload(self) -> None:
        """Upload what of this incident's invoices is not on its way."""
        from invoices.models import Invoice
        from invoices.posting import queueing, wakeups

        mine = Invoice.objects.filter(number__startswith=f"{self.prefix}-")
        queueing.enqueue(mine, connection=self.connection, user=None, invoice_status="DRAFT")
        wakeups.wake(self.connection.pk)

    def posted(self) -> int | None:
        """Return how many of this incident's invoices the portal knows to be in Xero, None while it cannot tell."""
        from django.db import Error, connection

        from invoices.models import Posting

        try:
            mine = Posting.objects.filter(invoice__number__startswith=f"{self.prefix}-")
            return mine.filter(status=Posting.Status.POSTED).count()
        except Error:
            connection.close()
            return None

    def reach(self, part: float) -> None:
        """Wait until this part of the invoices is posted. Raises TimeoutError."""
        deadline = time.monotonic() + LIMIT
        while (self.posted() or 0) < part * self.count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.posted()} of {self.count} were posted within {LIMIT} seconds")
            time.sleep(0.05)

    def measure(self, outcome: Outcome, since: float, known: int) -> None:
        """Note how long after `since` more than `known` invoices were posted, and all of them."""
        while time.monotonic() - since < LIMIT:
            now = self.posted() or 0
            if outcome.again is None and (now > known or now >= self.count):
                outcome.again = time.monotonic() - since
            if now >= self.count:
                outcome.settled = time.monotonic() - since
                return
            time.sleep(0.05)

    def check(self, outcome: Outcome) -> None:
        """Hold the sandbox's documents of this incident against the invoices."""
        from invoices.models import Invoice

        wanted = dict(Invoice.objects.filter(number__startswith=f"{self.prefix}-").values_list("xero_number", "total"))
        documents = self.site.control.documents(self.connection.tenant_id)
        mine = [each for each in documents if each["number"].startswith(f"{self.prefix}-")]
        there = Counter(each["number"] for each in mine)
        totals = {each["number"]: abs(float(each["total"])) for each in mine}
        if twice := [number for number, times in there.items() if times > 1]:
            outcome.wrong.append(f"{len(twice)} twice ({', '.join(twice[:3])} …)")
        if missing := wanted.keys() - there.keys():
            outcome.wrong.append(f"{len(missing)} missing")
        if other := [number for number, total in wanted.items() if abs(float(total)) != totals.get(number)]:
            outcome.wrong.append(f"{len(other)} of another total")


Incident = Callable[[Drill, Outcome], float]
INCIDENTS: list[tuple[str, Incident]] = []


def incident(name: str) -> Callable[[Incident], Incident]:
    """Add an incident to the drill: it returns when it was over, by the monotonic clock, and may raise Away."""

    def add(happen: Incident) -> Incident:
        INCIDENTS.append((name, happen))
        return happen

    return add


def now() -> float:
    return time.monotonic()


@incident("nothing happens")
def nothing(drill: Drill, outcome: Outcome) -> float:
    return now()


@incident("a process of a worker is killed in its call")
def kill_a_child(drill: Drill, outcome: Outcome) -> float:
    while not _kill_in_its_call(drill):
        time.sleep(0.05)
    return now()


def _kill_in_its_call(drill: Drill) -> int:
    """Kill a process that has a call in flight; return how many were killed."""
    from c3portal.models import LiveProcess
    from invoices.models import Submission

    calling = Submission.objects.filter(outcome=Submission.Outcome.SENDING).values("process")
    pids = set(LiveProcess.objects.filter(pk__in=calling, dead_at=None).values_list("pid", flat=True))
    ours = [pid for name in WORKERS for pid in drill.site.processes[name].children() if pid in pids][:1]
    for pid in ours:
        os.kill(pid, signal.SIGKILL)
    return len(ours)


@incident("a whole worker is killed")
def kill_a_worker(drill: Drill, outcome: Outcome) -> float:
    drill.site.processes["worker"].send(signal.SIGKILL)
    return now()


@incident("both workers are killed")
def kill_all_workers(drill: Drill, outcome: Outcome) -> float:
    for name in WORKERS:
        drill.site.processes[name].send(signal.SIGKILL)
    return now()


@incident("a process of a worker is killed every 1.5 s, to the end")
def kill_and_kill(drill: Drill, outcome: Outcome) -> float:
    began, killed = now(), 0
    while (drill.posted() or 0) < drill.count and now() - began < LIMIT:
        killed += _kill_in_its_call(drill)
        time.sleep(1.5)
    outcome.note = f"{killed} killed; the upload ended {now() - began:.0f} s after the first"
    return now()


@incident("a worker stalls for a minute, then goes on")
def stall(drill: Drill, outcome: Outcome) -> float:
    drill.site.processes["worker"].send(signal.SIGSTOP)
    time.sleep(60)
    drill.site.processes["worker"].send(signal.SIGCONT)
    return now()


@incident("the scheduler is killed")
def kill_the_scheduler(drill: Drill, outcome: Outcome) -> float:
    drill.site.processes["beat"].send(signal.SIGKILL)
    killed = now()
    drill.observe(outcome, SWEPT, lambda: _seconds_to_a_sweep(killed))
    return killed


def _seconds_to_a_sweep(since: float) -> float:
    """Wait for the next sign of the scheduler's work; return the seconds from `since` to it."""
    from c3portal.models import Heartbeat

    before = Heartbeat.objects.filter(process="scheduler").values_list("seen_at", flat=True).first()
    while Heartbeat.objects.filter(process="scheduler").values_list("seen_at", flat=True).first() == before:
        if now() - since > LIMIT:
            raise TimeoutError("the scheduler sent nothing")
        time.sleep(0.1)
    return now() - since


@incident("the scheduler's clock was a day ahead, and is right again")
def scheduler_from_the_future(drill: Drill, outcome: Outcome) -> float:
    beat = drill.site.processes["beat"]
    beat.stop()
    beat.start(**_clock("+1d"))
    time.sleep(25)
    beat.stop()
    beat.start()
    right = now()
    drill.observe(outcome, SWEPT, lambda: _seconds_to_a_sweep(right))
    return right


def _clock(offset: str) -> dict[str, str]:
    """Return what gives a process a wrong clock. Raises Away."""
    if not FAKETIME.exists():
        raise Unavailable("libfaketime is not here (make tools)")
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _wrong_clock(drill: Drill, outcome: Outcome, offset: str) -> float:
    worker, given = drill.site.processes["worker2"], _clock(offset)
    worker.stop()
    worker.start(**given)
    started = now()
    time.sleep(20)
    worker.stop()
    worker.start()
    outcome.note = f"it was wrong for {now() - started:.0f} s, the other worker went on"
    return now()


@incident("a worker's clock is ten minutes behind")
def clock_behind(drill: Drill, outcome: Outcome) -> float:
    return _wrong_clock(drill, outcome, "-10m")


@incident("a worker's clock is ten minutes ahead")
def clock_ahead(drill: Drill, outcome: Outcome) -> float:
    return _wrong_clock(drill, outcome, "+10m")


@incident("the web process is killed")
def kill_web(drill: Drill, outcome: Outcome) -> float:
    drill.site.processes["web"].send(signal.SIGKILL)
    killed = now()
    drill.observe(outcome, PAGES, lambda: _seconds_to_pages(drill, killed))
    return killed


def _seconds_to_pages(drill: Drill, since: float) -> float:
    from c3portal.testing import answers

    while not answers(f"http://localhost:{drill.site.port}/health/web"):
        if now() - since > LIMIT:
            raise TimeoutError("no page came back")
        time.sleep(0.1)
    return now() - since


@incident("the broker is killed, and started after 15 s")
def kill_the_broker(drill: Drill, outcome: Outcome) -> float:
    drill.site.broker.stop(signal.SIGKILL)
    time.sleep(15)
    drill.site.broker.start()
    return now()


@incident("the database is stopped, and started after 30 s")
def stop_the_database(drill: Drill, outcome: Outcome) -> float:
    drill.postgres.stop()
    time.sleep(30)
    drill.postgres.start()
    started = now()
    drill.observe(outcome, PAGES, lambda: _seconds_to_pages(drill, started))
    return started


@incident("the database's disk is full for 30 s")
def fill_the_disk(drill: Drill, outcome: Outcome) -> float:
    if drill.disk is None:
        raise Unavailable("only root may make a small disk")
    ballast = drill.disk / "ballast"
    with ballast.open("wb") as file:
        try:
            while file.write(b"\0" * 65_536):
                file.flush()
        except OSError:
            filled = now()
    while now() - filled < 30:
        time.sleep(0.1)
    ballast.unlink()
    # Its own unit would have started it, had it ended over it.
    drill.postgres.start()
    return now()


@incident("the database is lost, and restored from a backup of before")
def restore(drill: Drill, outcome: Outcome) -> float:
    from xero_integration import testing
    from xero_integration.models import XeroSettings

    site, backups = drill.site, str(drill.site.folder / "backups")
    programs = {"PG_BIN": _postgres_programs()}
    _done(site.manage("backup", backups, **programs))
    drill.reach(0.7)
    site.stop()
    site.use(drill.postgres.database(f"restored_{drill.turn}"), KEY)
    began = now()
    _done(site.manage("restore", backups, **programs))
    outcome.note = f"the restore took {now() - began:.0f} s; then Xero was connected again"
    site.start()
    testing.consent(site.control, XeroSettings.load().client_id)
    drill.upload()
    return now()


def _postgres_programs() -> str:
    from c3portal.tests.machine import postgres_programs

    return postgres_programs()


def _done(command: Any) -> str:
    if command.returncode:
        raise RuntimeError(command.stdout + command.stderr)
    return str(command.stdout)


def move(drill: Drill, outcome: Outcome) -> float:
    """From SQLite to PostgreSQL, as docs/operations/move.md says."""
    site, url = drill.site, drill.postgres.database("portal")
    # As Ctrl-C of `make run` does.
    site.stop(patience=5)
    stopped = now()
    while "sent a heartbeat" in (done := site.manage("move_to", url, MOVE_TO_KEYS=KEY)).stderr:
        (seconds,) = re.findall(r"after (\d+) seconds", done.stderr)
        time.sleep(min(int(seconds) + 1, 10))
    outcome.note = f"the move was over {now() - stopped:.0f} s after the trial was stopped"
    _done(done)
    site.use(url, KEY)
    site.start()
    return now()


def happen(drill: Drill, name: str, what: Incident) -> Outcome:
    """Have one incident in the middle of an upload; return what it came to."""
    outcome = Outcome(name)
    drill.begin()
    try:
        drill.reach(0.2)
        known = drill.posted() or 0
        since = what(drill, outcome)
        drill.measure(outcome, since, drill.posted() or known)
    except Unavailable as reason:
        outcome.note = f"not here: {reason}"
        drill.measure(outcome, now(), 0)
        outcome.again = outcome.settled = None
    while drill.observers:
        drill.observers.pop().join()
    drill.check(outcome)
    if outcome.settled is None and not outcome.note.startswith("not here"):
        outcome.wrong.append(f"not all posted within {LIMIT} s")
    return outcome


@contextmanager
def open_drill(folder: Path, count: int) -> Iterator[Drill]:
    """A portal that is still a trial on SQLite, connected to the sandbox, where numbers of credit notes may repeat."""
    with ExitStack() as stack:
        disk = folder / "disk"
        small = stack.enter_context(small_disk(disk, DISK_MEGABYTES))
        site = stack.enter_context(Installation(folder / "site", pace=PACE))
        postgres = Postgres(disk / "postgres")
        stack.callback(postgres.stop)
        if small:
            _spare_the_disk(postgres)
        site.control.set_limits(
            minute=10_000, minute_seconds=60, day=1_000_000, app_minute=1_000_000, latency_seconds=LATENCY
        )
        _connect(site)
        site.start()
        yield Drill(site, postgres, disk if small else None, count)


def _spare_the_disk(postgres: Postgres) -> None:
    import psycopg

    with psycopg.connect(postgres.url, autocommit=True) as server:
        server.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
        server.execute("ALTER SYSTEM SET min_wal_size = '32MB'")
        server.execute("SELECT pg_reload_conf()")


def _connect(site: Installation) -> None:
    from xero_integration import testing

    connection = testing.connect(site.control)
    site.control.change_organisation(tenant=connection.tenant_id, unique_credit_notes=False)
    site.control.forget()


def table(outcomes: list[Outcome], count: int) -> str:
    """Return what docs/operations/troubleshooting.md shows."""
    lines = [
        f"{count} invoices each, in calls of five that take a second; run on {dt.datetime.now(dt.UTC):%-d %B %Y}.",
        "",
        "| in the middle of an upload | posting went on after | all in Xero after | |",
        "|---|---|---|---|",
    ]
    for each in outcomes:
        lines.append(f"| {each.name} | {_seconds_text(each.again)} | {_seconds_text(each.settled)} | {each.note} |")
    return "\n".join(lines) + "\n"


def _seconds_text(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.0f} s"


def main() -> int:
    """Run from the command line; exit 1 unless every invoice arrived exactly once after every incident."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--invoices", type=int, default=300, help="for each incident")
    arguments.add_argument("--only", default="", help="those incidents whose name has this in it")
    arguments.add_argument("--folder", type=Path, help="keep everything there")
    arguments.add_argument(
        "--write", action="store_true", help="write the table into docs/operations/troubleshooting.md"
    )
    options = arguments.parse_args()
    # Whatever ends the drill, what it started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [(name, what) for name, what in INCIDENTS if options.only in name]
    outcomes = []
    with ExitStack() as stack:
        kept = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drill-")))
        # The database's own user has to get through.
        kept.mkdir(parents=True, exist_ok=True)
        kept.chmod(0o755)
        drill = stack.enter_context(open_drill(kept, options.invoices))
        for name, what in [("the trial on SQLite moves to PostgreSQL", move), *chosen]:
            outcomes.append(happen(drill, name, what))
            each = outcomes[-1]
            print(
                f"{name}: {_seconds_text(each.again)}, {_seconds_text(each.settled)} {each.note} {each.wrong or ''}",
                flush=True,
            )
        violations = drill.site.control.violations()
    print(table(outcomes, options.invoices))
    print(f"What a careful caller would not have done: {Counter(each['kind'] for each in violations) or 'nothing'}")
    if options.write:
        text = REPORT.read_text()
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        REPORT.write_text(f"{before}{BEGIN}{table(outcomes, options.invoices)}{END}{after}")
    return 1 if any(each.wrong for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
