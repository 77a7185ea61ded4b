"""Sessions, stored encrypted, that end by age and by idleness."""

from __future__ import annotations

import datetime as dt
import logging
import math
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.sessions.backends import db
from django.db import OperationalError
from django.utils import timezone

from c3portal.encryption.cipher import cipher

BEGAN = "began"
# Seconds by which a row may lag behind what was done last, so that not every page writes.
LAG = 60.0
logger = logging.getLogger(__name__)


class SessionStore(db.SessionStore):
    """What SESSION_ENGINE names."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._ends: dt.datetime | None = None

    def encode(self, session_dict: dict[str, Any]) -> str:
        # While someone sets up a second factor or connects Xero, it holds a secret.
        return cipher().encrypt(super().encode(session_dict).encode()).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        try:
            signed = cipher().decrypt(session_data)
        # What no key in force reads has ended: whoever it was signs in again.
        except InvalidToken:
            return {}
        return super().decode(signed.decode())

    def load(self) -> dict[str, Any]:
        """Return what the session holds, {} when it has ended."""
        # Django's public `load` gives what the row holds without the row, whose end is needed here.
        row = self._get_session_from_db()  # type: ignore[attr-defined]  # unknown to the stubs
        held = self.decode(row.session_data) if row else {}
        if not held:
            return {}
        # One from before sessions knew when they began: its last write is the nearest to it.
        began = held.setdefault(BEGAN, row.expire_date.timestamp() - settings.SESSION_COOKIE_AGE)
        # Also by a setting that was lowered meanwhile.
        if _last(began) <= timezone.now():
            self._session_key = None
            return {}
        self._ends = row.expire_date
        return held

    def clear(self) -> None:
        # What it holds next is another session.
        super().clear()
        self._ends = None

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        data.setdefault(BEGAN, timezone.now().timestamp())
        return super().create_model_instance(data)

    def begin(self) -> None:
        """Count the session's age from now, at sign-in."""
        self[BEGAN] = timezone.now().timestamp()
        self._ends = None

    def touch(self) -> None:
        """Count the idle time from now."""
        ends = _ends(self.get(BEGAN) or timezone.now().timestamp())
        if self._ends and (ends - self._ends).total_seconds() < min(LAG, settings.SESSION_IDLE_AGE / 10):
            return
        self._ends = ends
        try:
            self.model.objects.filter(session_key=self.session_key).update(expire_date=ends)
        except OperationalError as error:
            # A full disk, or another writer: reading goes on without.
            logger.warning("A session's last use could not be stored: %s", type(error).__name__)

    def get_expiry_date(self, **kwargs: Any) -> dt.datetime:
        """Return when the row ends, in UTC; a write alone does not move it."""
        if self._ends is None:
            self._ends = _ends(self.get(BEGAN) or timezone.now().timestamp())
        return self._ends

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return the seconds for which the browser keeps the cookie."""
        began = self.get(BEGAN) or timezone.now().timestamp()
        # Up to the end that nothing moves.
        return max(0, math.ceil((_last(began) - timezone.now()).total_seconds()))


def _last(began: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(began, dt.UTC) + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)


def _ends(began: float) -> dt.datetime:
    if not settings.SESSION_IDLE_AGE:
        return _last(began)
    # It ends SESSION_HOURS after sign-in whatever is written, and before that when idle for SESSION_IDLE_HOURS.
    return min(_last(began), timezone.now() + dt.timedelta(seconds=settings.SESSION_IDLE_AGE))
