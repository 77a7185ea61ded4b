"""Every address, by every method, as everyone, with everything that no page sends: no error of the portal's own, and no
change by who may not. The addresses, their forms and who may what are read from the portal: a new one is in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from c3portal.http.tests.test_permissions import KINDS, METHODS, ROWS, Row, path_of
from c3portal.models import roles
from c3portal.tests.attack.bodies import SHAPES, Body, odd_bodies
from c3portal.tests.attack.breadth import WHOLE, part
from c3portal.tests.attack.conftest import writes
from c3portal.tests.attack.forms import Forms

pytestmark = pytest.mark.attack
ClientOf = Callable[..., Client]
EVERYONE = sorted(KINDS["everyone"])
# Who else asks is refused before the database sees anything of what was sent.
HEARD = {roles.SYSTEM_ADMIN, roles.FINANCE_ADMIN}
# What looking at a page may leave: that someone looked, that Xero was asked, and what is made when it is first shown.
READS_MAY_WRITE = {
    "c3portal_auditentry",
    "xero_integration_xerosettings",
    "xero_integration_callbudget",
    "xero_integration_callcount",
}
# The company's sign-in does not answer in these tests, and no broker runs.
NO_ANSWER = {"openid_connect_login", "health_ready", "health_web"}
SHOWN_FIRST = {"mfa_view_recovery_codes": {"mfa_authenticator"}}


def test_every_address_that_takes_a_form_is_attacked_with_its_fields(forms: Forms) -> None:
    takes = {row.name for row in ROWS if row.post}
    assert takes - forms.keys() == set(), "No page shows this form: say in SELDOM what fields it has"


@pytest.mark.parametrize(
    "kind", [pytest.param(each, marks=pytest.mark.both_databases) if each in HEARD else each for each in EVERYONE]
)
def test_nothing_that_is_sent_breaks_a_page_or_changes_what_its_sender_may_not(
    forms: Forms, things: dict[str, Any], client_of: ClientOf, open_for_attack: list[int], kind: str
) -> None:
    wrong = []
    for turn, row in enumerate(row for row in ROWS if row.post):
        # Field by field as one of those who get that far; the others are refused before anything is read.
        bodies = odd_bodies(forms[row.name], alone=kind == min(row.post, key=[*roles.ALL, *EVERYONE].index))
        chosen = part(sorted(bodies), turn + EVERYONE.index(kind), 3)
        path = path_of(row, things, kind)
        for what in {"as its page sends it", *chosen}:
            wrong += problems(row, kind, what, lambda: send(client_of(kind), row, path, bodies[what]))  # noqa: B023
    assert not wrong, "\n".join(wrong)
    if kind not in KINDS["all roles"]:
        assert open_for_attack == []


def send(client: Client, row: Row, path: str, body: Body, method: str = "POST") -> HttpResponseBase:
    """Send a body, after a look at the page where it has one: some pages remember that."""
    if row.get:
        client.get(path)
    return client.generic(method, path, body[0], body[1])


def problems(
    row: Row, kind: str, what: str, ask: Callable[[], HttpResponseBase], may_write: set[str] | None = None
) -> list[str]:
    """Return what is wrong about the answer and about what was written, which is undone."""
    mailed = len(mail.outbox)
    with transaction.atomic(), writes() as written:
        answer = ask()
        transaction.set_rollback(True)
    found = []
    if answer.status_code >= 500 and row.name not in NO_ANSWER:
        found.append(f"{answer.status_code} {getattr(answer, 'exc_info', ('',))[:2]}")
    if kind not in row.post or may_write is not None:
        found += [f"wrote {table}" for table in sorted(written - (may_write or set()))]
        found += ["mailed"] * (len(mail.outbox) - mailed)
    return [f"{row.name} as {kind}, {what}: {each}" for each in found]


@pytest.mark.parametrize("kind", EVERYONE)
def test_nothing_changes_by_any_method_but_post(
    things: dict[str, Any], client_of: ClientOf, open_for_attack: list[int], kind: str, forms: Forms
) -> None:
    wrong = []
    others = [method for method in METHODS if method != "POST"] + ["PROPFIND", "get", "X" * 100, "GET POST"]
    for turn, row in enumerate(ROWS):
        path = path_of(row, things, kind)
        bodies = odd_bodies(forms.get(row.name, {"a": "b"}), alone=False)
        for method in part(others, turn, 2):
            for what in [sorted(SHAPES)[(turn + step) % len(SHAPES)] for step in range(4 if WHOLE else 1)]:
                ask = lambda: client_of(kind).generic(method, path, *bodies[what])  # noqa: B023, E731
                may_write = READS_MAY_WRITE | SHOWN_FIRST.get(row.name, set()) if kind in row.get else set[str]()
                wrong += problems(row, kind, f"{method} with {what}", ask, may_write)
    assert not wrong, "\n".join(wrong)
    assert open_for_attack == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_another_method_of_get(
    things: dict[str, Any], client_of: ClientOf, open_for_attack: list[int], name: str
) -> None:
    wrong = []
    for row in ROWS:
        if not row.post:
            continue
        path = path_of(row, things, roles.SYSTEM_ADMIN)
        ask = lambda: client_of(roles.SYSTEM_ADMIN).get(path, {"_method": "POST"}, headers={name: "POST"})  # noqa: B023, E731
        wrong += problems(row, roles.SYSTEM_ADMIN, name, ask, READS_MAY_WRITE)
    assert not wrong, "\n".join(wrong)
    assert open_for_attack == []
