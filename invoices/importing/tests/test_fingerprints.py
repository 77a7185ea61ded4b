"""The same charges have one fingerprint, under whatever number, billing id or name, and whenever imported."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from invoices import tasks
from invoices.importing import backfill
from invoices.importing.importer import import_file
from invoices.models import Invoice
from invoices.tests.c3_files import SEPTEMBER, of_customer, write

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
AGAIN = {"InvoiceNumber": "Another", "BillingId": "20260919", "CustomerName": "Renamed", "SubscriptionName": "Other"}
UNDATED = {"ChargeStartDate": "", "ChargeEndDate": ""}
OCTOBER = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}


def fingerprint(folder: Path, *rows: dict[str, str]) -> str:
    import_file(write(folder, *rows))
    invoice = Invoice.objects.get(number=rows[0]["InvoiceNumber"])
    return invoice.billed_hash


def test_what_is_generated_again_has_the_same_fingerprint(tmp_path: Path) -> None:
    first = fingerprint(tmp_path, of_customer(1), of_customer(1, ProductSKUId="B"))
    again = fingerprint(
        tmp_path, of_customer(1, **AGAIN, ProductSKUId="B"), of_customer(1, **AGAIN, Quantity="10.0", SubTotal="90")
    )

    assert len(first) == 64
    assert again == first


@pytest.mark.parametrize(
    "changes",
    [
        {"TenantID": "tenant-2", "ERPCustomerID": "ERP2"},
        {"CurrencyCode": "NZD"},
        {"ChargeStartDate": "2026-08-17"},
        {"ProductSKUId": "B"},
        {"Quantity": "9"},
        {"TaxAmount": "9.01", "Total": "99.01"},
    ],
)
def test_other_charges_have_another_one(tmp_path: Path, changes: dict[str, str]) -> None:
    assert fingerprint(tmp_path, of_customer(1)) != fingerprint(tmp_path, of_customer(1, **AGAIN | changes))


def test_a_fee_without_dates_is_of_its_period(tmp_path: Path) -> None:
    september = fingerprint(tmp_path, of_customer(1, **UNDATED))
    again = fingerprint(tmp_path, of_customer(1, **UNDATED, **AGAIN))
    october = fingerprint(tmp_path, of_customer(1, InvoiceNumber="October", **UNDATED, **OCTOBER))

    assert september == again != october
    invoice = Invoice.objects.get(number="October")
    assert (str(invoice.service_start), str(invoice.service_end)) == ("2026-09-16", "2026-10-15")


def test_invoices_of_an_earlier_release_get_exactly_the_importers(tmp_path: Path) -> None:
    import_file(SEPTEMBER)
    import_file(write(tmp_path, of_customer(1, **UNDATED), of_customer(1, SubTotal="90.0004", TaxAmount="8.9996")))
    names = ("number", "billed_hash", "service_start", "service_end", "exact_total")
    by_importer = list(Invoice.objects.values_list(*names))
    changed = timezone.now()
    Invoice.objects.update(billed_hash="", service_start=None, service_end=None, exact_total=None, imported_at=changed)

    tasks.fill_fingerprints()

    assert list(Invoice.objects.values_list(*names)) == by_importer
    assert set(Invoice.objects.values_list("imported_at", flat=True)) == {changed}
    assert backfill.fill() == 0


def test_an_import_fills_what_is_missing_first(tmp_path: Path) -> None:
    first = fingerprint(tmp_path, of_customer(1))
    Invoice.objects.update(billed_hash="")

    assert fingerprint(tmp_path, of_customer(1, **AGAIN)) == first
    assert Invoice.objects.filter(billed_hash=first).count() == 2


def test_the_exact_sum_and_the_days_charged_for_are_kept(tmp_path: Path) -> None:
    small = {"Quantity": "4", "UnitPriceOfProduct": "0.001", "SubTotal": "0.004", "TaxAmount": "0.0004"}
    rows = [of_customer(1, **small, Total="0.0044", ChargeEndDate=f"2026-09-{day}") for day in range(10, 26)]

    run = import_file(write(tmp_path, *rows))

    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.exact_total) == (Decimal("0.00"), Decimal("0.0704"))
    assert (str(invoice.service_start), str(invoice.service_end)) == ("2026-08-16", "2026-09-25")
    assert any("AUD 0.07 exact, AUD 0.00 as the sum of its rounded lines" in note for note in run.notes)
