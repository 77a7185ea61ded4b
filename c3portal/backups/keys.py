"""The keys, which no backup of the database holds: which of them reads what, and a file with them for another place."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection

from c3portal.backups import storage
from c3portal.backups.storage import BackupError
from xero_integration.fields import EncryptedTextField, reads

HEADING = """\
# The keys of the portal: whoever has them and a backup of its database has everything.
# Keep this file apart from the backups. The same lines go into the environment or .env of a restored portal.
"""


def fingerprint(key: str) -> str:
    """Return a name for a key that tells it from others and nothing else; slow on purpose, since a key may be a pass
    phrase."""
    return hashlib.scrypt(key.strip().encode(), salt=b"c3portal fingerprint", n=2**14, r=8, p=1, dklen=6).hex()


def stored_secrets() -> Iterator[str]:
    """Yield every secret in the database, as it is stored: encrypted."""
    columns = [
        (model._meta.db_table, column.column)
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if isinstance(column, EncryptedTextField)
    ]
    with connection.cursor() as cursor:
        for table, column in columns:
            cursor.execute(f"SELECT {column} FROM {table} WHERE {column} <> ''")  # noqa: S608
            yield from [stored for (stored,) in cursor.fetchall()]
    if apps.is_installed("allauth.mfa"):
        factors = apps.get_app_config("mfa").get_model("Authenticator")._base_manager
        for factor in factors.values("data").iterator():
            yield from _encrypted_in(factor["data"])


def _encrypted_in(data: Any) -> Iterator[str]:
    """Yield what of the data of a second factor is encrypted (Fernet's tokens all begin alike)."""
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else [data]
    for value in values:
        if isinstance(value, str) and value.startswith("gAAAAA"):
            yield value
        elif isinstance(value, dict | list):
            yield from _encrypted_in(value)


def in_use() -> list[dict[str, Any]]:
    """Return of each key in force its fingerprint and how many stored secrets it reads. Raises BackupError when one is
    read by none: that backup could never be used."""
    keys = [key.strip() for key in settings.ENCRYPTION_KEYS if key.strip()]
    counts = dict.fromkeys(keys, 0)
    for stored in stored_secrets():
        reader = next((key for key in keys if reads(key, stored)), None)
        if reader is None:
            raise BackupError(
                "A stored secret cannot be read with the ENCRYPTION_KEYS in force: put the key that wrote it back into "
                "the list, then run this again."
            )
        counts[reader] += 1
    return [{"fingerprint": fingerprint(key), "secrets": count} for key, count in counts.items()]


def require(keys: list[dict[str, Any]]) -> None:
    """Raise BackupError, naming what is missing, unless the keys in force read every secret of a backup."""
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
            "(the file of `manage.py backup_keys` has it), then run this again. Nothing was changed."
        )


def write(path: Path, backups: Path | None = None) -> None:
    """Write the keys in force to a new file for its owner alone. Raises BackupError for a folder that holds backups, or
    that is `backups` or lies in it."""
    folder = path.resolve().parent
    if storage.all_in(folder) or (backups and folder.is_relative_to(backups.resolve())):
        raise BackupError(
            f"{folder} holds the backups: whoever took it would have the keys and what they open. "
            "Choose another place for the keys, best another machine. No keys were written."
        )
    storage.open_folder(folder)
    values = {"SECRET_KEY": settings.SECRET_KEY, "ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS)}
    with storage.writing(path) as partial:
        partial.write_text(HEADING + "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))
