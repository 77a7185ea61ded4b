"""`python -m c3portal.launch`: prepare, start, wait until everything works, say so; Ctrl-C stops all of it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from c3portal.launch import announcement, beside, environment, ports, readiness
from c3portal.launch.environment import BASE_DIR, Plan
from c3portal.launch.processes import Processes
from c3portal.processes.state import UMASK

STOPPED_BY_CTRL_C = 130


def main() -> int:
    """Run the portal until it is stopped; return the exit status. Raises SystemExit with the reason."""
    os.umask(UMASK)
    given = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    plan = environment.plan(given)
    with _only_one(plan):
        ports.refuse_taken(plan)
        beside.keep(plan)
        _print("Preparing the database and the pages …")
        _manage(plan, "prepare")
        plan.beat_pidfile.unlink(missing_ok=True)
        processes = Processes(plan, when_started=lambda started: _announce(plan, started))
        processes.loop()
    return 0 if processes.returncode == STOPPED_BY_CTRL_C else processes.returncode or 0


def _only_one(plan: Plan) -> IO[str]:
    """Return the lock of the state folder. Raises SystemExit when it is held."""
    lock = (plan.var_dir / "running").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise SystemExit(
            f"The portal already runs on {plan.var_dir} (process {lock.read().strip()}): "
            f"stop it with Ctrl-C in its terminal, or give this one its own state folder with VAR_DIR."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _manage(plan: Plan, *arguments: str) -> str:
    """Run a command of manage.py; return what it printed. Raises SystemExit."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    try:
        done = subprocess.run(command, env=plan.variables, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.stdout}manage.py {arguments[0]} failed: its lines above say why.") from error
    return done.stdout


def _announce(plan: Plan, processes: Processes) -> None:
    sign_ins = ""
    try:
        for name, works in readiness.probes(plan):
            readiness.wait_for(name, works, gave_up=lambda: processes.is_stopping)
            if name in plan.sandboxes[-1:]:
                sign_ins = _manage(plan, "setup_demo")
        _print(announcement.text(plan, sign_ins or _manage(plan, "setup_demo")))
    except (readiness.NotReadyError, SystemExit) as problem:
        if not processes.is_stopping:
            _print(str(problem))
            processes.returncode = 1
            processes.terminate()


def _print(words: str) -> None:
    print(words, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
