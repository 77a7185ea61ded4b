"""The sandbox's signing key: from the environment, else made once and kept beside the data file."""

import os
import secrets
from pathlib import Path


def kept_beside(database: Path) -> str:
    """Return the key for this data file, making it on first use, readable by its owner alone."""
    given = os.environ.get("C3_SANDBOX_SECRET_KEY")
    if given:
        return given
    place = database.with_suffix(".key")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return place.read_text()
    with os.fdopen(handle, "w") as file:
        file.write(key := secrets.token_urlsafe(48))
    return key
