"""What the release before calls or has sent is still there: its addresses, its tasks. It goes a release later."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile

from c3portal.testing import BASE_DIR, wait_until
from c3portal.tests import release_before
from xero_sandbox.testing import free_port

# The tasks that the release before sends, with what it tells them: messages of it are in the broker during an update.
TASKS = {
    "c3portal.tasks.deliver_notices": [],
    "c3portal.tasks.look_at_the_certificate": [],
    "c3portal.tasks.prune": [],
    "invoices.tasks.find_notices": [],
    "invoices.tasks.keep_connections_alive": [],
    "invoices.tasks.read_reference": ["connection_id"],
    "invoices.tasks.refresh_reference": [],
    "invoices.tasks.sweep": [],
    "invoices.tasks.work": ["connection_id", "spread"],
}
LIST = """
import django, inspect, json
django.setup()
from celery import current_app
from django.conf import settings
current_app.loader.import_default_modules()
packages = ("c3portal.", "invoices.", "operations.")
own = {name: task for name, task in current_app.tasks.items() if name.startswith(packages)}
parameters = {name: list(inspect.signature(task.run).parameters.values()) for name, task in own.items()}
print(json.dumps({
    "tasks": {name: [each.name for each in all] for name, all in parameters.items()},
    "needs": {name: [each.name for each in all if each.default is each.empty] for name, all in parameters.items()},
    "sent": [each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()],
}))
"""
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "c3portal.settings",
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "a-secret-key-for-the-tests-which-signs-nothing-of-value",
    "ENCRYPTION_KEYS": "an-encryption-key-for-the-tests",
}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return release_before.unpack(tmp_path_factory.mktemp("before") / "tree")
    except release_before.NoHistoryError as error:
        pytest.skip(str(error))


def tasks_of(tree: Path, var_dir: Path) -> dict[str, Any]:
    """Return the tasks that a worker of `tree` knows, what each must be told, and which ones its scheduler sends."""
    variables = {"PATH": os.environ["PATH"], **SETTINGS, "VAR_DIR": str(var_dir), "PRUNE_AFTER_DAYS": "400"}
    done = subprocess.run([sys.executable, "-c", LIST], cwd=tree, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_list_is_that_of_the_release_before(before: Path, tmp_path: Path) -> None:
    assert tasks_of(before, tmp_path)["tasks"] == TASKS


def test_messages_of_the_release_before_are_understood(tmp_path: Path) -> None:
    present = tasks_of(BASE_DIR, tmp_path)
    for name, parameters in TASKS.items():
        assert present["tasks"][name][: len(parameters)] == parameters, name
        assert set(present["needs"][name]) <= set(parameters), name


def test_every_task_that_the_scheduler_sends_is_one(tmp_path: Path) -> None:
    present = tasks_of(BASE_DIR, tmp_path)
    assert "c3portal.tasks.prune" in present["sent"]
    assert set(present["sent"]) <= present["tasks"].keys()


def of_the_procfile(before: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Start a process of the Procfile of the release before on the code of this one, and end it once it is up."""
    command = parse_procfile((before / "Procfile").read_text()).processes[name]
    beside = Path(sys.executable).parent
    variables = {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1", **SETTINGS, **more}
    process = subprocess.Popen(
        ["sh", "-c", command], cwd=BASE_DIR, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_until(lambda: Path(more["UP"]).exists() or process.poll() is not None, f"{name} is up")
    finally:
        process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    return subprocess.CompletedProcess(shlex.split(command), process.returncode, output)


def test_its_broker_starts(before: Path, tmp_path: Path) -> None:
    done = of_the_procfile(before, "broker", VAR_DIR=str(tmp_path), UP=str(tmp_path / "broker.sock"))
    assert done.returncode == 0, done.stdout


def test_its_web_server_reads_its_settings(before: Path, tmp_path: Path) -> None:
    command = parse_procfile((before / "Procfile").read_text()).processes["web"].replace("exec gunicorn", "")
    words = [sys.executable, "-m", "gunicorn", "--check-config", *shlex.split(command)]
    variables = {"PATH": os.environ["PATH"], **SETTINGS, "VAR_DIR": str(tmp_path)}
    words = [word for word in words if "$" not in word and word not in ("--bind", "--workers", "--threads")]
    done = subprocess.run(words, cwd=BASE_DIR, env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [("-m", "c3portal.healthcheck", "web"), ("-P", "c3portal/healthcheck.py", "web")],
    ids=["as a module", "as a file"],
)
def test_its_health_check_is_answered(words: tuple[str, ...]) -> None:
    variables = {"PATH": os.environ["PATH"], "PORT": str(free_port())}
    done = subprocess.run([sys.executable, *words], cwd=BASE_DIR, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, ""), "Nobody listens there"


def test_its_scheduler_is_the_same_one() -> None:
    from c3portal import scheduler
    from c3portal.processes.scheduler import Scheduler

    assert scheduler.Scheduler is Scheduler
