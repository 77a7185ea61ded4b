"""A process of the portal's on a machine whose clock is wrong: `python -m c3portal.tests.wrong_clock FILE MODULE …`.

FILE says by how many seconds the clock is ahead (less than 0: behind), at any moment; when it changes the clock jumps.
Only the time of day is wrong: what measures how long something takes, or sleeps, is not.
"""

from __future__ import annotations

import datetime as dt
import os
import runpy
import sys
import threading
import time
from pathlib import Path

import time_machine

POLL_EVERY = 0.1


def keep_wrong(path: Path) -> None:
    """Have this process's clock follow the file, and that of each process that it forks."""
    _go_wrong(path)
    os.register_at_fork(after_in_child=lambda: _follow(path))
    _follow(path)


def _follow(path: Path) -> None:
    threading.Thread(target=_poll, args=[path], daemon=True).start()


def _poll(path: Path) -> None:
    applied = path.read_text()
    while True:
        time.sleep(POLL_EVERY)
        if path.read_text() not in ("", applied):
            applied = path.read_text()
            _go_wrong(path)


def _go_wrong(path: Path) -> None:
    hatch = time_machine.escape_hatch
    right = hatch.time.time() if hatch.is_travelling() else time.time()
    moment = dt.datetime.fromtimestamp(right + float(path.read_text()), tz=dt.UTC)
    time_machine.travel(moment).start()


if __name__ == "__main__":
    keep_wrong(Path(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
