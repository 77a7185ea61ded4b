"""A release that writes a request body in other bytes takes over from workers that were on the way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from invoices import tasks
from invoices.conftest import Upload, Work
from invoices.models import Invoice, Submission
from invoices.posting import sender
from xero_integration.models import XeroConnection
from xero_integration.payloads import Document
from xero_integration.reference import json_date
from xero_integration.tests.deaths import Killed, killed_in_the_call
from xero_integration.xero_models import documents_body
from xero_sandbox.testing import SandboxControl

MakeInvoices = Callable[[int], list[Invoice]]
State = Callable[[], dict[str, int]]
# What tells two documents of equal invoices apart.
OWN = {"id", "number", "contact", "contact_id", "url"}


def as_before(documents: Iterable[Document]) -> bytes:
    """Return the body as the release before xero-python's models wrote it."""
    return re.sub(r"/Date\(\d+\)/", lambda found: str(json_date(found[0])), documents_body(documents).decode()).encode()


def bodies(sandbox: SandboxControl) -> dict[str, set[str]]:
    """Return the digests of the bodies that reached Xero under each key."""
    found: dict[str, set[str]] = defaultdict(set)
    for call in sandbox.calls():
        if call["method"] == "PUT":
            found[call["idempotency_key"]].add(call["body_sha256"])
    return found


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
@pytest.mark.parametrize("arrives", [True, False])
def test_what_the_release_before_stored_is_never_sent_in_other_bytes_under_its_key(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    after_the_lease: Work,
    sweep: Work,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
    arrives: bool,
) -> None:
    make_invoices(3)
    upload()
    tasks.worker.reconcile_and_link_contacts(connected)
    with monkeypatch.context() as before, killed_in_the_call(arrives=arrives):
        before.setattr(sender, "documents_body", as_before)
        sender.send_next(connected)
    stored = Submission.objects.get()
    body = bytes(stored.body or b"")
    assert b'"Date":"2' in body
    after_the_lease()
    for _ in range(3):
        sweep()
    assert state() == {"posted": 3}
    assert len(sandbox.documents()) == 3
    assert all(len(sent) == 1 for sent in bodies(sandbox).values())
    assert (str(stored.pk) in bodies(sandbox)) is arrives
    stored.refresh_from_db()
    assert bytes(stored.body or b"") == body
    assert Submission.objects.count() == (1 if arrives else 2)
    assert sandbox.violations() == []


@pytest.mark.usefixtures("no_lookup_delay")
def test_what_the_release_before_had_claimed_and_not_written_yet_goes_out_under_a_new_key(
    make_invoices: MakeInvoices,
    sandbox: SandboxControl,
    connected: XeroConnection,
    upload: Upload,
    after_the_lease: Work,
    sweep: Work,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_invoices(2)
    upload()
    tasks.worker.reconcile_and_link_contacts(connected)

    def die(*documents: Any) -> bytes:
        raise Killed

    with monkeypatch.context() as before:
        before.setattr(sender, "documents_body", die)
        with pytest.raises(Killed):
            sender.send_next(connected)
    claimed = Submission.objects.get()
    assert (claimed.body, claimed.outcome) == (None, Submission.Outcome.PREPARING)
    after_the_lease()
    sweep()
    assert state() == {"posted": 2}
    assert str(claimed.pk) not in bodies(sandbox)
    assert len(sandbox.documents()) == 2


def test_both_releases_say_the_same(
    make_invoices: MakeInvoices, upload: Upload, work: Work, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Xero keeps the same document from either form, day for day."""
    ours, theirs = make_invoices(2)
    upload(ours)
    work()
    upload(theirs)
    monkeypatch.setattr(sender, "documents_body", as_before)
    work()
    first, second = sandbox.documents()
    assert {name for name in first if first[name] != second[name]} == OWN
