"""Keeps what lies below VAR_DIR for its owner alone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

FOR_THE_OWNER = 0o600
FOLDER_OF_THE_OWNER = 0o700
UMASK = 0o077


def private_database(path: Path) -> None:
    """Make the SQLite database at `path`, or take others' rights to it away."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_OF_THE_OWNER)
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FOR_THE_OWNER))
        # SQLite gives its further files the rights of the first.
        for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if each.exists() and each.stat().st_uid == os.getuid():
                each.chmod(FOR_THE_OWNER)


def private_folder(path: Path) -> bool:
    """Make the folder at `path`, or take others' rights to it away; return whether it is there."""
    # Processes that have no use for it may run where nothing can be written.
    with contextlib.suppress(OSError):
        path.mkdir(parents=True, exist_ok=True, mode=FOLDER_OF_THE_OWNER)
        if path.stat().st_uid == os.getuid():
            path.chmod(FOLDER_OF_THE_OWNER)
    return path.is_dir()
