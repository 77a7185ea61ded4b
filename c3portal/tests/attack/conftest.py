"""What attacks share: one user of each kind with a session, something behind every address, and what was written."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from c3portal.http.tests.test_permissions import COMPANY, ROWS, path_of, people, sessions, things  # noqa: F401
from c3portal.models import roles
from c3portal.tests.attack.forms import SELDOM, Forms, read_forms
from invoices.conftest import woken  # noqa: F401

# What any request may write: who is where, what is counted against guesses, and that something was refused.
BOOKKEEPING = {"django_session", "usersessions_usersession", "c3portal_cache"}
CHANGES = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+"?(\w+)"?', re.IGNORECASE)


@pytest.fixture
def open_for_attack(settings: Any, woken: list[int]) -> Iterator[list[int]]:  # noqa: F811
    """The portal with every address there is and no limit of guesses; returns the calls for a worker."""
    settings.ACCOUNT_RATE_LIMITS = False
    settings.METRICS_TOKEN = "a-token-of-the-tests"
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [COMPANY]}}
    logging.disable(logging.CRITICAL)
    yield woken
    logging.disable(logging.NOTSET)


@pytest.fixture
def client_of(sessions: dict[str, str]) -> Callable[..., Client]:  # noqa: F811
    """Return a function that makes the browser of a kind of user ("nobody", "deactivated", a role …)."""

    def client_of(kind: str, *, csrf: bool = False) -> Client:
        client = Client(enforce_csrf_checks=csrf, raise_request_exception=False)
        if sessions[kind]:
            client.cookies[django_settings.SESSION_COOKIE_NAME] = sessions[kind]
        return client

    return client_of


@pytest.fixture
def forms(
    open_for_attack: list[int],
    things: dict[str, Any],  # noqa: F811
    client_of: Callable[..., Client],
) -> Forms:
    """Every form of the portal, by the name of the address that it goes to."""
    found = dict(SELDOM)
    for kind in ("nobody", roles.SYSTEM_ADMIN):
        found |= read_forms(client_of(kind), [path_of(row, things, kind) for row in ROWS if row.get])
    return found


@contextmanager
def writes() -> Iterator[set[str]]:
    """Collect the tables that are written to, the bookkeeping left out."""
    written: set[str] = set()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if found := CHANGES.match(sql):
            written.update({found[1].lower()} - BOOKKEEPING)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        yield written
