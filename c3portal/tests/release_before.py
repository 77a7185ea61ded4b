"""The release before this one, from the history: what an update begins with."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from c3portal.testing import BASE_DIR

# The last commit of the release that installations run until they take the present one.
COMMIT = "942bd218147095b4807022a6aaef4a4d66ad6d67"


class NoHistoryError(Exception):
    """This checkout has no history that reaches back so far: a copy without it, or a shallow clone."""


def unpack(folder: Path) -> Path:
    """Lay the whole tree of the release before into `folder`, which is made. Returns it. Raises NoHistoryError."""
    done = subprocess.run(["git", "archive", COMMIT], cwd=BASE_DIR, capture_output=True)
    if done.returncode:
        raise NoHistoryError(f"The release before ({COMMIT[:7]}) is not in the history of this checkout.")
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
