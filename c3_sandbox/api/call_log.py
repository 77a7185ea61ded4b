"""A log of calls. No body, token or secret is kept in it."""

import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

LONGEST_LOG = 5_000


@dataclass
class Call:
    """One call as it is logged; `name` is that of the faults' calls."""

    at: datetime
    name: str
    method: str
    path: str
    user_agent: str
    status: int = 0
    fault: str = ""
    correlation_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the entry for the control call."""
        return asdict(self) | {"at": self.at.isoformat()}


class CallLog:
    """The memory of all calls. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=LONGEST_LOG)

    def log(self, call: Call) -> None:
        """Keep a call."""
        with self._lock:
            self._calls.append(call)

    def newest(self, count: int = LONGEST_LOG) -> list[Call]:
        """Return the newest calls, oldest first."""
        with self._lock:
            return list(self._calls)[-count:]

    def forget(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()


call_log = CallLog()
