"""What a later file says of an invoice that was sent is kept line by line, until it is taken in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from c3portal.models import User
from invoices.importing import later
from invoices.importing.importer import import_file
from invoices.models import Invoice, InvoiceLine, LaterLine, LaterVersion
from invoices.tests.c3_files import of_customer, write
from invoices.tests.makers import Status, connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DEARER = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}


@pytest.fixture
def sent(tmp_path: Path, finance_admin: User) -> Invoice:
    """An invoice of one line that is in Xero."""
    import_file(write(tmp_path, of_customer(1)))
    invoice = Invoice.objects.get()
    uploaded(connected(), finance_admin, invoice, to=Status.POSTED)
    return invoice


def test_a_later_file_is_kept_as_an_import_would_store_it(sent: Invoice, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, **DEARER), of_customer(1)))
    (version,) = later.newest_of([sent.pk]).values()

    changed = later.as_invoice(sent, version)
    assert (changed.total, changed.xero_number) == (Decimal("209.00"), sent.xero_number)
    assert [each.total for each in changed.lines.all()] == [Decimal("110.00"), Decimal("99.00")]
    assert Invoice.objects.get().total == Decimal("99.00")

    later.take_in([version.pk])
    Invoice.objects.update(difference="")
    stored = Invoice.objects.get()
    before = list(InvoiceLine.objects.values("position", "name", "total", "source"))
    assert (stored.total, stored.difference) == (Decimal("209.00"), "")
    assert not LaterVersion.objects.exists()
    assert not LaterLine.objects.exists()

    # The same file says nothing new then.
    assert import_file(write(tmp_path, of_customer(1, **DEARER), of_customer(1))).invoices_differing == 0
    assert list(InvoiceLine.objects.values("position", "name", "total", "source")) == before


def test_the_newest_file_counts_and_one_that_is_as_sent_ends_it(sent: Invoice, tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, **DEARER)))
    import_file(write(tmp_path, of_customer(1), of_customer(1)))
    (version,) = later.newest_of([sent.pk]).values()
    assert version.facts["total"] == "198.00"
    assert LaterVersion.objects.count() == 1

    import_file(write(tmp_path, of_customer(1)))
    assert not LaterVersion.objects.exists()


def test_what_became_another_customers_is_not_kept(sent: Invoice, tmp_path: Path) -> None:
    other = of_customer(2, InvoiceNumber="Invoice_1")
    assert import_file(write(tmp_path, other)).invoices_differing == 1
    assert not LaterVersion.objects.exists()
    assert "customer" in Invoice.objects.get().difference
