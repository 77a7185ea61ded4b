"""An update while people work: the next release's schema under the present one's processes, and its processes before.

The order is that of docs/operations.md: schema, workers, scheduler, web. The next release is this one with a migration
more, which adds what migrations may add.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from c3portal.testing import wait_until
from c3portal.tests import containers, machine
from c3portal.tests.machine import Machine, Visitor
from xero_sandbox.testing import SandboxControl, free_port

pytestmark = pytest.mark.whole

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


@pytest.fixture
def updated(tmp_path: Path, postgres: str, sandbox_process: Any) -> Iterator[tuple[Machine, Path, SandboxControl]]:
    sandbox = SandboxControl(sandbox_process.url)
    sandbox.reset()
    with Machine(tmp_path / "machine", postgres, sandbox.url, "updated") as made:
        made.env["WORKER_PROCESSES"] = "2"
        made.gather_static()
        made.run("migrate")
        made.furnish()
        yield made, next_release(made.release, tmp_path / "next"), sandbox


def test_an_update_is_brought_in_while_the_present_release_posts(
    updated: tuple[Machine, Path, SandboxControl],
) -> None:
    portal, new, sandbox = updated
    port, new_port = str(free_port()), str(free_port())
    old_web = portal.start("web", "old-web", PORT=port)
    old_worker = portal.start("worker", "old-worker", WORKER_NAME="old")
    old_beat = portal.start("beat", "old-beat")
    old_worker.says(" ready.")
    wait_until(lambda: machine.answers(f"http://localhost:{port}/health/web"), "The web process serves", patience=60)

    # New code on the old schema: it starts nothing, and says what it waits for.
    waiting = [
        portal.start("worker", "new-worker", new, WORKER_NAME="new"),
        portal.start("web", "new-web", new, PORT=new_port),
    ]
    for service in waiting:
        service.says("waits and does nothing yet: the database lacks invoices.9999_next, xero_integration.9999_next")

    # Old code on the new schema: it posts on.
    sandbox.set_limits(latency_seconds=1.5)
    visitor = Visitor(portal.env["PORTAL_URL"])
    visitor.sign_in(int(port))
    upload = visitor.upload(int(port), "20260918")
    wait_until(lambda: sandbox.documents() != [], "The first are posted")
    assert not any("celery@" in service.said or " ready." in service.said for service in waiting)
    portal.run("migrate", release=new)
    assert len(sandbox.documents()) < 120, "The schema came too late to be lived with"
    sandbox.set_limits(latency_seconds=0)
    wait_until(lambda: "120 of 120 done" in visitor.get(int(port), upload), "All are posted", patience=60)

    # Then workers, scheduler, web, one after the other; the old web process still brings work in.
    new_worker = waiting[0]
    new_worker.says(" ready.")
    assert "worker starts: the database has what this release needs." in new_worker.said
    old_worker.stop()
    portal.run("web", "python", "manage.py", "import_invoices", *map(str, machine.sample("20260818")))
    upload = visitor.upload(int(port), "20260818")
    old_beat.stop()
    portal.start("beat", "new-beat", new)
    wait_until(lambda: machine.answers(f"http://localhost:{new_port}/health/web"), "The new one serves", patience=60)
    old_web.stop()
    wait_until(lambda: is_done(visitor.get(int(new_port), upload)), "The second period is posted", patience=60)
    arrived = Counter(each["number"] for each in sandbox.documents())
    assert set(arrived.values()) == {1}
    assert len(arrived) == len(invoices_of(portal)) > 120
    assert sandbox.sins() == []


def is_done(page: str) -> bool:
    (done, of) = re.findall(r"(\d+) of (\d+) done", page)[0]
    return bool(done == of)


def invoices_of(portal: Machine) -> set[str]:
    address = portal.environment("web")["DATABASE_URL"]
    with psycopg.connect(address) as database:
        rows = database.execute("SELECT xero_number, next_release FROM invoices_invoice").fetchall()
    assert {new for _, new in rows} == {"new"}
    return {number for number, _ in rows}


def test_it_does_not_wait_for_the_schema_for_ever(tmp_path: Path, postgres: str) -> None:
    with Machine(tmp_path / "machine", postgres, "http://localhost:9", "empty") as portal:
        argv = containers.command(portal.services["worker"])
        given = portal.environment("worker", SCHEMA_PATIENCE="0.1")
        done = subprocess.run(argv, env=given, cwd=portal.release, capture_output=True, text=True)
    assert done.returncode == 1
    assert "worker waits and does nothing yet: the database lacks" in done.stderr
    assert "worker has not started within 0 seconds" in done.stderr
    assert "passwordofthetests" not in done.stderr


def test_it_waits_for_a_database_that_is_away(tmp_path: Path, postgres: str) -> None:
    with Machine(tmp_path / "machine", postgres, "http://localhost:9", "away") as portal:
        address = f"postgres://c3portal:passwordofthetests@127.0.0.1:{free_port()}/portal"
        argv = containers.command(portal.services["web"])
        given = portal.environment("web", SCHEMA_PATIENCE="0.1", DATABASE_URL=address)
        done = subprocess.run(argv, env=given, cwd=portal.release, capture_output=True, text=True)
    assert done.returncode == 1
    assert "web waits and does nothing yet: the database does not answer (" in done.stderr
    assert "passwordofthetests" not in done.stderr
