"""What the embedded defaults keep below VAR_DIR is for its owner alone, whoever made the folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

FOR_THE_OWNER = 0o600
UMASK = 0o077


def private_database(path: Path) -> None:
    """Make the SQLite database at `path`, or take from others what they may do with it: SQLite gives its further files
    the rights of the first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FOR_THE_OWNER))
        for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if each.exists() and each.stat().st_uid == os.getuid():
                each.chmod(FOR_THE_OWNER)
