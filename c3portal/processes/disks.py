"""How much room is left where the portal writes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection


class Room(NamedTuple):
    """Bytes of a file system: free for whoever is no administrator, and in all."""

    free: int
    size: int


def rooms() -> dict[str, Room]:
    """Return the room at `state` (VAR_DIR), `imports` (IMPORT_DIR), `temporary` and `database` (SQLite), if known."""
    return dict(_rooms())


def _rooms() -> Iterator[tuple[str, Room]]:
    places = {
        "state": Path(settings.VAR_DIR),
        "imports": Path(settings.IMPORT_DIR),
        "temporary": Path(tempfile.gettempdir()),
    }
    # PostgreSQL does not tell how full its disk is.
    if connection.vendor == "sqlite":
        places["database"] = Path(connection.settings_dict["NAME"])
    for place, path in places.items():
        try:
            used = shutil.disk_usage(_existing(path))
        except OSError:
            continue
        yield place, Room(used.free, used.total)


def _existing(path: Path) -> Path:
    # The file system that the path will be on once it is made.
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))
