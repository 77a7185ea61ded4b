"""A portal of its own for one measurement: a folder, a database, a sandbox, a broker, workers; no state is shared.

Import nothing of Django before `Stage.open` has set the environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from xero_sandbox.testing import SandboxControl, SandboxProcess, free_port

if TYPE_CHECKING:
    from c3portal.testing import BrokerServer, WorkerProcess
    from xero_integration.models import XeroConnection

BASE_DIR = Path(__file__).resolve().parent.parent


class Stage:
    """Use it as a context manager. `pace` overrides the portal's time settings, so that a run takes seconds."""

    def __init__(self, folder: Path, *, database_url: str = "", pace: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.sandbox = SandboxProcess(folder / "sandbox")
        self.control: SandboxControl
        self.broker: BrokerServer | None = None
        self.workers: list[WorkerProcess] = []
        self.beat: subprocess.Popen[bytes] | None = None
        self.workers_started = 0
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "c3portal.settings",
            "DEBUG": "0",
            "SECRET_KEY": "a-key-for-measurements-which-signs-nothing-of-value",
            "ENCRYPTION_KEYS": "an-encryption-key-for-measurements",
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": database_url or f"sqlite:///{folder / 'portal.sqlite3'}",
            "CELERY_BROKER_URL": "",
            "LOG_LEVEL": "WARNING",
            **(pace or {}),
        }

    def __enter__(self) -> Self:
        (self.folder / "var").mkdir(parents=True, exist_ok=True)
        self.sandbox.start()
        self.control = SandboxControl(self.sandbox.url)
        for name in ("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL"):
            self.environment[name] = self.sandbox.url
        os.environ.update(self.environment)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()
        if self.beat:
            self.beat.kill()
            self.beat.wait()
        if self.broker:
            self.broker.stop()
        self.sandbox.stop()

    def connect(self, tenants: int = 1) -> list[XeroConnection]:
        """Connect the sandbox's first organisation, and with more `tenants` as many new ones, without a browser."""
        from xero_integration import connections, testing
        from xero_integration.models import XeroSettings

        first = testing.connect(self.control)
        names = [each["name"] for each in self.control.make_organisations(tenants - 1)] if tenants > 1 else []
        others = [testing.consent(self.control, XeroSettings.load().client_id, name) for name in names]
        for other in others:
            connections.read_reference(other)
        self.control.forget()
        return [first, *others]

    def reconnect(self, connection: XeroConnection) -> None:
        """Give consent again, as a person does who finds the connection broken."""
        from xero_integration import testing
        from xero_integration.models import XeroSettings

        testing.consent(self.control, XeroSettings.load().client_id, connection.name)

    def start_broker(self) -> BrokerServer:
        """Start the embedded broker in this stage's folder."""
        from c3portal.testing import BrokerServer

        self.broker = BrokerServer(self.folder / "var")
        self.broker.start()
        return self.broker

    def start_worker(self, concurrency: int = 1, *, clock_ahead: float | None = None) -> WorkerProcess:
        """Start one more worker process group, with its clock so many seconds ahead when that is given."""
        from c3portal.testing import WorkerProcess

        self.workers_started += 1
        log, clock = self.folder / f"worker-{self.workers_started}.log", None
        if clock_ahead is not None:
            clock = self.folder / f"clock-{self.workers_started}"
            clock.write_text(str(clock_ahead))
        self.workers.append(WorkerProcess({**os.environ, **self.environment}, log, concurrency, clock))
        return self.workers[-1]

    @contextmanager
    def web(self, *, fresh_static: bool = False) -> Iterator[str]:
        """Run the Procfile's web processes on a free port of this machine; yields their address. What pages load is
        collected where it is not yet, with `fresh_static` in any case."""
        from django.conf import settings
        from django.core.management import call_command

        from c3portal.testing import PortalProcess, wait_until

        if fresh_static or not (settings.STATIC_ROOT / "staticfiles.json").exists():
            call_command("collectstatic", interactive=False, verbosity=0)
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        environment = {**self.environment, "PORT": str(port), "WEB_BIND": "127.0.0.1"}
        with PortalProcess("web", environment, self.folder / "web.log"):
            wait_until(lambda: _serves(origin), "The portal serves")
            yield origin

    def start_beat(self) -> None:
        """Start the scheduler."""
        with (self.folder / "beat.log").open("wb") as log:
            self.beat = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "c3portal", "beat", "--pidfile", ""],
                cwd=BASE_DIR,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _serves(origin: str) -> bool:
    try:
        with urllib.request.urlopen(f"{origin}/health/live", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def tally(rows: list[tuple[str, Any]]) -> str:
    """Return name and figure in two columns, for a terminal."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {figure}" for name, figure in rows)
