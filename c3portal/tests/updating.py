"""An update of a portal at work, for tests: one release runs and posts, the next one is brought in beside it."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from c3portal.testing import BASE_DIR, answers, wait_until
from c3portal.tests import machine
from c3portal.tests.machine import Machine, Service, Visitor
from xero_sandbox.testing import SandboxControl, free_port

# What the next release adds to the schema: to each table that the posting of an invoice writes to, and a table.
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("{app}", "{last}")]
    operations = [
        migrations.CreateModel("Next{app}", [("id", models.BigAutoField(primary_key=True))]),
        {additions}
    ]
"""
ADDITION = 'migrations.AddField("{model}", "next_release", models.CharField(max_length=9, db_default="new")),'
GROWING = {
    "invoices": ("invoice", "posting", "submission", "postlog", "upload"),
    "xero_integration": ("xeroconnection",),
}


def next_release(present: Path, folder: Path) -> Path:
    """Make the release after `present`: each of its apps has one more migration."""
    shutil.copytree(present, folder)
    for app, models in GROWING.items():
        migrations = folder / app / "migrations"
        last = max(path.stem for path in migrations.glob("[0-9]*.py"))
        additions = "\n        ".join(ADDITION.format(model=model) for model in models)
        (migrations / "9999_next.py").write_text(MIGRATION.format(app=app, last=last, additions=additions))
    return folder


@dataclass
class Portal:
    """All of it, running."""

    machine: Machine
    sandbox: SandboxControl
    ports: tuple[int, int]
    before: dict[str, float]
    beat: Service
    webs: list[Service] = field(default_factory=list)
    workers: list[Service] = field(default_factory=list)

    def start_web(self, number: int) -> Service:
        port = str(self.ports[number])
        return self.machine.start("web", f"web-{number + 1}", PORT=port)

    def serves(self, web: Service) -> None:
        """Wait until a web process is healthy."""
        live = f"http://localhost:{web.environment['PORT']}/health/live"
        wait_until(lambda: answers(live), "The web process serves", patience=60)


@contextmanager
def portal_of(
    folder: Path, postgres: str, sandbox: SandboxControl, database: str, base: Path = BASE_DIR
) -> Iterator[Portal]:
    """Run two web processes, three workers and a scheduler of the tree `base`, with the sample data in `database`."""
    with Machine(folder, postgres, sandbox.url, database, base) as made:
        made.gather_static()
        made.run("migrate")
        all_of_it = Portal(made, sandbox, (free_port(), free_port()), machine.times(made.release), made.start("beat"))
        all_of_it.workers = [made.start("worker", f"worker-{n}", WORKER_NAME=f"worker{n}") for n in (1, 2, 3)]
        all_of_it.webs = [all_of_it.start_web(0), all_of_it.start_web(1)]
        made.furnish()
        for worker in all_of_it.workers:
            worker.says(" ready.")
        for web in all_of_it.webs:
            all_of_it.serves(web)
        yield all_of_it


def bring_in(portal: Portal, new: Path) -> None:
    """Update to the release `new`, which has one more migration, in the order of docs/operations/update.md: schema,
    workers, scheduler, web; two periods are uploaded meanwhile. Raises AssertionError unless each invoice
    arrived once.
    """
    visitor = Visitor(portal.machine.env["PORTAL_URL"])
    old_port, new_port = portal.ports[0], free_port()
    visitor.sign_in(old_port)

    # New code on the old schema: it starts nothing, and says what it waits for.
    new_worker = portal.machine.start("worker", "new-worker", new, WORKER_NAME="new")
    new_web = portal.machine.start("web", "new-web", new, PORT=str(new_port))
    for service in (new_worker, new_web):
        service.says("waits and does nothing yet: the database lacks ")
        service.says("invoices.9999_next")

    # Old code on the new schema: it posts on.
    there = len(portal.sandbox.documents())
    # What the check reads from Xero anew is not to take six seconds each.
    action, form = visitor.check(old_port, "20260818")
    portal.sandbox.set_limits(latency_seconds=6)
    upload = visitor.post(old_port, action, **form)
    wait_until(lambda: len(portal.sandbox.documents()) > there, "The first are posted")
    assert not answers(f"http://localhost:{new_port}/health/live")
    assert " ready." not in new_worker.output
    portal.machine.run("migrate", release=new)
    assert not is_done(visitor.get(old_port, upload)), "The schema came too late to be lived with"
    portal.sandbox.set_limits(latency_seconds=0)
    wait_until(lambda: is_done(visitor.get(old_port, upload)), "All are posted", patience=60)

    # Then workers, scheduler, web; what the old web process brings in is posted by the new worker.
    new_worker.says(" ready.")
    for worker in portal.workers:
        worker.tell_to_stop()
    for worker in portal.workers:
        assert worker.process.wait(15) == 0
    upload = visitor.upload(old_port, "20261018")
    portal.beat.stop()
    portal.beat = portal.machine.start("beat", "new-beat", new)
    portal.beat.says("beat: Starting")
    wait_until(lambda: answers(f"http://localhost:{new_port}/health/web"), "The new one serves", patience=60)
    for web in portal.webs:
        web.tell_to_stop()
    wait_until(lambda: is_done(visitor.get(new_port, upload)), "The last period is posted", patience=60)
    portal.workers, portal.webs = [new_worker], [*portal.webs, new_web]

    arrived = Counter(each["number"] for each in portal.sandbox.documents())
    assert set(arrived.values()) == {1}
    assert arrived.keys() == invoices_of(portal.machine)
    assert portal.sandbox.violations() == []


def is_done(page: str) -> bool:
    """Whether an upload's page says that all of it is done."""
    # The release before says it in other words.
    (done, of) = re.findall(r"(\d+) of (\d+) (?:in Xero|done)", page)[0]
    return bool(done == of)


def invoices_of(running: Machine) -> set[str]:
    """Return the numbers of all invoices in the database."""
    with psycopg.connect(running.environment("web")["DATABASE_URL"]) as database:
        rows = database.execute("SELECT xero_number FROM invoices_invoice WHERE next_release = 'new'").fetchall()
    return {number for (number,) in rows}
