"""The cipher that ENCRYPTION_KEYS make: the first key writes, all read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class KeyMissing(ImproperlyConfigured):
    """ENCRYPTION_KEYS is empty or lacks the key that wrote something stored."""


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    if not any(keys):
        raise KeyMissing("ENCRYPTION_KEYS is empty: set at least one key (`make secrets` prints one).")
    return MultiFernet([_fernet(key) for key in keys if key])


@lru_cache(maxsize=4)
def _singly(keys: tuple[str, ...]) -> list[Fernet]:
    return [_fernet(key) for key in keys if key]


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        # Not 32 bytes of base64: a pass phrase, hashed to a key.
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))


def cipher() -> MultiFernet:
    """Return the cipher of the keys in force. Raises KeyMissing without any."""
    return _ring(_keys())


def cipher_of(keys: Sequence[str]) -> MultiFernet:
    """Return the cipher of keys other than those in force. Raises KeyMissing without any."""
    return _ring(tuple(key.strip() for key in keys))


def written_by(stored: str) -> int | None:
    """Return the index in ENCRYPTION_KEYS of the key that wrote this text, None for none of them."""
    for place, key in enumerate(_singly(_keys())):
        try:
            key.decrypt(stored.encode())
        except InvalidToken:
            continue
        return place
    return None


def _keys() -> tuple[str, ...]:
    # Kept apart from the database and from SECRET_KEY: neither of them alone reads a secret.
    return tuple(key.strip() for key in settings.ENCRYPTION_KEYS)
