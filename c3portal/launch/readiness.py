"""Whether each process really works, asked from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import redis
import requests
from celery import Celery
from kombu.exceptions import OperationalError

from c3portal.launch.environment import Plan

PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.2


class NotReadyError(Exception):
    """Something did not come up in time; `str(error)` says what."""


def wait_for(name: str, works: Callable[[], bool], gave_up: Callable[[], bool]) -> None:
    """Return once `works()`. Raises NotReadyError after PATIENCE_SECONDS, or once `gave_up()`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not works():
        if gave_up() or time.monotonic() > deadline:
            raise NotReadyError(f"{name} did not come up: its lines above say why.")
        time.sleep(PAUSE_SECONDS)


def probes(plan: Plan) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield name and probe of each process that people wait for, the sandboxes first."""
    if plan.with_sandbox:
        yield "sandbox", lambda: _answers(f"http://127.0.0.1:{plan.sandbox_port}/sandbox/state")
    if plan.with_c3_sandbox:
        yield "c3-sandbox", lambda: _answers(f"http://127.0.0.1:{plan.c3_sandbox_port}/sandbox/readings")
    # Whatever the portal is called from outside, here it listens on the loopback address.
    yield "web", lambda: _answers(f"http://127.0.0.1:{plan.port}/health/web")
    yield "worker", lambda: _worker_answers(plan.variables["CELERY_BROKER_URL"])
    yield "beat", plan.beat_pidfile.exists


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5, allow_redirects=False).status_code < 400
    except requests.RequestException:
        return False


def _worker_answers(broker_url: str) -> bool:
    app = Celery("launch", broker=broker_url, set_as_current=False)
    try:
        return bool(app.control.ping(timeout=1, limit=1))
    except (OSError, OperationalError, redis.RedisError):
        return False
    finally:
        app.close()
