"""A `make run` for tests, as a newcomer types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from c3portal.testing import BASE_DIR, wait_until

UP = "The portal is up:"
STOP_SECONDS = 20


def bare(**more: str) -> dict[str, str]:
    """Return an environment as a newcomer has it: nothing of the portal's in it but what is told here."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


def given(var_dir: Path, **more: str) -> dict[str, str]:
    """Return what keeps the state in `var_dir`, whatever this checkout's own `.env` says."""
    return bare(**{"ENV_FILE": os.devnull, "VAR_DIR": str(var_dir), **more})


def _is_at_work(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Launched:
    """A `make run` whose lines are gathered while it runs; of a `checkout` of its own when there is no `var_dir`."""

    def __init__(
        self, var_dir: Path | None, port: int, sandbox_port: int, c3_sandbox_port: int, checkout: Path = BASE_DIR
    ) -> None:
        self.port, self.sandbox_port, self.c3_sandbox_port = port, sandbox_port, c3_sandbox_port
        ports = {"PORT": str(port), "SANDBOX_PORT": str(sandbox_port), "C3_SANDBOX_PORT": str(c3_sandbox_port)}
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "c3portal.launch"],
            env=given(var_dir, **ports) if var_dir else bare(**ports),
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def output(self) -> str:
        return "".join(list(self.lines))

    def wait_until_up(self) -> None:
        wait_until(lambda: UP in self.output or self.process.poll() is not None, "The portal is up", patience=120)
        assert UP in self.output, self.output

    def family(self) -> list[psutil.Process]:
        """Every process that it has started so far."""
        return psutil.Process(self.process.pid).children(recursive=True)

    @staticmethod
    def still_at_work(processes: list[psutil.Process]) -> list[psutil.Process]:
        """Return those that have not ended; one that ended and that the system has not cleared away yet has."""
        return [process for process in processes if _is_at_work(process)]

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
