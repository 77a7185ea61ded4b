"""Numbers that differ by capitals alone are two in Xero all the same, and known to be before posting."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.importing import xero_numbers
from invoices.importing.importer import import_file
from invoices.importing.numbers import spelt_apart
from invoices.models import ImportRun, Invoice, Posting
from invoices.preflight.preflight import Verdict, inspect
from invoices.preflight.spelt_alike import CODE
from invoices.tests import makers
from invoices.tests.c3_files import of_customer, write
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

ALIKE = ("Invoice_ACMELtd_20300318_AUD", "Invoice_AcmeLtd_20300318_AUD", "Invoice_acmeltd_20300318_AUD")


def imported(folder: Path, *numbers: str, start: int = 0) -> None:
    rows = [
        of_customer(start + place, InvoiceNumber=number, CustomerName=f"Buyer {start + place}")
        for place, number in enumerate(numbers)
    ]
    import_file(write(folder, *rows))


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize("order", list(permutations(ALIKE)))
def test_each_has_a_number_of_its_own_whatever_their_order_in_the_file(tmp_path: Path, order: tuple[str, ...]) -> None:
    imported(tmp_path, *order)
    found = dict(Invoice.objects.values_list("number", "xero_number"))
    assert found == {ALIKE[0]: ALIKE[0], ALIKE[1]: spelt_apart(ALIKE[1]), ALIKE[2]: spelt_apart(ALIKE[2])}
    assert len({each.lower() for each in found.values()}) == 3


@pytest.mark.django_db
@pytest.mark.both_databases
def test_one_of_a_later_file_is_spelt_apart_and_the_first_stays_as_it_is(tmp_path: Path) -> None:
    imported(tmp_path, ALIKE[2])
    imported(tmp_path, ALIKE[0], start=1)
    imported(tmp_path, ALIKE[2])
    assert dict(Invoice.objects.values_list("number", "xero_number")) == {
        ALIKE[2]: ALIKE[2],
        ALIKE[0]: spelt_apart(ALIKE[0]),
    }


def test_the_list_shows_it_before_posting_and_each_arrives(
    tmp_path: Path, finance: Client, connected: XeroConnection, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    imported(tmp_path, *ALIKE)
    (note,) = [note for note in ImportRun.objects.get().notes if "capitals" in note]
    assert f"{ALIKE[1]} is {spelt_apart(ALIKE[1])}" in note
    page = finance.get(reverse("invoice_list")).content.decode()
    assert page.count("(in Xero: ") == 2
    upload()
    work()
    assert len({each["number"].lower() for each in sandbox.documents()}) == 3


@pytest.fixture
def connected_to_nobody(db: None) -> XeroConnection:
    """An organisation; nothing here calls it."""
    return makers.connected()


@pytest.mark.both_databases
def test_the_preflight_lets_one_of_those_go_that_an_earlier_release_stored(
    connected_to_nobody: XeroConnection, make_invoice: MakeInvoice
) -> None:
    for number in ALIKE:
        make_invoice(number)

    def blocked(invoices: Any) -> dict[str, str]:
        rows = inspect(invoices, connected_to_nobody, invoice_status="DRAFT", look_up_in_xero=False).rows
        found = {row.invoice.number: problem for row in rows for problem in row.problems if problem.code == CODE}
        assert {row.invoice.number for row in rows if row.verdict == Verdict.BLOCKED} >= found.keys()
        return {number: problem.detail for number, problem in found.items()}

    together = blocked(Invoice.objects.all())
    assert len(together) == 2
    # The others are seen in the store too.
    for number in together:
        assert blocked(Invoice.objects.filter(number=number)).keys() == {number}
    (first,) = set(ALIKE) - together.keys()
    Invoice.objects.filter(number=first).update(ignored_because="Billed by hand")
    assert len(blocked(Invoice.objects.all())) == 1
    last = Invoice.objects.filter(ignored_because="").order_by("number").last()
    assert last is not None
    makers.uploaded(connected_to_nobody, None, last)
    assert set(blocked(Invoice.objects.all()).values()) == {f"The other one is {last.number}."}


def test_no_new_number_takes_no_numbers(db: None) -> None:
    assert xero_numbers.for_new([]) == {}


# A quotation mark


def test_a_credit_note_with_a_quotation_mark_is_found_although_its_answer_was_lost(
    tmp_path: Path,
    connected: XeroConnection,
    sandbox: SandboxControl,
    upload: Upload,
    work: Work,
    no_lookup_delay: None,
) -> None:
    credit = {"Quantity": "-10", "SubTotal": "-90.00", "TaxAmount": "-9.00", "Total": "-99.00"}
    numbers = ("Invoice_PlainOne", 'Invoice_The"Best"Bakery', "Invoice_PlainTwo", "Invoice_Back\\slash")
    rows = [
        of_customer(place, InvoiceNumber=number, CustomerName=f"Buyer {place}", **credit)
        for place, number in enumerate(numbers)
    ]
    import_file(write(tmp_path, *rows, of_customer(9, CustomerName="Clash")))
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^CreditNotes$")
    work()
    work()
    assert set(Posting.objects.values_list("status", flat=True)) == {"posted"}
    assert sorted(each["number"] for each in sandbox.documents()) == sorted([*numbers, "Invoice_9"])
    assert all(call["status"] == 200 for call in sandbox.calls() if call["method"] == "GET")


def test_the_preflight_sees_such_a_credit_note_in_xero_and_the_others_too(
    connected: XeroConnection, sandbox: SandboxControl, make_invoice: MakeInvoice, upload: Upload, work: Work
) -> None:
    for number in ('A "quoted" one', "A plain one"):
        make_invoice(number, amount="-100")
    upload()
    work()
    Posting.objects.all().delete()
    found = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT")
    assert [row.verdict for row in found.rows] == [Verdict.IN_XERO, Verdict.IN_XERO]
    assert len(found.known_notes()) == 2
