"""Amounts finer than a cent: the exact sum of the lines, and what the rounding policy does about it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from invoices.conftest import Upload, Work
from invoices.documents import exact_sum
from invoices.importing.importer import import_file
from invoices.models import Invoice, Posting
from invoices.preflight.preflight import Inspection, Verdict, inspect
from invoices.tests.c3_files import a_row, write
from xero_integration.models import DifferencePolicy, XeroConnection, XeroSettings


def settings(policy: str, *, limit: str = "1.00") -> None:
    app = XeroSettings.load()
    app.difference_policy, app.difference_limit, app.rounding_account_code = policy, Decimal(limit), "4030"
    app.save()


def usage(lines: int, subtotal: str, **changes: str) -> list[dict[str, str]]:
    """Return Azure usage in so many lines, each of an amount finer than a cent."""
    net = Decimal(subtotal)
    amounts = {"SubTotal": subtotal, "TaxAmount": str(net / 10), "Total": str(net + net / 10), "Category": "Usage"}
    amounts |= {"UnitPriceOfProduct": str(net / 4), "Quantity": "4"}
    return [a_row(ProductSKUId=f"DZH318Z0BPS6:{number:04}", **amounts, **changes) for number in range(lines)]


def preflight(connection: XeroConnection) -> Inspection:
    return inspect(Invoice.objects.all(), connection, invoice_status="DRAFT", look_up_in_xero=False)


@pytest.mark.parametrize(
    ("exact", "total", "due"),
    [
        ("0.2200", "0.00", "0.22"),
        ("100.005", "100.00", "100.00"),  # less than a cent away
        ("100.0099", "100.00", "100.00"),
        ("100.01", "100.00", "100.01"),
        ("100.015", "100.00", "100.02"),  # half up
        ("-0.2250", "0.00", "-0.23"),
        (None, "5.00", "5.00"),
    ],
)
def test_the_exact_sum_counts_from_a_cent_on(exact: str | None, total: str, due: str) -> None:
    invoice = Invoice(exact_total=Decimal(exact) if exact else None, total=Decimal(total), currency="AUD")
    assert exact_sum.due(invoice) == Decimal(due)


def test_to_block_is_the_default_and_names_both_sums(connected: XeroConnection, tmp_path: Path) -> None:
    import_file(write(tmp_path, *usage(50, "0.004")))
    found = preflight(connected)
    assert [row.verdict for row in found.rows] == [Verdict.BLOCKED]
    (group,) = found.groups()
    assert group.problem.code == exact_sum.CODE
    assert "AUD 0.22;" in group.invoices[0].detail
    assert "they come to AUD 0.00: a difference of AUD +0.22" in group.invoices[0].detail


def test_what_is_posted_all_the_same_is_flagged(
    connected: XeroConnection, sandbox: Any, upload: Upload, work: Work, tmp_path: Path
) -> None:
    settings(DifferencePolicy.WARN)
    import_file(write(tmp_path, *usage(50, "0.004"), *usage(1, "90.00")))
    found = preflight(connected)
    assert [row.verdict for row in found.rows] == [Verdict.WARNING]
    upload()
    work()
    posting = Posting.objects.get()
    assert (posting.status, posting.xero_total) == (Posting.Status.POSTED, Decimal("99.00"))
    assert posting.total_difference == Decimal("-0.22")
    assert "Xero's total is AUD 99.00, AUD -0.22 from the invoice's AUD 99.22." in posting.message


def test_a_rounding_line_brings_it_to_the_exact_sum(
    connected: XeroConnection, sandbox: Any, upload: Upload, work: Work, tmp_path: Path, finance: Client
) -> None:
    settings(DifferencePolicy.ROUNDING_LINE)
    import_file(write(tmp_path, *usage(50, "0.004")))
    (row,) = preflight(connected).rows
    assert row.verdict == Verdict.WARNING
    assert row.prepared is not None
    assert (row.prepared.document.total, row.prepared.proof.is_equal) == (Decimal("0.22"), True)
    *_, last = row.prepared.document.lines
    assert (last.line_amount, last.tax_amount, last.account_code) == (Decimal("0.22"), Decimal("0.00"), "4030")
    upload()
    work()
    posting = Posting.objects.get()
    assert (posting.status, posting.xero_total, posting.total_difference) == ("posted", Decimal("0.22"), Decimal(0))
    assert [document["total"] for document in sandbox.documents()] == ["0.22"]
    page = finance.get(row.invoice.get_absolute_url()).content.decode()
    assert "Exact sum of the lines" in page


def test_a_credit_note_is_brought_to_its_exact_sum_too(
    connected: XeroConnection, upload: Upload, work: Work, tmp_path: Path
) -> None:
    settings(DifferencePolicy.ROUNDING_LINE)
    import_file(write(tmp_path, *usage(50, "-0.004"), *usage(1, "-90.00")))
    upload()
    work()
    posting = Posting.objects.get()
    assert (posting.document_type, posting.status, posting.xero_total) == ("credit_note", "posted", Decimal("99.22"))
    assert posting.total_difference == 0


@pytest.mark.parametrize("policy", [DifferencePolicy.WARN, DifferencePolicy.ROUNDING_LINE])
def test_beyond_the_limit_it_is_never_posted(connected: XeroConnection, tmp_path: Path, policy: str) -> None:
    settings(policy, limit="0.21")
    import_file(write(tmp_path, *usage(50, "0.004")))
    assert [row.verdict for row in preflight(connected).rows] == [Verdict.BLOCKED]


def test_what_would_become_a_document_of_the_other_kind_is_not_posted(
    connected: XeroConnection, tmp_path: Path
) -> None:
    settings(DifferencePolicy.ROUNDING_LINE)
    import_file(write(tmp_path, *usage(50, "-0.004")))
    assert [row.verdict for row in preflight(connected).rows] == [Verdict.BLOCKED]


def test_an_answer_that_was_lost_is_found_with_its_rounding_line(
    connected: XeroConnection, sandbox: Any, upload: Upload, sweep: Work, tmp_path: Path, no_lookup_delay: None
) -> None:
    settings(DifferencePolicy.ROUNDING_LINE)
    import_file(write(tmp_path, *usage(50, "0.004")))
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    for _ in range(3):
        sweep()
    posting = Posting.objects.get()
    assert (posting.status, posting.total_difference) == (Posting.Status.POSTED, 0)
    assert len(sandbox.documents()) == 1
