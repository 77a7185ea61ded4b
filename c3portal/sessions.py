"""Sessions in the database, encrypted: while someone sets up a second factor or connects Xero, one holds a secret.

What no key in force reads is a session that has ended: whoever it was signs in again.
"""

from __future__ import annotations

from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib.sessions.backends import db

from c3portal.encryption import cipher


class SessionStore(db.SessionStore):
    """What SESSION_ENGINE names."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the session as it is stored."""
        return cipher().encrypt(super().encode(session_dict).encode()).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return what a stored session holds; nothing when it cannot be read."""
        try:
            signed = cipher().decrypt(session_data)
        except InvalidToken:
            return {}
        return super().decode(signed.decode())
