"""What load balancers and monitoring ask: no sign-in, constant cost, no secrets."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping

from celery import current_app
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from c3portal.database import clock
from c3portal.processes import heartbeats, liveness, pending_migrations

logger = logging.getLogger(__name__)

BROKER_PATIENCE_SECONDS = 2


@login_not_required
@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponseBase:
    """Answer 200 as long as the process serves at all."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def web(request: HttpRequest) -> HttpResponseBase:
    """Answer 200 when pages can be served, else 503."""
    # For load balancers: pages stay up without workers and broker.
    return _answer(_of_pages())


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponseBase:
    """Answer 200 when everything is at work, else 503 naming what is not; `ages` and `clocks` are seconds."""
    parts = _of_pages() | {"broker": _holds("broker", _broker_answers)}
    ages, clocks = (_ages(), _clocks()) if parts["database"] else ({}, {})
    at_work = {
        process.value: ages.get(process, math.inf) <= heartbeats.longest_silence(process)
        for process in heartbeats.Process
    }
    at_work["clock"] = all(abs(ahead) <= clock.WARN_FROM.total_seconds() for ahead in clocks.values())
    # Since the scheduler sent a sweep and a worker ran one; by how much the processes' clocks are off the database's.
    facts = {"ages": _rounded(ages), "clocks": _rounded(clocks)}
    return _answer(parts | at_work, **facts)


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {process: round(each, 1) for process, each in seconds.items()}


def _answer(parts: Mapping[str, bool], **facts: object) -> JsonResponse:
    well = all(parts.values())
    words = {name: "ok" if up else "failing" for name, up in parts.items()}
    return JsonResponse({"status": "ok" if well else "failing", **words, **facts}, status=200 if well else 503)


def _of_pages() -> dict[str, bool]:
    # What does not answer is asked no second question: each would take its patience.
    answers = _holds("database", database_answers)
    return {"database": answers, "migrations": answers and _holds("migrations", _migrations_are_applied)}


def _holds(name: str, question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception:
        # Whatever the reason, the answer is "not ready"; the reason is for the log alone.
        logger.warning("Not ready: %s", name, exc_info=True)
        return False


def _ages() -> dict[str, float]:
    try:
        return heartbeats.ages()
    except Error:
        return {}


def _clocks() -> dict[str, float]:
    try:
        return {kind: max(ahead, key=abs) for kind, ahead in liveness.clocks().items()}
    except Error:
        return {}


def database_answers() -> bool:
    """Whether it answers without any table. Raises django.db.Error when it cannot be reached."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _migrations_are_applied() -> bool:
    return not pending_migrations.missing()


def _broker_answers() -> bool:
    options = {"socket_connect_timeout": BROKER_PATIENCE_SECONDS, "socket_timeout": BROKER_PATIENCE_SECONDS}
    with current_app.connection_for_write(transport_options=options) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_PATIENCE_SECONDS)
        return bool(broker.connected)
