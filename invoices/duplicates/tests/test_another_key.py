"""The same lines billed to one customer under two keys: first without a tenant id, renamed, with another ERP id."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection as database

from invoices.duplicates import comparison
from invoices.duplicates.comparison import Likeness
from invoices.importing import backfill
from invoices.importing.importer import import_file
from invoices.importing.undo import undo_import
from invoices.models import Invoice
from invoices.preflight import likenesses
from invoices.tests.c3_files import of_customer, write

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
AGAIN = {"BillingId": "20260919", "InvoiceNumber": "Again"}
KEYED = {"TenantID": "tenant-1", "CustomerName": "Contoso", "ERPCustomerID": ""}
KEYLESS = KEYED | {"TenantID": ""}
BY_ERP = KEYLESS | {"ERPCustomerID": "E1"}


def likes() -> dict[str, Likeness]:
    found = comparison.lookalikes(Invoice.objects.all())
    return {Invoice.objects.get(pk=pk).number: each.likeness for pk, each in found.items()}


def billed(folder: Path, *customers: dict[str, str]) -> None:
    """Import a line of each customer, each in a billing of its own."""
    for place, customer in enumerate(customers):
        import_file(write(folder, of_customer(1, **customer) | (AGAIN if place else {})))


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (KEYLESS, KEYED),
        (KEYED, KEYLESS),
        (KEYLESS, KEYED | {"CustomerName": "Contoso Pty"}),
        (KEYLESS, KEYLESS | {"CustomerName": "Fabrikam"}),
        (BY_ERP, BY_ERP | {"ERPCustomerID": "E2"}),
        (BY_ERP, KEYLESS),
        (KEYED, KEYED | {"TenantID": "tenant-2", "CustomerName": "CONTÓSO\u200b"}),
    ],
)
def test_the_same_lines_under_another_key_wait_for_a_decision(
    tmp_path: Path, first: dict[str, str], again: dict[str, str]
) -> None:
    billed(tmp_path, first, again)
    assert likes() == {"Again": Likeness.REKEYED}
    waits = Invoice.objects.get(number="Again")
    assert list(comparison.undecided(Invoice.objects.all())) == [waits]
    assert [each.likeness for each in comparison.all_like(waits, 5)] == [Likeness.REKEYED]


def test_it_is_said_whose_both_are(tmp_path: Path) -> None:
    billed(tmp_path, KEYLESS, KEYED)
    waits = Invoice.objects.get(number="Again")
    said = likenesses.sentence(waits, comparison.lookalikes(Invoice.objects.all())[waits.pk])
    assert said == (
        "The same lines and total as Invoice_1, which is not in Xero, but another customer key. "
        "There: Contoso (no tenant id). Here: Contoso (tenant-1)."
    )


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (KEYED, KEYED | {"TenantID": "tenant-2", "CustomerName": "Fabrikam"}),
        (KEYLESS, KEYED | {"Quantity": "11", "SubTotal": "99.00", "TaxAmount": "9.90", "Total": "108.90"}),
        (KEYLESS, KEYED | {"CurrencyCode": "NZD"}),
        (KEYLESS, KEYED | {"ChargeStartDate": "2026-08-17"}),
    ],
)
def test_two_customers_with_keys_and_names_of_their_own_and_other_lines_are_not_asked_about(
    tmp_path: Path, first: dict[str, str], again: dict[str, str]
) -> None:
    billed(tmp_path, first, again)
    assert likes() == {}


def test_customers_who_are_billed_in_one_run_are_two(tmp_path: Path) -> None:
    several = [
        of_customer(each, **KEYLESS | {"CustomerName": f"Buyer {name}"}, InvoiceNumber=name)
        for each, name in enumerate(("A", "B", "C"))
    ]
    namesakes = [
        of_customer(each, **KEYED | {"TenantID": f"tenant-{each}"}, InvoiceNumber=f"Namesake {each}") for each in (8, 9)
    ]
    import_file(write(tmp_path, *several, *namesakes))
    assert likes() == {}
    again = [row | {"InvoiceNumber": row["InvoiceNumber"] + " again", "BillingId": "20260919"} for row in several]
    import_file(write(tmp_path, *again, *namesakes))
    assert likes() == {f"{name} again": Likeness.SAME for name in ("A", "B", "C")}


def test_of_one_run_a_namesake_without_a_key_waits(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, **KEYED), of_customer(1, **KEYLESS, InvoiceNumber="Other")))
    assert likes() == {"Other": Likeness.REKEYED}


def test_invoices_of_an_earlier_release_are_compared_too(tmp_path: Path) -> None:
    billed(tmp_path, KEYLESS)
    names = ("billed_hash", "charges_hash", "keyless_hash", "named_hash")
    by_importer = Invoice.objects.values_list(*names).get()
    assert all(len(each) == 64 for each in by_importer)
    for nothing in ({"billed_hash": ""}, {}):
        Invoice.objects.update(charges_hash=None, keyless_hash=None, named_hash=None, **nothing)
        assert (backfill.fill(), backfill.fill()) == (1, 0)
        assert Invoice.objects.values_list(*names).get() == by_importer


def test_what_is_put_back_as_an_earlier_release_kept_it_is_compared_too(tmp_path: Path) -> None:
    billed(tmp_path, KEYLESS)
    before = Invoice.objects.values_list("charges_hash", "keyless_hash", "named_hash").get()
    run = import_file(write(tmp_path, of_customer(1, **KEYLESS, ProductSKUId="B")))
    (kept,) = run.replaced.all()
    for name in ("charges_hash", "keyless_hash", "named_hash"):
        del kept.before["invoice"][name]
    kept.save()
    undo_import(run, user=None, source="a test")
    backfill.fill()
    assert Invoice.objects.values_list("charges_hash", "keyless_hash", "named_hash").get() == before


def test_each_way_of_being_alike_is_found_by_its_index(tmp_path: Path) -> None:
    billed(tmp_path, KEYLESS, KEYED)
    if database.vendor == "sqlite":
        plan = comparison.undecided(Invoice.objects.all()).explain()
        for index in ("invoice_billed_hash", "invoice_charges", "invoice_keyless", "invoice_named"):
            assert index in plan
        # Nothing but the invoices asked about is read from end to end.
        assert [row for row in plan.splitlines() if "SCAN" in row and "invoices_invoice" not in row] == []
