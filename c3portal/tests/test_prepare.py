"""`manage.py prepare` brings the schema up to date while the release before works."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError

from c3portal.management.commands import prepare


def failing_with(monkeypatch: pytest.MonkeyPatch, errors: list[type[psycopg.Error]]) -> list[str]:
    """Have the migrations fail with these, one after the other, and then succeed; return the commands called."""
    called: list[str] = []
    left: Iterator[type[psycopg.Error]] = iter(errors)

    def call(name: str, *_: object, **__: object) -> None:
        called.append(name)
        if name == "migrate" and (error := next(left, None)):
            raise OperationalError("it failed") from error()

    monkeypatch.setattr(prepare, "call_command", call)
    return called


def test_a_migration_that_waits_in_a_circle_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    called = failing_with(monkeypatch, [psycopg.errors.DeadlockDetected] * (prepare.TRIES - 1))
    call_command("prepare", "--without-static")
    assert called.count("migrate") == prepare.TRIES
    assert called[-1] == "createcachetable"


@pytest.mark.parametrize(
    ("errors", "tries"),
    [
        ([psycopg.errors.DeadlockDetected] * prepare.TRIES, prepare.TRIES),
        ([psycopg.errors.LockNotAvailable], 1),
        ([psycopg.errors.DeadlockDetected, psycopg.errors.DiskFull], 2),
    ],
)
def test_what_does_not_pass_is_said(
    monkeypatch: pytest.MonkeyPatch, errors: list[type[psycopg.Error]], tries: int
) -> None:
    called = failing_with(monkeypatch, errors)
    with pytest.raises(OperationalError):
        call_command("prepare", "--without-static")
    assert called.count("migrate") == tries
    assert "createcachetable" not in called
