"""Xero's limits for each app and organisation: calls in flight, in a minute and in a day."""

import math
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta

from xero_sandbox import clock

DAY = timedelta(days=1)
# A call that reaches us this soon after a 429 had left before the caller could read it.
ALREADY_ON_ITS_WAY = timedelta(seconds=0.5)


@dataclass
class Settings:
    """What may be set through the control calls."""

    minute: int = 60
    day: int = 5000
    concurrent: int = 5
    app_minute: int = 10_000
    minute_seconds: float = 60
    latency_seconds: float = 0


@dataclass(frozen=True)
class Over:
    """A limit that a call ran into; `retry_after` is absent for calls in flight."""

    problem: str
    retry_after: int | None


@dataclass
class _Window:
    """Times of the calls let through, oldest first."""

    calls: deque[float] = field(default_factory=deque)

    def trim(self, now: float, seconds: float) -> None:
        while self.calls and self.calls[0] <= now - seconds:
            self.calls.popleft()

    def wait(self, now: float, seconds: float) -> int:
        return max(1, math.ceil(self.calls[0] + seconds - now)) if self.calls else math.ceil(seconds)


Lane = tuple[str, str]


class Limits:
    """Counts calls by lane: an app's client id and an organisation's tenant id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all counts and go back to the ordinary limits."""
        self.settings = Settings()
        self._minute: dict[Lane, _Window] = defaultdict(_Window)
        self._day: dict[Lane, _Window] = defaultdict(_Window)
        self._app: dict[str, _Window] = defaultdict(_Window)
        self._in_flight: dict[Lane, int] = defaultdict(int)
        self._paused: dict[Lane, tuple[float, float]] = {}
        self.most_in_flight = 0

    def enter(self, lane: Lane) -> int:
        """Count a call in and return how many are now in flight."""
        with self._lock:
            self._in_flight[lane] += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight[lane])
            return self._in_flight[lane]

    def leave(self, lane: Lane) -> None:
        """Count a call out."""
        with self._lock:
            self._in_flight[lane] = max(0, self._in_flight[lane] - 1)

    def admit(self, lane: Lane, in_flight: int) -> Over | None:
        """Let a call through and count it, or say which limit it ran into. Refused calls do not count."""
        with self._lock:
            if in_flight > self.settings.concurrent:
                return Over("concurrent", None)
            over = self._full(lane)
            if over is None:
                now = clock.now().timestamp()
                for window in (self._minute[lane], self._day[lane], self._app[lane[0]]):
                    window.calls.append(now)
        if over and over.retry_after:
            self.pause(lane, over.retry_after)
        return over

    def _full(self, lane: Lane) -> Over | None:
        now = clock.now().timestamp()
        minute, day = self.settings.minute_seconds, DAY.total_seconds()
        self._trim(lane, now)
        if len(self._day[lane].calls) >= self.settings.day:
            return Over("day", self._day[lane].wait(now, day))
        if len(self._minute[lane].calls) >= self.settings.minute:
            return Over("minute", self._minute[lane].wait(now, minute))
        if len(self._app[lane[0]].calls) >= self.settings.app_minute:
            return Over("appminute", self._app[lane[0]].wait(now, minute))
        return None

    def _trim(self, lane: Lane, now: float) -> None:
        self._minute[lane].trim(now, self.settings.minute_seconds)
        self._app[lane[0]].trim(now, self.settings.minute_seconds)
        self._day[lane].trim(now, DAY.total_seconds())

    def pause(self, lane: Lane, seconds: float) -> None:
        """Remember that this lane was told to stay away."""
        now = clock.now().timestamp()
        with self._lock:
            since, until = self._paused.get(lane, (now, now))
            self._paused[lane] = (since if until > now else now, max(until, now + seconds))

    def time_into_pause(self, lane: Lane) -> float | None:
        """Return how many seconds after its 429 a call comes that should have waited, else None."""
        now = clock.now().timestamp()
        with self._lock:
            since, until = self._paused.get(lane, (now, now))
            if now >= until:
                self._paused.pop(lane, None)
                return None
        too_soon = now - since
        return too_soon if too_soon > ALREADY_ON_ITS_WAY.total_seconds() else None

    def headers(self, lane: Lane) -> dict[str, str]:
        """Return what remains, as every answer tells."""
        with self._lock:
            self._trim(lane, clock.now().timestamp())
            return {
                "X-DayLimit-Remaining": str(max(0, self.settings.day - len(self._day[lane].calls))),
                "X-MinLimit-Remaining": str(max(0, self.settings.minute - len(self._minute[lane].calls))),
                "X-AppMinLimit-Remaining": str(max(0, self.settings.app_minute - len(self._app[lane[0]].calls))),
            }


limits = Limits()
