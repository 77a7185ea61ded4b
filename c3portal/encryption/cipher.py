"""The keys kept apart from the database and from SECRET_KEY, and the cipher they make: the first writes, all read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class KeyMissing(ImproperlyConfigured):
    """ENCRYPTION_KEYS lacks the key that something stored was written with, or has none at all."""


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    """Return the cipher that writes with the first key and reads with all of them.

    A key that is not a Fernet key (32 bytes, base64) is taken as a pass phrase and hashed to one.
    """
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
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))


def cipher() -> MultiFernet:
    """Return the cipher for the ENCRYPTION_KEYS in force. Raises KeyMissing when there are none."""
    return _ring(_keys())


def cipher_of(keys: Sequence[str]) -> MultiFernet:
    """Return the cipher that other ENCRYPTION_KEYS than those in force make. Raises KeyMissing when there are none."""
    return _ring(tuple(key.strip() for key in keys))


def written_by(stored: str) -> int | None:
    """Return the place among ENCRYPTION_KEYS of the key that wrote this text, 0 being the one that writes now; None
    when none of them did."""
    for place, key in enumerate(_singly(_keys())):
        try:
            key.decrypt(stored.encode())
        except InvalidToken:
            continue
        return place
    return None


def _keys() -> tuple[str, ...]:
    return tuple(key.strip() for key in settings.ENCRYPTION_KEYS)
