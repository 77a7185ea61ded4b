"""Every button pressed by several at the same moment: one effect, one entry of the record, nothing queued twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from c3portal.http.tests.test_permissions import ROWS
from c3portal.models import AuditEntry, User, roles
from c3portal.testing import at_once
from c3portal.tests.attack.buttons import BUTTONS, ELSEWHERE, World
from invoices.models import Customer, Invoice, InvoiceLine, Posting, PostLog, Upload
from invoices.tests import makers
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = [pytest.mark.attack, pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
CLICKS_AT_ONCE = 3


@pytest.fixture
def world(
    open_for_attack: list[int],
    connected: XeroConnection,
    people: dict[str, User],
    sessions: dict[str, str],
    sandbox: SandboxControl,
    settings: Any,
) -> World:
    settings.XERO_LOOK_AFTER = settings.XERO_SETTLES_AFTER = 0
    made = makers.invoices(makers.a_period(), 3)
    InvoiceLine.objects.update(sku="CFQ7TTC0LF8Q:0001")
    Customer.objects.update(country="AU")
    client = browser(sessions[roles.SYSTEM_ADMIN])
    return World(connected, people[roles.SYSTEM_ADMIN], people[roles.FINANCE_ADMIN], made, client, sandbox)


def browser(session: str) -> Client:
    client = Client(raise_request_exception=False)
    client.cookies[django_settings.SESSION_COOKIE_NAME] = session
    return client


def test_every_button_is_pressed_here_or_is_proved_elsewhere() -> None:
    takes = {row.name for row in ROWS if row.post}
    assert takes - BUTTONS.keys() - ELSEWHERE.keys() == set(), "Say in BUTTONS how this is made ready to be pressed"
    assert (BUTTONS.keys() | ELSEWHERE.keys()) - takes == set(), "This is no button any more"


@pytest.mark.parametrize("name", BUTTONS)
def test_pressed_by_several_at_once_it_is_done_once(
    world: World, sessions: dict[str, str], woken: list[int], name: str
) -> None:
    button = BUTTONS[name]
    parts, form = button.ready(world)
    path = reverse(name, args=parts)
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    uploads, logs, called = Upload.objects.count(), PostLog.objects.count(), len(woken)
    if name == "account_reset_password_from_key":
        path = follow_reset(sessions, path)

    def press(_: int) -> Any:
        return browser(sessions[roles.SYSTEM_ADMIN]).post(path, again(form))

    statuses = Counter(answer.status_code for answer in at_once(CLICKS_AT_ONCE, press))
    assert max(statuses) < 500, statuses
    assert statuses[302] or statuses[200], statuses
    entries = list(AuditEntry.objects.exclude(pk__in=before).values_list("subject", "before", "after"))
    if not button.each:
        assert len(entries) == button.entries, entries
    assert Upload.objects.count() - uploads <= 1
    assert PostLog.objects.count() - logs <= len(world.invoices)
    assert len(woken) - called <= 1
    assert Posting.objects.count() <= Invoice.objects.count()


def again(form: dict[str, Any]) -> dict[str, Any]:
    """Return the form as a hand of its own sends it: a file is read once."""
    file = form.get("file")
    if file is None:
        return form
    file.seek(0)
    return {**form, "file": type(file)(file.name, file.read())}


def follow_reset(sessions: dict[str, str], path: str) -> str:
    """Open the link as its owner does, which keeps its key in the session; return the address of the form."""
    return str(browser(sessions[roles.SYSTEM_ADMIN]).get(path)["Location"])
