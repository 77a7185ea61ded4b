"""Idempotency keys as Xero keeps them: six minutes from first use, with the first answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from xero_sandbox import clock
from xero_sandbox.api.answers import Answer, bad_request

LIFE = timedelta(minutes=6)
LONGEST = 128


@dataclass
class _Entry:
    fingerprint: str
    first_used: float
    answer: Answer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Keys:
    """The keys of all apps. They live in memory: like the limits, they end with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], _Entry] = {}

    def reset(self) -> None:
        """Forget every key."""
        with self._lock:
            self._entries.clear()

    def answer(self, client_id: str, key: str, fingerprint: str, carry_out: Callable[[], Answer]) -> Answer:
        """Carry out the first request under a key; give the same request the same answer, byte for byte,
        and refuse another one. A twin that arrives meanwhile waits for the first."""
        if len(key) > LONGEST:
            return bad_request(f"Idempotency Key exceeds the maximum length of {LONGEST} characters.")
        entry = self._entry(client_id, key, fingerprint)
        if entry.fingerprint != fingerprint:
            return bad_request(f"Idempotency Key: {key} is used with a different request.")
        with entry.lock:
            if entry.answer is None:
                entry.answer = carry_out()
            return entry.answer

    def _entry(self, client_id: str, key: str, fingerprint: str) -> _Entry:
        now = clock.now().timestamp()
        with self._lock:
            self._forget_old(now)
            return self._entries.setdefault((client_id, key), _Entry(fingerprint, now))

    def _forget_old(self, now: float) -> None:
        oldest = now - LIFE.total_seconds()
        while self._entries:
            first = next(iter(self._entries))
            if self._entries[first].first_used > oldest:
                return
            del self._entries[first]


keys = Keys()
