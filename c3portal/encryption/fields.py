"""Text that is encrypted in the database."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import InvalidToken
from django.db import models

from c3portal.encryption.cipher import KeyMissing, cipher


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # not generic at run time
    """A text column encrypted at rest; empty text stays empty. It cannot be searched or sorted."""

    def get_prep_value(self, value: Any) -> Any:
        """Raises KeyMissing without a key."""
        if value in (None, ""):
            return value
        return cipher().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *args: Any) -> str | None:
        """Raises KeyMissing when no key reads it."""
        if not value:
            return value
        try:
            return cipher().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise KeyMissing(
                "A stored secret cannot be read with the ENCRYPTION_KEYS in force: "
                "put the key that wrote it back into the list."
            ) from error
