"""Backups as files: a database and its manifest, readable by their owner alone, there whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
OWNER_ONLY = 0o600
FOLDER_OF_OWNER = 0o700
PARTIAL = ".partial"
# What an interrupted backup left behind is taken away by a later one, never while it may still be written.
PARTIAL_LIFE = dt.timedelta(days=1)


class BackupError(Exception):
    """No backup can be made or used; `str(error)` says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What is known of a backup without opening it."""

    made_at: str
    database: str
    file: str
    size: int
    sha256: str
    # The applied ones, by app.
    migrations: dict[str, list[str]]
    # Counts of rows that must be there after a restore.
    facts: dict[str, int]
    # Of each encryption key its fingerprint and how many secrets it reads.
    keys: list[dict[str, Any]] = field(default_factory=list)
    # Secrets that none of the keys reads.
    unreadable: int = 0
    format: int = FORMAT

    @property
    def when(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.made_at)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a new file that becomes `path`, synced to disk, when the block ends well.

    Raises BackupError when `path` exists.
    """
    if path.exists():
        raise BackupError(f"{path} is there already. Choose another name; nothing was written.")
    partial = path.with_name(f".{path.name}{PARTIAL}")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_folder(folder: Path) -> None:
    """Make the folder, for its owner alone."""
    folder.mkdir(mode=FOLDER_OF_OWNER, parents=True, exist_ok=True)


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest beside its database: from then on the backup counts."""
    path = _manifest_of(folder / manifest.file)
    with writing(path) as partial:
        partial.write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    return path


def _manifest_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.json")


def all_in(folder: Path) -> list[Path]:
    """Return the folder's manifests, the newest first."""
    return sorted(folder.glob("portal-*.json"), reverse=True)


def find(source: Path) -> tuple[Manifest, Path]:
    """Return manifest and database of `source`, a folder (its newest) or either file. Raises BackupError."""
    if source.is_dir():
        newest = all_in(source)[:1]
        if not newest:
            raise BackupError(f"There is no backup in {source}: no file portal-….json.")
        source = newest[0]
    path = source if source.suffix == ".json" else _manifest_of(source)
    try:
        manifest = Manifest(**json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise BackupError(f"{path} is not there. A backup is two files, the database and its manifest.") from error
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{path} cannot be read as the manifest of a backup. Take another backup.") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{path} is of format {manifest.format}, which this version of the portal does not know.")
    return manifest, path.with_name(Path(manifest.file).name)


def verify(manifest: Manifest, database: Path) -> None:
    """Raise BackupError unless the file is byte for byte what was written."""
    if not database.is_file():
        raise BackupError(f"{database} is not there. A backup is two files, the database and its manifest.")
    if database.stat().st_size != manifest.size or sha256_of(database) != manifest.sha256:
        raise BackupError(f"{database} is damaged: it is not what was backed up. Take another copy or another backup.")


def sha256_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def keep_newest(folder: Path, count: int) -> int:
    """Delete all but the newest `count` backups; return how many went."""
    old = all_in(folder)[count:]
    for manifest in old:
        manifest.with_suffix("").unlink(missing_ok=True)
        manifest.unlink()
    oldest = dt.datetime.now(dt.UTC) - PARTIAL_LIFE
    for partial in folder.glob(f".portal-*{PARTIAL}"):
        if partial.stat().st_mtime < oldest.timestamp():
            partial.unlink(missing_ok=True)
    return len(old)
