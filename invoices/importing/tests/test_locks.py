"""Importing, taking back and queueing wait for one another in one order, so that none is ended as a deadlock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.testing import at_once
from invoices.importing import decisions, replaced_customers, undo, writing
from invoices.importing.importer import import_file
from invoices.importing.numbers import invoice_id
from invoices.importing.undo import undo_import
from invoices.models import Customer, ImportRun, Invoice, Posting
from invoices.posting import queueing
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
            return queueing.enqueue(rows, connection=xero, user=finance_admin, invoice_status="DRAFT").queued

        return at_once(2, either)

    return meanwhile


paused = threading.Event()


def pause(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, at: int = 1) -> None:
    """Have the function, at its first call or that numbered `at`, let the other thread go as far as it gets."""
    paused.clear()
    real, calls = getattr(module, name), itertools.count(1)

    def slowly(*args: Any, **more: Any) -> Any:
        done = real(*args, **more)
        if next(calls) == at:
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


def test_an_import_that_forgets_differences_in_another_order_and_an_upload_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Any
) -> None:
    file = write(tmp_path, of_customer(2, InvoiceNumber=SECOND), of_customer(1, InvoiceNumber=FIRST))
    import_file(file)
    Invoice.objects.update(difference="total 1.00 → 2.00")
    monkeypatch.setattr(writing, "CHUNK", 1)
    pause(monkeypatch, writing, "_forget_differences")

    run, queued = meanwhile(lambda: import_file(file))

    assert (run.state, run.invoices_unchanged, queued) == (ImportRun.State.NOTHING_NEW, 2, 2)
    assert not Invoice.objects.exclude(difference="").exists()


@pytest.fixture
def pressed(client: Client, finance_admin: User) -> Callable[[Callable[[], Any]], list[Any]]:
    """Return a function that does something, and changes contacts of all customers on their page as soon as it
    `paused`; returns both results."""
    connected()
    client.force_login(finance_admin)

    def pressed(work: Callable[[], Any]) -> list[Any]:
        ticked = list(Customer.objects.values_list("pk", flat=True))
        # The first request of a process takes longer than the pause.
        client.get(reverse("customers"))

        def either(turn: int) -> Any:
            if turn == 0:
                return work()
            assert paused.wait(30)
            return client.post(
                reverse("contacts_do"), {"action": "unlink", "customer": ticked, "sure": "1"}
            ).status_code

        return at_once(2, either)

    return pressed


OCTOBER = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}
DAYS = {"ChargeStartDate": "2026-09-16", "ChargeEndDate": "2026-10-15", "CustomerEmail": "new@x.example"}


def later(index: int) -> dict[str, str]:
    return of_customer(index, InvoiceNumber=f"October_{index}", **OCTOBER, **DAYS)


def test_an_import_of_customers_in_another_order_and_their_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pressed: Any
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    monkeypatch.setattr(writing, "CHUNK", 1)
    pause(monkeypatch, writing, "_write_customers")

    run, status = pressed(lambda: import_file(write(tmp_path, later(2), later(1))))

    assert (run.state, run.invoices_new, status) == (ImportRun.State.IMPORTED, 2, 302)


def test_an_undo_that_puts_customers_back_in_another_order_and_their_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pressed: Any
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    monkeypatch.setattr(writing, "CHUNK", 1)
    run = import_file(write(tmp_path, later(2), later(1)))
    monkeypatch.setattr(replaced_customers, "CHUNK", 1)
    pause(monkeypatch, replaced_customers, "_restore", at=2)

    undone, status = pressed(lambda: undo_import(run, user=None, source="a test"))

    assert (undone.customers, status) == (2, 302)
