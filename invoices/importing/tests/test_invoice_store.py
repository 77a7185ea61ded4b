"""A file of more invoices than memory holds comes in as one of few does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from invoices.importing import decisions, invoice_store, writing
from invoices.importing.importer import import_file
from invoices.importing.preview import preview_file
from invoices.importing.tests.test_importing import changed, counts
from invoices.models import Invoice, InvoiceLine
from invoices.tests.c3_files import SEPTEMBER, of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Room for four invoices in memory, of which two are worked on together."""
    with (
        patch.object(invoice_store, "IN_MEMORY", 4),
        patch.object(decisions, "CHUNK", 2),
        patch.object(writing, "CHUNK", 2),
    ):
        yield


@pytest.mark.usefixtures("little_memory")
def test_the_sample_comes_in_the_same_and_again_changes_nothing(tmp_path: Path) -> None:
    run = import_file(SEPTEMBER)

    assert (counts(run), run.notes, InvoiceLine.objects.count()) == ((120, 0, 0, 0), [], 791)
    assert counts(import_file(SEPTEMBER)) == (0, 0, 120, 0)
    scattered = changed(SEPTEMBER, tmp_path, lambda rows: rows.sort(key=lambda row: row["SubscriptionName"]))
    assert counts(import_file(scattered)) == (0, 0, 120, 0)


@pytest.mark.usefixtures("little_memory")
def test_what_is_decided_of_each_invoice_is_not_forgotten(tmp_path: Path) -> None:
    import_file(write(tmp_path, *(of_customer(index) for index in range(12))))
    uploaded(connected(), None, *Invoice.objects.filter(number__in=["Invoice_0", "Invoice_11"]), to="posted")
    rows = [of_customer(index, SubscriptionName=f"Product {line}") for line in range(3) for index in range(13)]
    path = write(tmp_path, *rows, of_customer(5, Quantity="x"), name="later.csv")
    preview = preview_file(path)

    run = import_file(path)

    assert (counts(run), run.invoices_held_back) == ((1, 9, 0, 2), 1)
    assert (preview.new.count, preview.changed.count, preview.differing.count) == (1, 9, 2)
    assert list(Invoice.objects.get(number="Invoice_7").lines.values_list("position", "name")) == [
        (1, "Product 0"),
        (2, "Product 1"),
        (3, "Product 2"),
    ]
    difference = Invoice.objects.get(number="Invoice_0").difference
    money = "subtotal AUD 90.00 → AUD 270.00; tax AUD 9.00 → AUD 27.00; total AUD 99.00 → AUD 297.00"
    assert difference == f"{money}; lines 1 → 3"
