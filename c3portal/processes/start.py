"""`python -m c3portal.processes.start PROCESS`: become a process of the Procfile, once all that it needs is right."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import django
from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.db import Error
from honcho.environ import parse_procfile

from c3portal.processes import pending_migrations
from c3portal.processes.state import UMASK

logger = logging.getLogger(__name__)

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PAUSE_SECONDS = 0.5


def main(name: str) -> None:
    """Check the settings, wait for the schema and become `name`, or raise SystemExit."""
    os.umask(UMASK)
    command = command_of(name)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")
    django.setup()
    refuse_mistakes(name)
    wait_for_the_schema(name)
    refuse_a_database_that_was_left(name)
    beside = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    os.chdir(BASE_DIR)
    os.execve("/bin/sh", ["sh", "-c", command], environment)  # noqa: S606


def command_of(name: str) -> str:
    """Return the Procfile's command. Raises SystemExit without one."""
    # The image and the systemd units start this, so the Procfile alone says how each process runs.
    commands: dict[str, str] = parse_procfile((BASE_DIR / "Procfile").read_text()).processes
    if name not in commands:
        raise SystemExit(f"The Procfile has no process {name!r}; it has {', '.join(commands)}.")
    return commands[name]


def refuse_mistakes(name: str) -> None:
    """Raise SystemExit naming each error that `manage.py check` finds."""
    # A misspelt role of MFA_REQUIRED_FOR would otherwise leave people without the second factor that was asked for.
    _refuse(f"{name} does not start, since the settings are wrong.", run_checks())


def refuse_a_database_that_was_left(name: str) -> None:
    """Raise SystemExit when the portal moved to another database."""
    # What is done in this one would be lost.
    _refuse(f"{name} does not start on this database.", run_checks(tags=["moved"], databases=["default"]))


def _refuse(why: str, found: Iterable[CheckMessage]) -> None:
    if mistakes := [each for each in found if each.is_serious()]:
        reported = "\n".join(f"{each.id}: {each.msg} {each.hint or ''}" for each in mistakes)
        raise SystemExit(f"{why}\n{reported}")


def wait_for_the_schema(name: str) -> None:
    """Return once every migration is applied. Raises SystemExit after SCHEMA_PATIENCE seconds."""
    deadline = time.monotonic() + settings.SCHEMA_PATIENCE
    reported = ""
    while obstacle := _obstacle():
        if obstacle != reported:
            logger.warning("%s waits and does nothing yet: %s", name, obstacle)
            reported = obstacle
        if time.monotonic() > deadline:
            # Whoever supervises the process starts it anew.
            raise SystemExit(f"{name} has not started within {settings.SCHEMA_PATIENCE:.0f} seconds: {obstacle}")
        time.sleep(PAUSE_SECONDS)
    if reported:
        logger.warning("%s starts: the database has what this release needs.", name)


def _obstacle() -> str:
    try:
        lacking = pending_migrations.missing()
    except Error as error:
        reason = next(iter(str(error).splitlines()), "no reason given")
        return f"the database does not answer ({reason})."
    if not lacking:
        return ""
    return f"the database lacks {', '.join(lacking)}; `manage.py migrate` of this release brings it up to date."


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
