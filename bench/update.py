"""An update in the middle of uploads: from the release before to this one, in the order of docs/operations.md.

Real processes as the units start them, two of each kind, replaced one by one while both releases post side by side.
Nothing of the portal is loaded here: what is asked of it is typed, clicked, or read in its database. `make update`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import environ

from bench.environment import BASE_DIR, tally
from bench.installation import Postgres, Supervised
from c3portal.testing import BrokerServer, answers, wait_until
from c3portal.tests import release_before
from c3portal.tests.machine import FINANCE_ADMIN, Visitor
from c3portal.tests.updating import is_done
from xero_sandbox.testing import SandboxControl, SandboxProcess, free_port

PERIOD = "20260918"
# One part is uploaded by the release before; one on the new schema, with workers of both; one while its last worker
# goes; and one by the new pages.
PARTS = 4
# How long processes of both releases work side by side after each that is replaced.
SIDE_BY_SIDE = 6.0
# Seconds for an answer of Xero's: so slow that each process is replaced in the middle of a part.
LATENCY = 3.0
LIMIT = 600
# Units that nobody exchanges call the new release by the address that the old one had.
ENTRY = "c3portal.start"
MAKE = "import django; django.setup(); from bench import invoices; invoices.make({}, customers={}, prefix='P{}')"
POSTED = "SELECT count(*) FROM invoices_posting WHERE status = 'posted'"
STATES = "SELECT status, count(*) FROM invoices_posting GROUP BY status"
WANTED = "SELECT xero_number, total FROM invoices_invoice"


@dataclass
class Site:
    """An installation of the release before, and how far each step of its update found the posting."""

    folder: Path
    old: Path
    new: Path
    environment: dict[str, str]
    sandbox: SandboxControl
    visitor: Visitor
    processes: dict[str, Supervised] = field(default_factory=dict)
    steps: list[tuple[str, str]] = field(default_factory=list)

    def run(self, tree: Path, *words: str) -> None:
        """Run Python in a release's folder. Raises SystemExit with what it said when it fails."""
        done = subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=tree, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words[:2])} failed:\n{done.stdout}{done.stderr}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the portal's database."""
        url = self.environment["DATABASE_URL"]
        if url.startswith("sqlite"):
            import sqlite3

            with sqlite3.connect(environ.Env.db_url_config(url)["NAME"], timeout=20) as database:
                return database.execute(query).fetchall()
        import psycopg

        with psycopg.connect(url) as server:
            return server.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def port(self, web: str) -> int:
        """Return where a web process listens."""
        return int(self.processes[web].environment["PORT"])

    def serves(self, web: str) -> None:
        """Wait until a web process serves pages."""
        wait_until(lambda: answers(f"http://localhost:{self.port(web)}/health/web"), f"{web} serves", patience=90)

    def replace(self, name: str) -> None:
        """Restart one process on the new release, and let both releases work side by side for a while."""
        process = self.processes[name]
        process.stop(patience=200)
        process.tree = self.new
        process.start()
        if name.startswith("web"):
            self.serves(name)
        self.note(f"{name} is of the new release")
        time.sleep(SIDE_BY_SIDE)

    def note(self, step: str) -> None:
        """Keep how many of how many invoices were posted when a step was done."""
        (queued,) = self.rows("SELECT count(*) FROM invoices_posting")[0]
        (posted,) = self.rows(POSTED)[0]
        self.steps.append((step, f"{posted} of {queued} posted"))

    def upload(self, part: int, count: int, web: str, tree: Path) -> str:
        """Bring in one part of the invoices and upload it by the pages of `web`; return the page of its log."""
        self.run(tree, "-c", MAKE.format(count, max(1, count // 5), part))
        return self.visitor.upload(self.port(web), PERIOD)


def update(site: Site, count: int) -> list[str]:
    """Update the site while `count` invoices are posted; return the pages of the uploads."""
    each = count // PARTS
    pages = [site.upload(1, each, "web", site.old)]
    wait_until(lambda: site.rows(POSTED)[0][0] > 0, "The release before posts", patience=60)
    site.note("the release before posts")
    site.run(site.new, "manage.py", "prepare")
    site.note("the schema is of the new release")
    pages.append(site.upload(2, each, "web2", site.old))
    site.replace("worker")
    pages.append(site.upload(3, each, "web", site.old))
    site.replace("worker2")
    site.replace("beat")
    site.replace("web")
    pages.append(site.upload(4, count - 3 * each, "web", site.new))
    # The old pages and the new ones show the same, to the same session.
    site.visitor.get(site.port("web2"), pages[-1])
    site.replace("web2")
    return pages


@contextmanager
def site_of(folder: Path, database_url: str) -> Iterator[Site]:
    """Install the release before in `folder`, on a database that is empty, and start it. Raises NoHistoryError."""
    old = release_before.unpack(folder / "old")
    left_out = shutil.ignore_patterns(".*", "var", "staticfiles", "test-results", "__pycache__")
    new = Path(shutil.copytree(BASE_DIR, folder / "new", ignore=left_out))
    (folder / "var").mkdir()
    with ExitStack() as ends:
        sandbox = ends.enter_context(SandboxProcess(folder / "sandbox"))
        control = SandboxControl(sandbox.url)
        environment = _environment(folder, database_url, sandbox.url)
        site = Site(folder, old, new, environment, control, Visitor(environment["PORTAL_URL"]))
        broker = BrokerServer(folder / "var")
        broker.start()
        ends.callback(broker.stop)
        site.run(old, "manage.py", "prepare")
        site.run(old, "-m", "c3portal.tests.furnish", sandbox.url, *FINANCE_ADMIN)
        control.set_limits(day=1_000_000, minute=1_000_000, app_minute=1_000_000, latency_seconds=LATENCY)
        ends.callback(_stop, site)
        _start(site)
        yield site


def _environment(folder: Path, database_url: str, sandbox_url: str) -> dict[str, str]:
    port = str(free_port())
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "c3portal.settings",
        "ENV_FILE": os.devnull,
        "DEBUG": "0",
        "SECRET_KEY": "a-key-for-the-update-which-signs-nothing-of-value",
        "ENCRYPTION_KEYS": "an-encryption-key-for-the-update",
        "VAR_DIR": str(folder / "var"),
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'portal.sqlite3'}",
        "CELERY_BROKER_URL": "",
        "PORTAL_URL": f"http://localhost:{port}",
        "PORT": port,
        "WEB_PROCESSES": "1",
        "WORKER_PROCESSES": "2",
        "MFA_REQUIRED_FOR": "none",
        # Many calls, so that there is a middle; a minute of Xero's limit is short, so that it is not all waiting.
        "XERO_BATCH": "5",
        "XERO_MINUTE": "6",
        **dict.fromkeys(("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL"), sandbox_url),
    }


def _start(site: Site) -> None:
    for name in ("web", "web2", "worker", "worker2", "beat"):
        own = {**site.environment, **({"PORT": str(free_port())} if name == "web2" else {})}
        site.processes[name] = Supervised(name, site.folder, own, tree=site.old, entry=ENTRY)
        site.processes[name].start()
    for web in ("web", "web2"):
        site.serves(web)
    site.visitor.sign_in(site.port("web"))


def _stop(site: Site) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: each.stop(), site.processes.values()))


def compare_with_sandbox(site: Site) -> dict[str, Any]:
    """Hold what is in the sandbox against the invoices of the portal's database."""
    there = Counter(each["number"] for each in site.sandbox.documents())
    totals = {each["number"]: each["total"] for each in site.sandbox.documents()}
    wanted = dict(site.rows(WANTED))
    return {
        "states": dict(site.rows(STATES)),
        "in the sandbox": there.total(),
        "twice": sum(1 for number in there.values() if number > 1),
        "missing": len(wanted.keys() - there.keys()),
        "not the portal's": len(there.keys() - wanted.keys()),
        "wrong total": sum(1 for number, total in wanted.items() if abs(float(total)) != float(totals.get(number, -1))),
        "violations": site.sandbox.violations(),
    }


def main() -> int:
    """Run from the command line; exit 1 unless everything arrived exactly once."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--invoices", type=int, default=1000)
    arguments.add_argument("--postgres", action="store_true", help="on a real PostgreSQL, started for the run")
    arguments.add_argument("--folder", type=Path, help="keep everything there")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as ends:
        folder = options.folder or Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="update-")))
        folder.mkdir(parents=True, exist_ok=True)
        url = ""
        if options.postgres:
            server = Postgres(folder / "postgres")
            ends.callback(server.stop)
            url = server.database("portal")
        try:
            site = ends.enter_context(site_of(folder, url))
        except release_before.NoHistoryError as error:
            raise SystemExit(str(error)) from error
        began = time.monotonic()
        pages = update(site, options.invoices)
        updated = time.monotonic() - began
        wait_until(
            lambda: all(is_done(site.visitor.get(site.port("web"), page)) for page in pages), "All is done", LIMIT
        )
        found = compare_with_sandbox(site)
        seconds = time.monotonic() - began
    rows = [("From", release_before.COMMIT[:7]), ("Database", "PostgreSQL" if options.postgres else "SQLite")]
    figures = {"Seconds until updated": round(updated, 1), "Seconds until all was done": round(seconds, 1), **found}
    print(tally([*rows, *site.steps, *((name.capitalize(), figure) for name, figure in figures.items())]))
    right = found["states"] == {"posted": options.invoices} and found["in the sandbox"] == options.invoices
    wrong = ("twice", "missing", "not the portal's", "wrong total", "violations")
    return 0 if right and not any(found[name] for name in wrong) else 1


if __name__ == "__main__":
    sys.exit(main())
