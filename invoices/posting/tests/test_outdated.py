"""What a later file says of an invoice that was queued before: nothing out of date leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from c3portal.database import clock
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.importing.importer import import_file
from invoices.importing.undo import undo_import
from invoices.models import HeldBackInvoice, ImportRun, Invoice, Posting
from invoices.posting import outdated
from invoices.preflight.preflight import OUTDATED, inspect
from invoices.tests.c3_files import of_customer, write
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

pytestmark = pytest.mark.both_databases
PRICE = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}


def totals(sandbox: SandboxControl) -> dict[str, str]:
    return {each["number"]: each["total"] for each in sandbox.documents()}


def statuses() -> dict[str, str]:
    return dict(Posting.objects.values_list("invoice__number", "status"))


def only(number: str) -> Posting:
    return Posting.objects.get(invoice__number=number)


def test_what_a_later_file_had_wrong_does_not_leave_as_it_was_queued(
    tmp_path: Path, connected: XeroConnection, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    upload()
    later = import_file(write(tmp_path, of_customer(1), of_customer(2, **PRICE | {"Quantity": "many"})))

    work()

    assert totals(sandbox) == {"Invoice_1": "99.00"}
    assert statuses() == {"Invoice_1": "posted", "Invoice_2": "rejected"}
    assert only("Invoice_2").message.startswith(
        "Nothing of it is in Xero. Held back in a later file, so the amounts here may be out of date."
    )
    assert upload().queued == 0
    undo_import(later, user=None, source="a test")
    assert upload().queued == 1
    work()
    assert totals(sandbox) == {"Invoice_1": "99.00", "Invoice_2": "99.00"}


def test_what_a_later_file_changed_does_not_leave_as_it_was_queued(
    tmp_path: Path, connected: XeroConnection, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    upload()
    path = write(tmp_path, of_customer(1), of_customer(2, **PRICE))
    assert import_file(path).invoices_differing == 1

    work()

    assert statuses() == {"Invoice_1": "posted", "Invoice_2": "rejected"}
    assert only("Invoice_2").message.startswith(
        "Nothing of it is in Xero. A later file, which came while it was on its way to Xero, says otherwise"
    )
    assert upload().held_back == 1
    (row,) = inspect(Invoice.objects.filter(number="Invoice_2"), connected, invoice_status="DRAFT").rows
    assert ([each.code for each in row.problems], row.may_go) == ([OUTDATED], False)
    assert import_file(path).invoices_updated == 1
    assert upload().queued == 1
    work()
    assert totals(sandbox) == {"Invoice_1": "99.00", "Invoice_2": "110.00"}


def test_what_was_set_aside_after_it_was_queued_does_not_leave(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    make_invoice()
    upload()
    Invoice.objects.update(ignored_because="Not ours")
    work()
    assert (totals(sandbox), statuses()) == ({}, {"Invoice_0001": "rejected"})
    assert Posting.objects.get().message.startswith("Nothing of it is in Xero. It was excluded from Xero")


def test_what_has_left_goes_on_and_is_found(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work
) -> None:
    invoice = make_invoice()
    upload()
    sandbox.place_fault("commit_then_drop", method="PUT", path="^Invoices$")
    work()
    assert statuses() == {"Invoice_0001": "uncertain"}
    HeldBackInvoice.objects.create(run=ImportRun.objects.create(file_name="newer.csv", size=1), number=invoice.number)
    Invoice.objects.update(difference="total 110.00 → 120.00")
    Posting.objects.update(not_before=clock.now())
    work()
    assert statuses() == {"Invoice_0001": "posted"}
    assert totals(sandbox) == {"Invoice_0001": "110.00"}


def test_the_last_look_is_one_query_however_many(make_invoice: MakeInvoice, upload: Upload) -> None:
    for _ in range(20):
        make_invoice()
    upload()
    Invoice.objects.update(difference="total 110.00 → 120.00")
    with CaptureQueriesContext(database) as queries:
        found: dict[int, Any] = outdated.refusals(list(Posting.objects.all()))
    assert (len(found), len(queries)) == (20, 2)
