"""Watches how callers behave: a log of calls, and the violations that would hurt them at the real Xero."""

import hashlib
import threading
import uuid
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from xero_sandbox import clock
from xero_sandbox.api.idempotency import LIFE

LONGEST_LOG = 20_000
# What libraries call themselves when the application did not give its own name.
NAMELESS_AGENTS = ("python-requests", "python-urllib", "Python-urllib", "curl/", "httpx/", "aiohttp/")


@dataclass
class Call:
    """One call as it is logged. The body itself is never kept, only its digest."""

    at: datetime
    method: str
    path: str
    query: str
    tenant: str
    client_id: str
    idempotency_key: str
    body_sha256: str
    elements: int = 0
    status: int = 0
    fault: str = ""
    seconds: float = 0.0
    user_agent: str = ""
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def as_json(self) -> dict[str, Any]:
        """Return the entry for the control call."""
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass(frozen=True)
class Violation:
    """Something a careful caller does not do."""

    kind: str
    detail: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the entry for the control call."""
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass
class _Doubt:
    """A document to which something was or was not done, as far as its sender can know."""

    key: str
    since: datetime


class CallLog:
    """The memory of all calls. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all calls, violations and doubts."""
        with self._lock:
            self.calls: deque[Call] = deque(maxlen=LONGEST_LOG)
            self.violations: list[Violation] = []
            self.counts: Counter[str] = Counter()
            self._doubts: dict[tuple[str, str, str], _Doubt] = {}

    def log(self, call: Call) -> None:
        """Keep a finished call."""
        with self._lock:
            self.calls.append(call)
            self.counts[f"{call.method} {call.path.split('/')[0] or call.path}"] += 1

    def violation(self, kind: str, detail: str) -> None:
        """Keep a violation."""
        with self._lock:
            self.violations.append(Violation(kind, detail, clock.now()))

    def check_headers(self, accept: str, user_agent: str, where: str) -> None:
        """Note a missing Accept, and a User-Agent that names a library instead of an application."""
        if "application/json" not in accept:
            self.violation("missing_accept", where)
        if not user_agent or user_agent.startswith(NAMELESS_AGENTS):
            self.violation("missing_user_agent", where)

    def doubt(self, tenant: str, resource: str, names: list[str], key: str) -> None:
        """Remember that who sent these numbers or ids cannot know how its call ended."""
        with self._lock:
            for name in names:
                self._doubts.setdefault((tenant, resource, name), _Doubt(key, clock.now()))

    def any_doubt(self) -> bool:
        """Tell whether anything is in doubt."""
        return bool(self._doubts)

    def settle(self, tenant: str, resource: str, names: list[str] | None) -> None:
        """Remember that somebody looked for these numbers or ids (None: for all of them) and got an answer."""
        with self._lock:
            if names is None:
                settled = [place for place in self._doubts if place[:2] == (tenant, resource)]
            else:
                settled = [(tenant, resource, name) for name in names]
            for place in settled:
                self._doubts.pop(place, None)

    def check_resend(self, tenant: str, resource: str, names: list[str], key: str) -> None:
        """Note a number or id that is sent again in doubt, under another key or one that Xero has forgotten."""
        with self._lock:
            doubts = {name: self._doubts.get((tenant, resource, name)) for name in names}
        blind = [name for name, doubt in doubts.items() if doubt and _is_blind(doubt, key)]
        if blind:
            self.violation("resend_without_a_lookup", f"{resource}: {', '.join(blind[:5])} ({len(blind)} in all)")


def _is_blind(doubt: _Doubt, key: str) -> bool:
    return doubt.key != key or clock.now() - doubt.since >= LIFE


def body_digest(body: bytes) -> str:
    """Return the hex digest by which bodies are compared and logged."""
    return hashlib.sha256(body).hexdigest()


call_log = CallLog()
