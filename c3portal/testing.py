"""Real parts for tests: a broker, workers and a scheduler as processes of their own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import redis
import requests
from django.db import connection, connections

from c3portal.processes import embedded_broker, start

BASE_DIR = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30


def wait_until(holds: Callable[[], bool], what: str, patience: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `holds()`. Raises AssertionError, naming `what`, after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {patience} seconds")
        time.sleep(0.02)


def at_once[Result](times: int, work: Callable[[int], Result]) -> list[Result]:
    """Run `work` in so many threads that start together, each given its number; return the results.

    Raises what any of them raised.
    """
    barrier = threading.Barrier(times)

    def run(turn: int) -> Result:
        barrier.wait(PATIENCE_SECONDS)
        try:
            return work(turn)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return [future.result(2 * PATIENCE_SECONDS) for future in [pool.submit(run, turn) for turn in range(times)]]


class BrokerServer:
    """The embedded broker of a state folder; may be killed and started again."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.url = embedded_broker.url(var_dir)
        self.client = redis.Redis(unix_socket_path=str(embedded_broker.socket_path(var_dir)))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(embedded_broker.server_command(self.var_dir))
        wait_until(self.answers, "The broker answers")

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; with SIGKILL as a power cut would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_SECONDS)


class BeatProcess:
    """A real `celery beat` with its output in `log`; its clock is as wrong as the file `clock` says."""

    def __init__(self, environment: dict[str, str], log: Path, clock: Path | None = None) -> None:
        self.log = log
        wrong = ["c3portal.tests.wrong_clock", str(clock)] if clock else []
        command = [sys.executable, "-m", *wrong, "celery", "--app", "c3portal", "beat", "--pidfile", ""]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--loglevel", "INFO"],
                env={**os.environ, **environment},
                cwd=BASE_DIR,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)


def answers(url: str) -> bool:
    """Return whether a server answers there with a success."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def database_without_sessions(folder: Path) -> str:
    """Return the URL of a copy of the tests' SQLite database without its table of sessions."""
    path = folder / "no-sessions.sqlite3"
    with sqlite3.connect(connection.settings_dict["NAME"]) as ours, sqlite3.connect(path) as copy:
        ours.backup(copy)
        copy.execute("DROP TABLE django_session")
    return f"sqlite:///{path}"


class PortalProcess:
    """A process of the Procfile, by its own command, while the block lasts, with its output in `log`."""

    def __init__(self, name: str, environment: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self.environment = {**os.environ, **environment}
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def __enter__(self) -> Self:
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", start.command_of(self.name)],
                env=self.environment,
                cwd=BASE_DIR,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)


class WorkerProcess:
    """A real `celery worker` on the tests' database and broker; its clock is as wrong as the file `clock` says."""

    def __init__(self, environment: dict[str, str], log: Path, concurrency: int = 2, clock: Path | None = None) -> None:
        self.log, self.clock = log, clock
        wrong = ["c3portal.tests.wrong_clock", str(clock)] if clock else []
        command = [sys.executable, "-m", *wrong, "celery", "--app", "c3portal", "worker", "--loglevel", "INFO"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--concurrency", str(concurrency), "--hostname", f"{log.stem}@localhost"],
                # It says at this level when it is ready.
                env={**os.environ, **environment, "LOG_LEVEL": "INFO"},
                cwd=BASE_DIR,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: "ready." in log.read_text() or self._died(), "The worker is ready")

    def _died(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"The worker did not start:\n{self.log.read_text()}")
        return False

    def kill(self) -> None:
        """End it and its children at once, as the system does when memory runs out."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """Let it finish its task, then end it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
