"""Importing, taking back and queueing wait for one another in one order, so that none is ended as a deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c3portal.models import User
from c3portal.testing import at_once
from invoices.importing import decisions, undo
from invoices.importing.importer import import_file
from invoices.importing.numbers import invoice_id
from invoices.importing.undo import undo_import
from invoices.models import ImportRun, Invoice, Posting
from invoices.posting import transitions
from invoices.selection import deciding
from invoices.tests.c3_files import of_customer, write
from invoices.tests.makers import connected

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
# Whoever locks several takes them by id.
FIRST, SECOND = sorted(("One", "Other"), key=invoice_id)
LATER = {"InvoiceNumber": SECOND, "BillingId": "20260919"}
PRICE = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}


@pytest.fixture
def meanwhile(finance_admin: User) -> Callable[[Callable[[], Any]], list[Any]]:
    """Return a function that does something, and uploads all invoices as soon as it `paused`; returns both results."""
    xero = connected()

    def meanwhile(work: Callable[[], Any]) -> list[Any]:
        def either(turn: int) -> Any:
            if turn == 0:
                return work()
            assert paused.wait(30)
            rows = Invoice.objects.all()
            return transitions.enqueue(rows, connection=xero, user=finance_admin, invoice_status="DRAFT").queued

        return at_once(2, either)

    return meanwhile


paused = threading.Event()


def pause(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Have the function, at its first call, let an upload go as far as it gets."""
    paused.clear()
    real = getattr(module, name)

    def slowly(*args: Any, **more: Any) -> Any:
        done = real(*args, **more)
        if not paused.is_set():
            paused.set()
            threading.Event().wait(0.5)
        return done

    monkeypatch.setattr(module, name, slowly)


def test_an_undo_that_takes_up_an_earlier_invoice_and_an_upload_of_both(
    tmp_path: Path, finance_admin: User, monkeypatch: pytest.MonkeyPatch, meanwhile: Any
) -> None:
    import_file(write(tmp_path, of_customer(1, InvoiceNumber=FIRST)))
    run = import_file(write(tmp_path, of_customer(1, **LATER)))
    first, second = Invoice.objects.get(number=FIRST), Invoice.objects.get(number=SECOND)
    assert deciding.replace(second, str(first.pk), finance_admin).ignored == [first]
    pause(monkeypatch, undo, "_in_the_way")

    undone, queued = meanwhile(lambda: undo_import(run, user=finance_admin, source="a test"))

    assert (undone.deleted, queued) == (1, 1)
    assert Posting.objects.get().invoice == first


def test_an_import_that_changes_invoices_in_another_order_and_an_upload_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Any
) -> None:
    rows = [of_customer(2, InvoiceNumber=SECOND), of_customer(1, InvoiceNumber=FIRST)]
    import_file(write(tmp_path, *rows))
    changed = write(tmp_path, *(row | PRICE for row in rows))
    monkeypatch.setattr(decisions, "CHUNK", 1)
    pause(monkeypatch, decisions, "changeable_of")

    run, queued = meanwhile(lambda: import_file(changed))

    assert (run.state, run.invoices_updated, queued) == (ImportRun.State.IMPORTED, 2, 2)
    assert {str(each.total) for each in Invoice.objects.all()} == {"110.00"}
