"""What was approved is corrected by the difference to the latest file, to the cent and tax by tax, once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from invoices.changes import amending
from invoices.changes.amending import Way
from invoices.conftest import Upload, Work
from invoices.importing.importer import import_file
from invoices.models import AppliedCredit, Invoice, LaterVersion, Posting
from invoices.posting import taken_back
from invoices.tests.c3_files import of_customer, write
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

CHEAPER = {"Quantity": "3", "SubTotal": "9.99", "UnitPriceOfProduct": "3.33", "TaxAmount": "1.00", "Total": "10.99"}
DEARER = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}
Later = Callable[..., Any]


@pytest.fixture
def later_file(
    tmp_path: Path, upload: Upload, work: Work, connected: XeroConnection, finance_admin: User
) -> Callable[..., Invoice]:
    """Return a function that approves an invoice of two lines, and imports a file that has one of them otherwise."""

    def later_file(**changed: str) -> Invoice:
        import_file(write(tmp_path, of_customer(1), of_customer(1, SubscriptionName="Visio")))
        upload(invoice_status="AUTHORISED")
        work()
        again(**changed)
        return Invoice.objects.get()

    def again(**changed: str) -> None:
        import_file(write(tmp_path, of_customer(1), of_customer(1, SubscriptionName="Visio", **changed)))

    later_file.again = again  # type: ignore[attr-defined]
    return later_file


@pytest.mark.parametrize(
    ("changed", "number", "total"), [(CHEAPER, "-CN1", Decimal("-88.01")), (DEARER, "-ADD1", Decimal("11.00"))]
)
def test_the_difference_is_made_once_and_posted_like_any_other(
    later_file: Any,
    finance: Client,
    upload: Upload,
    work: Work,
    sandbox: SandboxControl,
    changed: dict[str, str],
    number: str,
    total: Decimal,
) -> None:
    invoice = later_file(**changed)
    page = finance.get(reverse("invoice_changed", args=[invoice.pk]))
    assert dict(page.context["ways"])["credit"] == ""
    form = {"way": "credit", "seen": page.context["seen"], "reason": "Fewer seats"}

    answer = finance.post(reverse("invoice_changed", args=[invoice.pk]), form)
    finance.post(reverse("invoice_changed", args=[invoice.pk]), form)

    assert answer.headers["Location"].startswith("/invoices/preflight/")
    (made,) = Invoice.objects.filter(corrects=invoice)
    assert (made.number, made.total, made.reason) == (f"{invoice.number}{number}", total, "Fewer seats")
    assert AuditEntry.objects.filter(subject__endswith="corrected by the difference").count() == 1
    assert not LaterVersion.objects.exists()
    upload(invoice_status="AUTHORISED")
    work()
    in_xero = {each["number"]: Decimal(each["total"]) for each in sandbox.documents()}
    assert in_xero == {invoice.xero_number: invoice.total, made.xero_number: abs(total)}

    later_file.again(**changed)
    assert Invoice.objects.get(pk=invoice.pk).difference == ""
    assert amending.differing(Posting.objects.all(), by_settings=True) == []
    assert sandbox.violations() == []


def test_no_more_is_credited_than_is_left(later_file: Any) -> None:
    later_file(**CHEAPER)
    Posting.objects.update(xero_status="PAID", amount_due=0, amount_credited=Decimal("198.00"))
    credit = {"kind": "credit_note", "xero_id": "by hand", "amount": Decimal("198.00")}
    AppliedCredit.objects.create(posting=Posting.objects.get(), **credit)
    (found,) = amending.differing(Posting.objects.all())
    assert found.why_not[Way.CREDIT] == "AUD 88.01 is more than what is left of it to be credited, AUD 0.00."


def test_all_of_a_billing_period_are_corrected_at_once(later_file: Any, finance: Client) -> None:
    later_file(**DEARER)
    query = {"period": Invoice.objects.get().period.billing_id, "way": "credit"}
    page = finance.get(reverse("changed_invoices"), query)
    assert page.context["creditable"] == 1
    asks = finance.get(reverse("update_changed"), query)
    finance.post(reverse("update_changed"), {**query, "seen": asks.context["seen"]})
    assert Invoice.objects.filter(corrects__isnull=False).count() == 1


def test_what_was_corrected_to_a_file_is_not_changed_to_it_once_more_when_taken_back(
    later_file: Any, finance: Client, upload: Upload, work: Work
) -> None:
    invoice = later_file(**CHEAPER)
    page = finance.get(reverse("invoice_changed", args=[invoice.pk]))
    finance.post(reverse("invoice_changed", args=[invoice.pk]), {"way": "credit", "seen": page.context["seen"]})
    upload(invoice_status="AUTHORISED")
    work()
    taken_back.take_back({Posting.objects.get(invoice=invoice).xero_id: "VOIDED"})
    later_file.again(**CHEAPER)
    # The credit note over the difference is there still.
    assert Invoice.objects.get(pk=invoice.pk).total == invoice.total
