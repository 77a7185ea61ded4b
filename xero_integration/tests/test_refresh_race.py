"""Two workers and an expired token, a hundred times: Xero is asked for a new one once each time."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
from django import db

from xero_integration import connections
from xero_integration.models import TokenSet, XeroConnection
from xero_integration.testing import expire

ROUNDS = 100
WORKERS = 2


def _renew_again_and_again(connection: XeroConnection, start: Any, end: Any, results: Any) -> None:
    """Ask for good tokens in each round, at the same moment as the others."""
    seen: list[str] = []
    try:
        for _ in range(ROUNDS):
            start.wait(30)
            seen.append(connections.fresh_tokens(connection).access_token)
            end.wait(30)
    except BaseException as error:
        start.abort()
        seen.append(repr(error))
        raise
    finally:
        results.put(seen)
        db.connections.close_all()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_an_expired_token_is_renewed_once_whoever_needs_it(sandbox: Any, connection: XeroConnection) -> None:
    # A database connection must not cross a fork.
    db.connections.close_all()
    context = multiprocessing.get_context("fork")
    start, end, results = context.Barrier(WORKERS + 1), context.Barrier(WORKERS + 1), context.SimpleQueue()
    workers = [
        context.Process(target=_renew_again_and_again, args=(connection, start, end, results)) for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    stored = []
    for _ in range(ROUNDS):
        expire(connection)
        start.wait(30)
        end.wait(30)
        stored.append(TokenSet.objects.get().access_token)
    seen = [results.get() for _ in workers]
    for worker in workers:
        worker.join(10)

    refreshes = [call["status"] for call in sandbox.calls() if call["path"] == "connect/token"]
    assert refreshes == [200] * ROUNDS
    assert len(set(stored)) == ROUNDS
    assert seen == [stored] * WORKERS
    assert TokenSet.objects.get().generation == ROUNDS
