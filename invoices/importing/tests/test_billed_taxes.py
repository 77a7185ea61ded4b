"""What is kept of the lines' taxes is what a count of all lines would say, whatever happened to them."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import Count, Sum

from c3portal.models import User
from c3portal.testing import at_once
from invoices import tasks
from invoices.corrections.creating import CorrectingLine, create
from invoices.importing import billed_taxes, later
from invoices.importing.importer import import_file
from invoices.importing.undo import undo_import
from invoices.models import BilledTax, Customer, Invoice, InvoiceLine
from invoices.tests.c3_files import of_customer, write
from invoices.tests.makers import Status, connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
RESOLD = {"InvoiceEntity": "Reseller", "ResellerName": "Foxtrot"}
FREE = {"TaxName": "GST Free", "TaxPercentage": "0", "TaxAmount": "0.00", "Total": "90.00"}


def counted() -> Counter[tuple[object, ...]]:
    """Return how many lines have which tax, by a count of all of them."""
    rows = InvoiceLine.objects.order_by().values_list(
        "invoice__customer", "invoice__bill_to", "tax_name", "tax_percentage"
    )
    return Counter({tuple(subject): count for *subject, count in rows.annotate(Count("pk"))})


def kept() -> Counter[tuple[object, ...]]:
    rows = BilledTax.objects.order_by().values_list("customer", "bill_to", "tax_name", "tax_percentage")
    return +Counter({tuple(subject): lines for *subject, lines in rows.annotate(Sum("lines"))})


def is_settled() -> bool:
    return BilledTax.objects.count() == len(kept())


def test_imports_and_what_takes_them_back_leave_what_a_count_would_say(tmp_path: Path, finance_admin: User) -> None:
    first = import_file(write(tmp_path, of_customer(1), of_customer(1), of_customer(2, **RESOLD)))
    assert kept() == counted()
    assert kept().total() == 3
    assert is_settled()

    # Another customer's, addressed otherwise, fewer lines, another tax, and one that is new.
    changed = [of_customer(1, **FREE), of_customer(3, InvoiceNumber="Invoice_2"), of_customer(4, **FREE)]
    second = import_file(write(tmp_path, *changed))
    assert kept() == counted()
    assert {name for _, _, name, _ in kept()} == {"GST Free", of_customer(1)["TaxName"]}
    assert is_settled()

    Invoice.objects.filter(number="Invoice_4").update(ignored_because="Billed by hand")
    assert kept() == counted()

    undo_import(second, user=finance_admin, source="a test")
    assert kept() == counted()
    assert kept().total() == 3
    undo_import(first, user=finance_admin, source="a test")
    assert kept() == counted() == Counter()
    assert not BilledTax.objects.exists()
    # One whom an undone change named is not gone with it.
    assert not Customer.objects.exclude(tenant_id="tenant-3").exists()


def test_what_was_imported_before_it_was_kept_is_counted_once(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(1, **FREE), of_customer(2, **RESOLD)))
    BilledTax.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("invoices.migrations.0050_fill_billed_taxes").FILL)
    assert kept() == counted()
    assert is_settled()


def test_so_do_a_correction_and_a_later_version_that_is_taken_in(tmp_path: Path, finance_admin: User) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    sent = Invoice.objects.get(number="Invoice_1")
    uploaded(connected(), finance_admin, sent, to=Status.POSTED)
    line = CorrectingLine("Back", Decimal(1), Decimal(-10), Decimal("-10.00"), "200", "OUTPUT", Decimal(0), "None")
    create(sent, [line], reason="Too much", contact_id="c")
    assert kept() == counted()
    assert kept().total() == 3

    import_file(write(tmp_path, of_customer(1, **FREE), of_customer(1), of_customer(2)))
    assert kept() == counted()
    (version,) = later.newest_of([sent.pk]).values()
    later.take_in([version.pk])
    assert kept() == counted()
    assert kept().total() == 4

    billed_taxes.settle()
    assert is_settled()
    assert kept() == counted()


# What the release before leaves uncounted


@contextmanager
def the_release_before() -> Iterator[None]:
    """It imports and takes back without knowing of the counts."""
    with ExitStack() as patches:
        for name in ("put_on", "take_off", "settle"):
            patches.enter_context(patch.object(billed_taxes, name, autospec=True))
        yield


def test_what_an_old_worker_brought_or_took_back_is_counted_at_night(tmp_path: Path, finance_admin: User) -> None:
    gone = import_file(write(tmp_path, of_customer(1), of_customer(2, **RESOLD)))
    import_file(write(tmp_path, of_customer(3)))
    with the_release_before():
        undo_import(gone, user=finance_admin, source="a test")
        import_file(write(tmp_path, of_customer(3, **FREE), of_customer(4), of_customer(5, **RESOLD)))
    assert kept() != counted()

    tasks.mend_billed_taxes()

    assert kept() == counted()
    assert is_settled()
    assert billed_taxes.mend() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["take_off", "put_on"])
def test_an_import_meanwhile_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    BilledTax.objects.all().delete()
    paused = pause(monkeypatch, step)

    def either(turn: int) -> object:
        if turn == 0:
            return import_file(write(tmp_path, of_customer(1, **FREE), of_customer(2), of_customer(3)))
        assert paused.wait(30)
        return billed_taxes.mend()

    at_once(2, either)
    billed_taxes.mend()

    assert kept() == counted()
    assert kept().total() == 3
    assert is_settled()


@pytest.mark.django_db(transaction=True)
def test_what_takes_no_lock_of_imports_is_counted_once_too(
    tmp_path: Path, finance_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    sent = Invoice.objects.get(number="Invoice_1")
    uploaded(connected(), finance_admin, sent, to=Status.POSTED)
    line = CorrectingLine("Back", Decimal(1), Decimal(-10), Decimal("-10.00"), "200", "OUTPUT", Decimal(0), "None")
    BilledTax.objects.all().delete()
    paused = pause(monkeypatch, "put_on")

    def any_of(turn: int) -> object:
        if turn == 0:
            return create(sent, [line], reason="Too much", contact_id="c")
        assert paused.wait(30)
        return billed_taxes.mend()

    at_once(3, any_of)

    assert kept() == counted()
    assert kept().total() == 3


def pause(monkeypatch: pytest.MonkeyPatch, name: str) -> threading.Event:
    """Have that step wait before the end of its transaction until others got as far as they can; returns what tells
    them to begin."""
    paused, real = threading.Event(), getattr(billed_taxes, name)

    def slowly(invoices: Iterable[uuid.UUID]) -> None:
        real(invoices)
        paused.set()
        threading.Event().wait(0.5)

    monkeypatch.setattr(billed_taxes, name, slowly)
    return paused
