"""How much room is left where the portal writes, on the machine that is asked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection


class Room(NamedTuple):
    """What a file system has, in bytes: for whoever is no administrator, and in all."""

    free: int
    size: int


def rooms() -> dict[str, Room]:
    """Return the room at each place; those that cannot be asked are left out.

    `state` is VAR_DIR, `temporary` where files lie while they are imported, `database` SQLite's file. How full a disk
    of PostgreSQL's is, PostgreSQL does not tell.
    """
    return dict(_rooms())


def _rooms() -> Iterator[tuple[str, Room]]:
    places = {"state": Path(settings.VAR_DIR), "temporary": Path(tempfile.gettempdir())}
    if connection.vendor == "sqlite":
        places["database"] = Path(connection.settings_dict["NAME"])
    for place, path in places.items():
        try:
            used = shutil.disk_usage(_existing(path))
        except OSError:
            continue
        yield place, Room(used.free, used.total)


def _existing(path: Path) -> Path:
    """Return the path itself or the nearest folder above that is there: the file system that it will be on."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))
