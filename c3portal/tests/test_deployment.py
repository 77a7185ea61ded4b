"""A portal as compose.yaml starts it: two web processes, three workers and a scheduler on one PostgreSQL and Valkey.

No container engine is needed: what the containers run is read from the files and run here as it stands there.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from c3portal.testing import BASE_DIR, answers, wait_until
from c3portal.tests import containers, machine
from c3portal.tests.machine import Machine, Service, Visitor
from c3portal.tests.updating import Portal, bring_in, next_release, portal_of
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.whole

RESTORING = re.findall(
    r"docker compose run --rm backup(?: restore /var/backups/c3portal)?(?=`)",
    (BASE_DIR / "docs" / "operations" / "backup.md").read_text(),
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, postgres: str, sandbox_process: Any) -> Iterator[Portal]:
    sandbox = SandboxControl(sandbox_process.url)
    sandbox.reset()
    sandbox.set_limits(minute=1000)
    with portal_of(tmp_path_factory.mktemp("compose"), postgres, sandbox, "as_composed") as running:
        yield running


def test_a_period_arrives_once_by_two_web_processes_and_three_workers(portal: Portal) -> None:
    one, other = portal.ports
    # Slow enough that no worker is done with all of it before the others have been woken.
    portal.sandbox.set_limits(latency_seconds=0.3)
    visitor = Visitor(portal.machine.env["PORTAL_URL"])
    visitor.sign_in(one)
    upload = visitor.upload(one, "20260918")
    wait_until(lambda: "120 of 120 in Xero" in visitor.get(other, upload), "All are posted", patience=60)

    arrived = Counter(each["number"] for each in portal.sandbox.documents())
    assert len(arrived) == 120
    assert set(arrived.values()) == {1}
    assert portal.sandbox.violations() == []
    for worker in portal.workers:
        assert "invoices.tasks.work[" in worker.output, "Each of them took part"


def test_each_container_passes_its_own_health_check(portal: Portal) -> None:
    assert all(portal.machine.is_healthy("web", web) for web in portal.webs)
    assert portal.machine.is_healthy("worker", portal.workers[2])
    assert portal.machine.is_healthy("beat", portal.beat)
    ready = f"http://localhost:{portal.ports[0]}/health/ready"
    wait_until(lambda: answers(ready), "Everything is at work", patience=60)
    answered = portal.machine.inside(portal.webs[0], "python", "-m", "c3portal.processes.healthcheck", "ready")
    assert (answered.returncode, json.loads(answered.stdout)["broker"]) == (0, "ok")


def test_the_first_system_admin_is_made_inside_a_container(portal: Portal) -> None:
    output = portal.machine.run("web", "python", "manage.py", "ensure_admin")
    assert "admin@contoso.example can sign in as System Admin." in output


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
    answered = {name: requests.get(f"{address}/health/{name}", **through(portal)) for name in ("live", "web", "ready")}
    assert {name: answer.status_code for name, answer in answered.items()} == {"live": 200, "web": 200, "ready": 404}
    assert answered["ready"].text == ""


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
    bring_in(portal, next_release(portal.machine.release, tmp_path / "next"))


def posted_in(running: Machine) -> int:
    """Return how many invoices the database says are in Xero."""
    with psycopg.connect(running.environment("web")["DATABASE_URL"]) as database:
        found = database.execute("SELECT count(*) FROM invoices_posting WHERE status = 'posted'").fetchone()
    assert found
    return int(found[0])


def test_they_write_nothing_into_the_image(portal: Portal) -> None:
    assert machine.changed(portal.machine.release, portal.before) == []
    assert list((portal.machine.folder / "state").iterdir()) == []


def test_all_of_them_stop_when_they_are_told_to(portal: Portal) -> None:
    services = (*portal.webs, *portal.workers, portal.beat)
    for service in services:
        if service.process.poll() is None:
            service.tell_to_stop()
    for service in services:
        assert service.process.wait(15) == 0, service.output[-2000:]


def test_nothing_secret_is_said(portal: Portal) -> None:
    output = "".join(path.read_text() for path in Path(portal.machine.folder).glob("*.log"))
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"):
        assert portal.machine.env[name] not in output
