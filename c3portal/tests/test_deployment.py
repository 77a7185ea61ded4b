"""A portal as compose.yaml starts it: two web processes, three workers and a scheduler on one PostgreSQL and Valkey.

No container engine is needed: what the containers run is read from the files and run here as it stands there.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from c3portal.testing import BASE_DIR, answers, wait_until
from c3portal.tests import containers, machine
from c3portal.tests.machine import Machine, Service, Visitor
from xero_sandbox.testing import SandboxControl, free_port

pytestmark = pytest.mark.whole

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

RESTORING = re.findall(
    r"docker compose run --rm backup(?: restore /var/backups/c3portal)?(?=`)",
    (BASE_DIR / "docs" / "operations" / "backup.md").read_text(),
)


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


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, postgres: str, sandbox_process: Any) -> Iterator[Portal]:
    sandbox = SandboxControl(sandbox_process.url)
    sandbox.reset()
    sandbox.set_limits(minute=1000)
    folder = tmp_path_factory.mktemp("compose")
    with Machine(folder, postgres, sandbox.url, "as_composed") as made:
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


def test_a_period_arrives_once_by_two_web_processes_and_three_workers(portal: Portal) -> None:
    one, other = portal.ports
    # Slow enough that no worker is done with all of it before the others have been woken.
    portal.sandbox.set_limits(latency_seconds=0.3)
    visitor = Visitor(portal.machine.env["PORTAL_URL"])
    visitor.sign_in(one)
    upload = visitor.upload(one, "20260918")
    wait_until(lambda: "120 of 120 done" in visitor.get(other, upload), "All are posted", patience=60)

    arrived = Counter(each["number"] for each in portal.sandbox.documents())
    assert len(arrived) == 120
    assert set(arrived.values()) == {1}
    assert portal.sandbox.violations() == []
    for worker in portal.workers:
        assert "invoices.tasks.work[" in worker.said, "Each of them took part"


def test_each_container_passes_its_own_health_check(portal: Portal) -> None:
    assert all(portal.machine.is_healthy("web", web) for web in portal.webs)
    assert portal.machine.is_healthy("worker", portal.workers[2])
    assert portal.machine.is_healthy("beat", portal.beat)
    ready = f"http://localhost:{portal.ports[0]}/health/ready"
    wait_until(lambda: answers(ready), "Everything is at work", patience=60)
    asked = portal.machine.inside(portal.webs[0], "python", "-m", "c3portal.processes.healthcheck", "ready")
    assert (asked.returncode, json.loads(asked.stdout)["broker"]) == (0, "ok")


def test_the_first_system_admin_is_made_inside_a_container(portal: Portal) -> None:
    said = portal.machine.run("web", "python", "manage.py", "ensure_admin")
    assert "admin@contoso.example can sign in as System Admin." in said


def test_nothing_is_left_to_secure_with_the_database_included(portal: Portal) -> None:
    check = ("python", "manage.py", "check", "--deploy", "--database", "default", "--fail-level", "WARNING")
    assert "no issues (0 silenced)" in portal.machine.run("web", *check, EMAIL_URL=containers.example()["EMAIL_URL"])


def test_a_backup_comes_back_by_the_documented_commands(portal: Portal, postgres: str, tmp_path: Path) -> None:
    backup, restore = RESTORING
    backups, given = tmp_path / "backups", {"PG_BIN": machine.postgres_programs()}
    portal.machine.typed(backup, backups, **given)
    with Machine(tmp_path / "lost", postgres, portal.sandbox.url, "as_restored") as lost:
        assert "Restored: the backup of" in lost.typed(restore, backups, **given)
        lost.run("migrate")
        assert posted_in(lost) == posted_in(portal.machine) > 0


@pytest.fixture(scope="module")
def proxy(portal: Portal) -> Iterator[Service]:
    upstreams = " ".join(f"127.0.0.1:{port}" for port in portal.ports)
    running = machine.start_proxy(portal.machine.folder, portal.machine.env["PORTAL_URL"], upstreams)
    yield running
    running.stop()


def through(portal: Portal, **more: Any) -> dict[str, Any]:
    """Return what a request through the proxy needs to trust it."""
    root = portal.machine.folder / "certificates" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    return {"verify": str(root), "timeout": 60, **more}


def test_the_proxy_tells_the_portal_that_it_is_https(portal: Portal, proxy: Service) -> None:
    page = requests.get(f"{portal.machine.env['PORTAL_URL']}/accounts/login/", **through(portal))
    assert (page.status_code, page.history) == (200, [])
    assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
    assert "Secure" in page.headers["Set-Cookie"]
    assert "Server" not in page.headers


def test_strangers_are_not_told_which_part_fails(portal: Portal, proxy: Service) -> None:
    address = portal.machine.env["PORTAL_URL"]
    asked = {name: requests.get(f"{address}/health/{name}", **through(portal)) for name in ("live", "web", "ready")}
    assert {name: answer.status_code for name, answer in asked.items()} == {"live": 200, "web": 200, "ready": 404}
    assert asked["ready"].text == ""


def test_no_request_fails_while_the_web_processes_are_replaced(portal: Portal, proxy: Service) -> None:
    address = f"{portal.machine.env['PORTAL_URL']}/accounts/login/"
    came: Counter[Any] = Counter()
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            try:
                came[requests.get(address, **through(portal)).status_code] += 1
            except requests.RequestException as error:
                came[repr(error)] += 1

    visitor = threading.Thread(target=visit)
    visitor.start()
    # Both at once, as Compose does it: what comes meanwhile waits at the proxy.
    for web in portal.webs:
        web.tell_to_stop()
    for web in portal.webs:
        web.process.wait(60)
    portal.webs = [portal.start_web(0), portal.start_web(1)]
    for web in portal.webs:
        portal.serves(web)
    done.set()
    visitor.join()
    assert set(came) == {200}, came


def test_an_update_is_brought_in_while_the_present_release_posts(portal: Portal, tmp_path: Path) -> None:
    """The order is that of docs/operations/update.md: schema, workers, scheduler, web."""
    new = next_release(portal.machine.release, tmp_path / "next")
    visitor = Visitor(portal.machine.env["PORTAL_URL"])
    old_port, new_port = portal.ports[0], free_port()
    visitor.sign_in(old_port)

    # New code on the old schema: it starts nothing, and says what it waits for.
    new_worker = portal.machine.start("worker", "new-worker", new, WORKER_NAME="new")
    new_web = portal.machine.start("web", "new-web", new, PORT=str(new_port))
    for service in (new_worker, new_web):
        service.says("waits and does nothing yet: the database lacks invoices.9999_next, xero_integration.9999_next")

    # Old code on the new schema: it posts on.
    there = len(portal.sandbox.documents())
    portal.sandbox.set_limits(latency_seconds=2.5)
    upload = visitor.upload(old_port, "20260818")
    wait_until(lambda: len(portal.sandbox.documents()) > there, "The first are posted")
    assert not answers(f"http://localhost:{new_port}/health/live")
    assert " ready." not in new_worker.said
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


def posted_in(running: Machine) -> int:
    """Return how many invoices the database says are in Xero."""
    with psycopg.connect(running.environment("web")["DATABASE_URL"]) as database:
        found = database.execute("SELECT count(*) FROM invoices_posting WHERE status = 'posted'").fetchone()
    assert found
    return int(found[0])


def is_done(page: str) -> bool:
    (done, of) = re.findall(r"(\d+) of (\d+) done", page)[0]
    return bool(done == of)


def invoices_of(running: Machine) -> set[str]:
    """Return the numbers of all invoices in the database."""
    with psycopg.connect(running.environment("web")["DATABASE_URL"]) as database:
        rows = database.execute("SELECT xero_number FROM invoices_invoice WHERE next_release = 'new'").fetchall()
    return {number for (number,) in rows}


def test_they_write_nothing_into_the_image(portal: Portal) -> None:
    assert machine.changed(portal.machine.release, portal.before) == []
    assert list((portal.machine.folder / "state").iterdir()) == []


def test_all_of_them_stop_when_they_are_told_to(portal: Portal) -> None:
    services = (*portal.webs, *portal.workers, portal.beat)
    for service in services:
        if service.process.poll() is None:
            service.tell_to_stop()
    for service in services:
        assert service.process.wait(15) == 0, service.said[-2000:]


def test_nothing_secret_is_said(portal: Portal) -> None:
    said = "".join(path.read_text() for path in Path(portal.machine.folder).glob("*.log"))
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"):
        assert portal.machine.env[name] not in said
