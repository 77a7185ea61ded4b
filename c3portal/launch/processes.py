"""The processes of the Procfile under honcho, which stops all when one stops."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from honcho.environ import parse_procfile
from honcho.manager import Manager

from c3portal.launch.environment import BASE_DIR, Plan


class Processes(Manager):  # type: ignore[misc]
    """Runs the processes of `plan`; calls `when_started` in a thread."""

    # Honcho has no public say in when its loop starts and stops, so three of its private methods are built upon.

    def __init__(self, plan: Plan, when_started: Callable[[Processes], None]) -> None:
        super().__init__()
        self._procmgr = _Signals()
        self._stop_wanted = False
        self._when_started = when_started
        commands = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
        for name in plan.processes:
            self.add_process(name, commands[name], env=plan.variables, cwd=str(BASE_DIR))

    def terminate(self) -> None:
        """Ask every process to stop; after five seconds the rest are killed."""
        self._stop_wanted = True
        # Before each has reported its id there is nothing to send the signal to; honcho's loop comes back here.
        if self._all_started():
            super().terminate()

    def _any_stopped(self) -> bool:
        # Honcho counts its five seconds from the first process that stops, which may be never: count from the wish.
        return self._stop_wanted or bool(super()._any_stopped())

    def _start(self) -> None:
        # A closed terminal must not leave the processes behind.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        super()._start()
        threading.Thread(target=self._when_started, args=(self,), daemon=True).start()

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for or one of the processes stopped."""
        return self._stop_wanted or bool(super()._any_stopped())


class _Signals:
    # To the process alone: it stops its children itself.
    def terminate(self, pid: int) -> None:
        self._send(os.kill, pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        self._send(os.killpg, pid, signal.SIGKILL)

    def _send(self, send: Callable[[int, int], Any], pid: int, number: int) -> None:
        try:
            send(pid, number)
        except ProcessLookupError:
            return
