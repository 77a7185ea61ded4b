"""What is kept of the lines' taxes is what a count of all lines would say, whatever happened to them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Count, Sum

from c3portal.models import User
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
