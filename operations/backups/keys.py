"""The keys, which no backup holds: what each reads, and a file of them for another place."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings

from c3portal.encryption.cipher import written_by
from c3portal.encryption.key_rotation import places
from operations.backups import storage
from operations.backups.storage import BackupError, Manifest

HEADING = """\
# The keys of the portal: whoever has them and a backup of its database has everything.
# Keep this file apart from the backups. The same lines go into the environment or .env of a restored portal.
"""


def fingerprint(key: str) -> str:
    """Return a name for a key that tells nothing else of it."""
    # Slow on purpose, since a key may be a pass phrase.
    return hashlib.scrypt(key.strip().encode(), salt=b"c3portal fingerprint", n=2**14, r=8, p=1, dklen=6).hex()


def in_use() -> tuple[list[dict[str, Any]], int]:
    """Return fingerprint and number of secrets of each key, and how many secrets none reads."""
    wrote = Counter(written_by(text) for place in places() for _, text in place.stored())
    keys = [key for key in settings.ENCRYPTION_KEYS if key.strip()]
    found = [{"fingerprint": fingerprint(key), "secrets": wrote[position]} for position, key in enumerate(keys)]
    return found, wrote[None]


def require(manifest: Manifest) -> None:
    """Raise BackupError unless the keys in force read every secret of the backup."""
    keys = manifest.keys
    here = {fingerprint(key) for key in settings.ENCRYPTION_KEYS if key.strip()}
    missing = [
        f"key {position} of the {len(keys)} that ENCRYPTION_KEYS then held (fingerprint {key['fingerprint']}), "
        f"which reads {key['secrets']} of the stored secrets"
        for position, key in enumerate(keys, 1)
        if key["secrets"] and key["fingerprint"] not in here
    ]
    if missing:
        raise BackupError(
            f"The keys in force cannot read this backup. Missing: {'; '.join(missing)}. Put it into ENCRYPTION_KEYS "
            "(the file of `manage.py backup_keys` has it), then run this again. Should it be lost for good, "
            "`--keys-are-lost` restores all but those secrets. Nothing was changed."
        )
    if manifest.unreadable:
        raise BackupError(
            f"When this backup was made, no key could read {manifest.unreadable} of its secrets. Put the key that "
            "wrote them into ENCRYPTION_KEYS if you have it, then run this again with `--keys-are-lost`: that restores "
            "all but the secrets which no key then reads. Nothing was changed."
        )


def write(path: Path, backups: Path | None = None) -> None:
    """Write the keys to a new file for its owner alone. Raises BackupError for a folder that holds backups."""
    folder = path.resolve().parent
    if storage.all_in(folder) or (backups and folder.is_relative_to(backups.resolve())):
        raise BackupError(
            f"{folder} holds the backups: anyone who took it would have the keys and what they open. "
            "Choose another place for the keys, best another machine. No keys were written."
        )
    storage.open_folder(folder)
    values = {"SECRET_KEY": settings.SECRET_KEY, "ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS)}
    with storage.writing(path) as partial:
        partial.write_text(HEADING + "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))
