"""`make run`: one command starts everything, says when it is up, and Ctrl-C ends all of it."""

from __future__ import annotations

import itertools
import os
import re
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from c3portal.launch import announcement, environment, ports
from c3portal.launch.tests.launched import UP, Launched, given
from c3portal.processes import embedded_broker
from c3portal.testing import BASE_DIR, wait_until
from xero_sandbox.testing import free_port

PORTS = ("PORT", "SANDBOX_PORT", "C3_SANDBOX_PORT")


@pytest.fixture(scope="module")
def portal_and_family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Launched, Path]]:
    """One portal for all the questions that can be asked of a running one."""
    var_dir = tmp_path_factory.mktemp("launch") / "var"
    launched = Launched(var_dir, free_port(), free_port(), free_port())
    try:
        launched.wait_until_up()
        yield launched, var_dir
    finally:
        if launched.process.poll() is None:
            launched.press_ctrl_c()


@pytest.mark.whole
def test_it_says_that_it_is_up_only_when_everything_is(portal_and_family: tuple[Launched, Path]) -> None:
    launched, _ = portal_and_family
    web = requests.get(f"http://localhost:{launched.port}/health/web", timeout=5)
    assert web.json() == {"status": "ok", "database": "ok", "migrations": "ok"}
    assert requests.get(f"http://localhost:{launched.sandbox_port}/sandbox/state", timeout=5).ok
    assert requests.get(f"http://localhost:{launched.c3_sandbox_port}/sandbox/state", timeout=5).ok
    assert re.search(r"The portal is up: +http://localhost:\d+$", launched.output, re.MULTILINE)


@pytest.mark.whole
def test_the_portal_is_set_up_with_its_c3_sandbox(portal_and_family: tuple[Launched, Path]) -> None:
    launched, var_dir = portal_and_family
    address = f"http://localhost:{launched.c3_sandbox_port}"
    handed_out = requests.get(f"{address}/sandbox/credentials", timeout=5).json()
    with sqlite3.connect(var_dir / "portal.sqlite3") as database:
        row = database.execute("SELECT api_url, client_id, client_secret FROM c3_integration_c3settings").fetchone()
    assert row[:2] == (address, handed_out["client_id"])
    assert handed_out["client_secret"] not in row, "It is stored encrypted"


@pytest.mark.whole
def test_it_is_ready_once_scheduler_and_worker_have_done_something(
    portal_and_family: tuple[Launched, Path],
) -> None:
    launched, _ = portal_and_family
    address = f"http://localhost:{launched.port}/health/ready"
    wait_until(lambda: requests.get(address, timeout=5).status_code == 200, "Scheduler and worker are at work")
    body = requests.get(address, timeout=5).json()
    assert body["ages"].keys() == {"scheduler", "worker"}
    assert {name: body[name] for name in ("broker", "scheduler", "worker")} == {
        "broker": "ok",
        "scheduler": "ok",
        "worker": "ok",
    }


@pytest.mark.whole
def test_the_sign_ins_that_it_prints_are_good(portal_and_family: tuple[Launched, Path]) -> None:
    launched, _ = portal_and_family
    people = re.findall(r"^  (System Admin|Finance Admin|System Reader) +(\S+) +(\S+)$", launched.output, re.MULTILINE)
    assert len(people) == 3
    for _, email, password in people:
        browser = requests.Session()
        address = f"http://localhost:{launched.port}/accounts/login/"
        browser.get(address, timeout=10)
        form = {"login": email, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = browser.post(address, form, headers={"Referer": address}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, launched.output


@pytest.mark.whole
def test_its_secrets_are_for_this_account_alone(portal_and_family: tuple[Launched, Path]) -> None:
    launched, var_dir = portal_and_family
    assert stat.S_IMODE(var_dir.stat().st_mode) == 0o700
    for name in ("secrets", "sign-ins", "told.json"):
        assert stat.S_IMODE((var_dir / name).stat().st_mode) == 0o600
    for line in (var_dir / "secrets").read_text().splitlines():
        assert line.partition("=")[2] not in launched.output


@pytest.mark.whole
def test_a_second_one_is_told_which_ports_are_taken(portal_and_family: tuple[Launched, Path], tmp_path: Path) -> None:
    launched, _ = portal_and_family
    second = Launched(tmp_path / "var", launched.port, launched.sandbox_port, launched.c3_sandbox_port)
    assert second.process.wait(30) == 1
    wait_until(lambda: "C3_SANDBOX_PORT=" in second.output, "All ports are named")
    assert f"Port {launched.port} is taken by another program, so the portal cannot listen on it." in second.output
    assert f"Port {launched.sandbox_port} is taken by another program, so the Xero sandbox cannot" in second.output
    assert f"Port {launched.c3_sandbox_port} is taken by another program, so the C3 sandbox cannot" in second.output
    assert re.search(r"make run PORT=\d+", second.output)


@pytest.mark.whole
def test_two_portals_never_share_a_state_folder(portal_and_family: tuple[Launched, Path]) -> None:
    launched, var_dir = portal_and_family
    second = Launched(var_dir, free_port(), free_port(), free_port())
    assert second.process.wait(30) == 1
    wait_until(lambda: f"The portal already runs on {var_dir}" in second.output, "The folder is named")
    assert str(launched.process.pid) in second.output


@pytest.mark.whole
def test_ctrl_c_ends_everything_and_the_data_stay(portal_and_family: tuple[Launched, Path]) -> None:
    first, var_dir = portal_and_family
    family = first.family()
    assert len(first.still_at_work(family)) >= 12, [process.cmdline() for process in family]
    first.press_ctrl_c()
    assert first.still_at_work(family) == []
    assert not ports.is_taken(first.port)
    assert not ports.is_taken(first.sandbox_port)
    assert not ports.is_taken(first.c3_sandbox_port)
    assert first.process.returncode == 0

    again = Launched(var_dir, first.port, first.sandbox_port, first.c3_sandbox_port)
    again.wait_until_up()
    again.press_ctrl_c()
    sign_ins = [line for line in first.lines if "contoso.example" in line]
    assert [line for line in again.lines if "contoso.example" in line] == sign_ins


def launch_in_vain(var_dir: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Launch a portal that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "c3portal.launch"],
        env=given(var_dir, **{name: str(free_port()) for name in PORTS}, **more),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.whole
def test_one_process_that_cannot_start_takes_the_others_with_it(tmp_path: Path) -> None:
    done = launch_in_vain(tmp_path / "var", WORKER_PROCESSES="many")
    assert done.returncode != 0
    assert "worker stopped" in done.stdout
    assert "sandbox stopped" in done.stdout
    assert "c3-sandbox stopped" in done.stdout
    assert UP not in done.stdout


@pytest.mark.whole
def test_a_mistake_in_the_settings_is_told_before_anything_starts(tmp_path: Path) -> None:
    done = launch_in_vain(tmp_path / "var", PORTAL_URL="http://127.0.0.1:8000")
    assert done.returncode != 0
    assert "Set PORTAL_URL=http://localhost:8000" in done.stderr
    assert "started" not in done.stdout


def test_dotenv_is_read_and_the_environment_comes_first(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8020\nSANDBOX_PORT=8120\nDEBUG=1\n")
    plan = environment.plan(given(tmp_path / "var", ENV_FILE=str(tmp_path / ".env"), SANDBOX_PORT="8130"))
    assert (plan.port, plan.sandbox_port, plan.variables["DEBUG"]) == (8020, 8130, "1")


def test_embedded_defaults_run_everything(tmp_path: Path) -> None:
    plan = environment.plan(given(tmp_path))
    assert plan.processes == ("broker", "sandbox", "c3-sandbox", "web", "worker", "beat")
    assert plan.portal_url == "http://localhost:8000"
    assert plan.variables["XERO_API_URL"] == "http://localhost:8100"
    assert plan.variables["C3_LOGIN_URL"] == "http://localhost:8200"
    assert "DEBUG" not in plan.variables


def test_a_second_factor_is_required_only_where_that_is_said(tmp_path: Path) -> None:
    assert environment.plan(given(tmp_path)).variables["MFA_REQUIRED_FOR"] == "none"
    assert environment.plan(given(tmp_path, MFA_REQUIRED_FOR="all")).variables["MFA_REQUIRED_FOR"] == "all"


def test_mail_is_written_to_the_terminal_unless_there_is_a_server(tmp_path: Path) -> None:
    assert environment.plan(given(tmp_path)).writes_mail_here
    assert not environment.plan(given(tmp_path, EMAIL_URL="smtp://localhost:25")).writes_mail_here


def test_a_real_xero_needs_no_sandbox(tmp_path: Path) -> None:
    real = dict(zip(environment.XERO_ORIGINS, ("https://login", "https://identity", "https://api"), strict=True))
    plan = environment.plan(given(tmp_path, **real))
    assert plan.sandboxes == (), "Invented invoices keep clear of real books"
    assert not plan.variables.get("C3_LOGIN_URL")
    assert "redirect URI is http://localhost:8000/" in announcement.text(plan, "")


def test_a_real_c3_needs_no_sandbox(tmp_path: Path) -> None:
    plan = environment.plan(given(tmp_path, C3_LOGIN_URL="https://login.microsoftonline.com"))
    assert plan.sandboxes == ("sandbox",)
    assert plan.variables["C3_LOGIN_URL"] == "https://login.microsoftonline.com"


def test_a_broker_of_ones_own_is_used(tmp_path: Path) -> None:
    plan = environment.plan(given(tmp_path, CELERY_BROKER_URL="redis://cache:6379/0"))
    assert "broker" not in plan.processes
    assert plan.variables["CELERY_BROKER_URL"] == "redis://cache:6379/0"


def test_ports_move_what_depends_on_them(tmp_path: Path) -> None:
    plan = environment.plan(given(tmp_path, PORT="8010", SANDBOX_PORT="8110", C3_SANDBOX_PORT="8210"))
    assert plan.portal_url == "http://localhost:8010"
    assert {plan.variables[name] for name in environment.XERO_ORIGINS} == {"http://localhost:8110"}
    assert plan.variables["C3_LOGIN_URL"] == "http://localhost:8210"


@pytest.mark.parametrize("port", ["http", "0", "65536", "80 80", "²"])
def test_a_port_that_is_no_port_is_refused_in_words(tmp_path: Path, port: str) -> None:
    with pytest.raises(SystemExit, match=r"PORT is .*: set it to a number from 1 to 65535"):
        environment.plan(given(tmp_path, PORT=port))


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(PORTS, 2)))
def test_the_same_port_twice_is_refused(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(SystemExit, match=f"{one} and {other} are both 8010"):
        ports.refuse_taken(environment.plan(given(tmp_path, **{one: "8010", other: "8010"})))


def test_secrets_are_made_once_and_given_ones_come_first(tmp_path: Path) -> None:
    first = environment.plan(given(tmp_path)).variables
    second = environment.plan(given(tmp_path)).variables
    assert first["SECRET_KEY"] == second["SECRET_KEY"] != first["ENCRYPTION_KEYS"]
    assert environment.plan(given(tmp_path, SECRET_KEY="given")).variables["SECRET_KEY"] == "given"


@pytest.mark.parametrize(("family", "host"), ports.LOOPBACKS)
def test_a_port_counts_as_taken_on_either_loopback(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as other:
        try:
            other.bind((host, 0))
        except OSError:
            pytest.skip(f"This machine has no {host}")
        other.listen()
        assert ports.is_taken(other.getsockname()[1])


@pytest.mark.parametrize(("depth", "inside"), [(1, True), (12, False)])
def test_the_broker_has_a_socket_however_deep_the_folder_is(depth: int, inside: bool) -> None:
    var_dir = Path("/srv").joinpath(*["a deep folder"] * depth)
    path = embedded_broker.socket_path(var_dir)
    assert len(os.fsencode(path)) <= embedded_broker.SOCKET_PATH_MAX
    assert (path.parent == var_dir) == inside


def test_two_deep_folders_have_two_sockets() -> None:
    deep = Path("/srv") / ("x" * 120)
    assert embedded_broker.socket_path(deep / "one") != embedded_broker.socket_path(deep / "two")
