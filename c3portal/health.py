"""What a load balancer asks: does the process live, and can it serve? No sign-in, constant cost, no secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from celery import current_app
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

log = logging.getLogger(__name__)

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
def ready(request: HttpRequest) -> HttpResponseBase:
    """Answer 200 when database, migrations and broker are as the portal needs them, else 503 naming which is not."""
    parts = {name: _holds(name, question) for name, question in QUESTIONS.items()}
    well = all(parts.values())
    body = {"status": "ok" if well else "failing"} | {name: "ok" if up else "failing" for name, up in parts.items()}
    return JsonResponse(body, status=200 if well else 503)


def _holds(name: str, question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception:
        # Whatever the reason, the answer is "not ready"; the reason is for the log alone.
        log.warning("Not ready: %s", name, exc_info=True)
        return False


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _migrations_are_applied() -> bool:
    return _wanted_migrations() <= MigrationRecorder(connection).applied_migrations().keys()


@cache
def _wanted_migrations() -> frozenset[tuple[str, str]]:
    """The newest migration of each app; the files cannot change while the process lives."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _broker_answers() -> bool:
    options = {"socket_connect_timeout": BROKER_PATIENCE_SECONDS, "socket_timeout": BROKER_PATIENCE_SECONDS}
    with current_app.connection_for_write(transport_options=options) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_PATIENCE_SECONDS)
        return bool(broker.connected)


QUESTIONS = {
    "database": _database_answers,
    "migrations": _migrations_are_applied,
    "broker": _broker_answers,
}
