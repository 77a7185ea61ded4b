"""Commands of manage.py that are typed in a checkout in which `make run` runs, has run, or has not run yet."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from c3portal.launch import beside, environment
from c3portal.launch.tests.launched import Launched, bare, given
from c3portal.processes import embedded_broker
from c3portal.testing import BASE_DIR, wait_until
from c3portal.tests.machine import Visitor
from c3portal.tests.updating import is_done
from xero_sandbox.testing import SandboxControl, free_port

NOTICE = "On the portal of `make run` in "
CONNECT = """
from django.conf import settings
from xero_integration.testing import connect
from xero_sandbox.testing import SandboxControl
connect(SandboxControl(settings.XERO_API_URL))
"""
OWN = {
    "SECRET_KEY": "a-key-of-a-portal-of-its-own-which-signs-nothing-of-value",
    "ENCRYPTION_KEYS": "an-encryption-key-of-its-own",
}


@dataclass
class Checkout:
    """A checkout of its own, in which nothing has run yet."""

    folder: Path

    def type(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run Python there in a new terminal, with nothing set but `more`."""
        return subprocess.run(
            [sys.executable, *words], env=bare(**more), cwd=self.folder, capture_output=True, text=True, timeout=120
        )

    def new_period(self) -> Path:
        """Return a file of a billing period that `make run` does not bring along."""
        lines = (self.folder / "sample_data" / "c3-invoice-lines-20260818.csv").read_text().splitlines(keepends=True)
        file = self.folder / "new-period.csv"
        file.write_text("".join(lines[:60]).replace("20260818", "20260718"))
        return file

    def invoices(self) -> int:
        with sqlite3.connect(self.folder / "var" / "portal.sqlite3") as database:
            return int(database.execute("SELECT count(*) FROM invoices_invoice").fetchone()[0])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    left_out = shutil.ignore_patterns(".*", "var", "staticfiles", "test-results", "__pycache__")
    return Checkout(Path(shutil.copytree(BASE_DIR, tmp_path_factory.mktemp("beside") / "checkout", ignore=left_out)))


@pytest.fixture(scope="module")
def launched(checkout: Checkout) -> Iterator[Launched]:
    running = Launched(None, free_port(), free_port(), free_port(), checkout.folder)
    try:
        running.wait_until_up()
        yield running
    finally:
        if running.process.poll() is None:
            running.press_ctrl_c()


@pytest.mark.whole
def test_before_make_run_one_sentence_says_what_to_do(checkout: Checkout) -> None:
    done = checkout.type("manage.py", "import_invoices", str(checkout.new_period()))
    assert (done.returncode, done.stderr) == (1, f"{beside.NOTHING_SET}\n")
    assert not (checkout.folder / "var").exists()


@pytest.mark.whole
def test_what_is_typed_beside_make_run_reaches_its_portal_and_its_workers(
    checkout: Checkout, launched: Launched
) -> None:
    """Its ports were moved, and the new terminal knows nothing of that."""
    connected = checkout.type("manage.py", "shell", "-c", CONNECT)
    assert connected.returncode == 0, connected.stderr
    done = checkout.type("manage.py", "import_invoices", str(checkout.new_period()))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{NOTICE}{checkout.folder / 'var'}, since no other is set.\n"

    ((email, password),) = re.findall(r"^  Finance Admin +(\S+) +(\S+)$", launched.output, re.MULTILINE)
    visitor = Visitor(f"http://localhost:{launched.port}")
    visitor.sign_in(launched.port, email, password)
    upload = visitor.upload(launched.port, "20260718")
    wait_until(lambda: is_done(visitor.get(launched.port, upload)), "All are posted", patience=60)
    arrived = SandboxControl(f"http://localhost:{launched.sandbox_port}").documents()
    assert arrived
    assert all("20260718" in each["number"] for each in arrived)
    assert not [line for line in launched.lines if NOTICE in line]


@pytest.mark.whole
def test_settings_of_ones_own_keep_clear_of_its_portal(checkout: Checkout, launched: Launched, tmp_path: Path) -> None:
    before = checkout.invoices()
    own = {**OWN, "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}"}
    for words in (("prepare", "--without-static"), ("import_invoices", str(checkout.new_period()))):
        done = checkout.type("manage.py", *words, **own)
        assert done.returncode == 0, done.stderr
        assert NOTICE not in done.stderr
    with sqlite3.connect(tmp_path / "own.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM invoices_invoice").fetchone()[0] > 0
    assert checkout.invoices() == before


@pytest.mark.whole
def test_nothing_but_manage_py_finds_its_portal(checkout: Checkout, launched: Launched) -> None:
    for words in (
        ("-m", "c3portal.processes.start", "worker"),
        ("-m", "celery", "--app", "c3portal", "inspect", "ping"),
        ("-c", "import c3portal.settings"),
    ):
        done = checkout.type(*words)
        assert done.returncode != 0, words
        assert "SECRET_KEY is not set" in done.stdout + done.stderr, words


@pytest.mark.whole
def test_the_types_check_of_make_test_works_on_stand_ins(checkout: Checkout, launched: Launched) -> None:
    done = checkout.type("manage.py", "check", DEBUG="1")
    assert done.returncode == 0, done.stderr
    assert NOTICE not in done.stderr


@pytest.mark.whole
def test_commands_go_on_working_when_make_run_has_ended(checkout: Checkout, launched: Launched) -> None:
    launched.press_ctrl_c()
    before = checkout.invoices()
    done = checkout.type("manage.py", "import_invoices", str(checkout.new_period()))
    assert done.returncode == 0, done.stderr
    assert checkout.invoices() == before > 0


@pytest.fixture
def var_dir(tmp_path: Path) -> Path:
    """The state folder of a `make run` that was told nothing but its ports."""
    plan = environment.plan(given(tmp_path / "var", PORT="8010", SANDBOX_PORT="8110", C3_SANDBOX_PORT="8210"))
    beside.keep(plan)
    return plan.var_dir


def joined(var_dir: Path, **more: str) -> dict[str, str]:
    """Return what manage.py adds to an environment."""
    before = given(var_dir, **more)
    after = dict(before)
    beside.join(after)
    return {name: value for name, value in after.items() if before.get(name) != value}


def test_it_is_told_what_make_run_was_told(var_dir: Path) -> None:
    kept = dict(line.split("=", 1) for line in (var_dir / "secrets").read_text().splitlines())
    settings = joined(var_dir)
    assert settings.items() >= kept.items()
    assert {settings[name] for name in environment.XERO_ORIGINS} == {"http://localhost:8110"}
    assert settings["C3_LOGIN_URL"] == "http://localhost:8210"
    assert settings["CELERY_BROKER_URL"] == embedded_broker.url(var_dir)


def test_the_state_folder_may_be_moved(var_dir: Path, tmp_path: Path) -> None:
    moved = var_dir.rename(tmp_path / "moved")
    assert str(moved) in joined(moved)["CELERY_BROKER_URL"]


def test_what_is_set_the_same_here_counts_as_its_own(var_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = json.loads((var_dir / "told.json").read_text())
    assert "SECRET_KEY" in joined(var_dir, ENCRYPTION_KEYS=settings["ENCRYPTION_KEYS"])
    capsys.readouterr()
    assert joined(var_dir, **settings, CELERY_BROKER_URL=embedded_broker.url(var_dir)) == {}
    assert capsys.readouterr().err == "", "Its own processes have it all, and nothing to say"


def test_what_a_process_does_besides_is_as_it_is_set_here(var_dir: Path, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("EMAIL_URL=smtp://localhost:25\n")
    assert not {"LOG_LEVEL", "EMAIL_URL"} & joined(var_dir, LOG_LEVEL="DEBUG", ENV_FILE=str(dotenv)).keys()


@pytest.mark.parametrize(
    "own",
    [
        {**OWN, "DATABASE_URL": "postgres://portal@localhost/portal"},
        {"DEBUG": "1"},
    ],
    ids=["settings of a portal of its own", "development"],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_nothing_is_added_to_settings_of_ones_own(
    var_dir: Path, tmp_path: Path, own: dict[str, str], place: str
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in own.items()))
    assert joined(var_dir, **(own if place == "environment" else {"ENV_FILE": str(dotenv)})) == {}


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ({"SECRET_KEY": "a-key-that-is-not-its-own"}, "SECRET_KEY"),
        (OWN, "SECRET_KEY, ENCRYPTION_KEYS"),
        ({"DATABASE_URL": "postgres://portal:password@localhost/portal"}, "DATABASE_URL"),
        ({"XERO_API_URL": "https://api.xero.com"}, "XERO_API_URL"),
        ({"C3_LOGIN_URL": "https://login.microsoftonline.com"}, "C3_LOGIN_URL"),
        ({"CELERY_BROKER_URL": "redis://:password@cache:6379/0"}, "CELERY_BROKER_URL"),
    ],
    ids=["secret", "secrets", "database", "xero", "c3", "broker"],
)
def test_a_mixture_of_two_portals_is_refused(var_dir: Path, own: dict[str, str], named: str) -> None:
    with pytest.raises(SystemExit) as refused:
        joined(var_dir, **own)
    assert f": {named}. " in str(refused.value)
    assert not [value for value in own.values() if value in str(refused.value)]


def test_where_make_run_never_was_nothing_is_added(tmp_path: Path) -> None:
    assert joined(tmp_path / "nothing") == {}
    assert joined(Path("/proc/read-only")) == {}


def test_what_is_kept_is_for_its_owner_alone(var_dir: Path) -> None:
    assert (var_dir / "told.json").stat().st_mode & 0o777 == 0o600
