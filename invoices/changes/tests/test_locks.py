"""Whoever asks for changes, and the workers that go on by themselves, wait for one another in one order."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.testing import BASE_DIR, at_once
from invoices.changes import asking, follow_ups
from invoices.conftest import MakeInvoice
from invoices.models import DocumentChange, Invoice, Posting, Upload
from invoices.posting import queueing, worker
from xero_integration.models import XeroConnection

both = pytest.mark.both_databases
commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uploaded(
    make_invoice: MakeInvoice, connected: XeroConnection, finance_admin: User, addresses: None
) -> Callable[..., Upload]:
    """Return a function that posts two documents, to be approved and sent by itself, and nothing of that yet."""

    def uploaded(invoice_status: str) -> Upload:
        for amount in ("100.00", "50.00"):
            make_invoice(amount=amount)
        queued = queueing.enqueue(
            Invoice.objects.all(),
            connection=connected,
            user=finance_admin,
            invoice_status=invoice_status,
            onward="send",
        )
        worker.reconcile_and_link_contacts(connected)
        worker.advance(connected, float("inf"))
        assert queued.upload is not None
        return queued.upload

    return uploaded


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, first: Callable[[], Any], other: Callable[[], Any]) -> None:
    """Do `first`, and `other` as soon as it did the function of `asking`, as far as it gets."""
    paused, real, calls = threading.Event(), getattr(asking, name), itertools.count()

    def slowly(*args: Any, **more: Any) -> Any:
        done = real(*args, **more)
        if next(calls) == 0:
            paused.set()
            threading.Event().wait(0.5)
        return done

    monkeypatch.setattr(asking, name, slowly)

    def either(turn: int) -> Any:
        if turn == 0:
            return first()
        assert paused.wait(30)
        return other()

    at_once(2, either)


@both
@commits
def test_a_click_that_sends_and_a_worker_that_sends_by_itself(
    uploaded: Any, finance: Client, connected: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploaded("AUTHORISED")
    address = reverse("upload_send", args=[upload.pk])
    meanwhile(monkeypatch, "held", lambda: finance.post(address), lambda: follow_ups.queue(connected))
    assert DocumentChange.objects.filter(kind="send").count() == 2


@both
@commits
def test_a_click_about_an_upload_and_a_worker_that_goes_on_with_it(
    uploaded: Any, finance: Client, connected: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploaded("DRAFT")
    address = reverse("upload_approve", args=[upload.pk])
    meanwhile(monkeypatch, "ask", lambda: finance.post(address), lambda: follow_ups.queue(connected))
    assert DocumentChange.objects.filter(kind="approve").count() == 2
    assert not Posting.objects.in_progress().exists()


def test_no_row_is_held_in_a_way_that_foreign_keys_wait_for() -> None:
    found = []
    for folder in ("c3portal", "xero_integration", "c3_integration", "invoices", "operations"):
        for path in (BASE_DIR / folder).rglob("*.py"):
            locks = re.findall(r"select_for_update\([^\n]*", path.read_text()) if "tests" not in path.parts else ()
            found += [f"{path.name}: {each}" for each in locks if "no_key=True" not in each]
    assert found == []
