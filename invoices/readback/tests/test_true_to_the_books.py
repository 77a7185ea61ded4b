"""Both downloads against the stand-in's books: every state that people bring documents into, read back over HTTP."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Customer, Invoice, Posting
from invoices.readback import schedule
from xero_integration.models import XeroConnection
from xero_sandbox.testing import SandboxControl

DRAFTS = ("draft", "submitted", "deleted")


@pytest.fixture
def books(
    connected: XeroConnection, make_invoice: MakeInvoice, upload: Upload, work: Work, sandbox: SandboxControl
) -> dict[str, Invoice]:
    """A document in every state, by the name of the state."""
    customer = Customer.objects.create(tenant_id="the-tenant", name="Tailspin Travel", erp_id="ERP9")
    drafts = [make_invoice(each, customer=customer) for each in DRAFTS]
    names = ("approved", "part paid", "paid", "paid twice", "taken back", "voided", "edited", "due later")
    owed = ("part credited", "credited", "prepaid", "overpaid", "paid and credited", "credit taken back")
    approved = [make_invoice(each, customer=customer) for each in (*names, *owed)]
    notes = {"note": "-100", "note part used": "-80", "note used": "-30", "note refunded": "-20", "note voided": "-10"}
    approved += [make_invoice(each, customer=customer, amount=amount) for each, amount in notes.items()]
    upload(*drafts, invoice_status="DRAFT")
    upload(*approved)
    work()
    assert set(Posting.objects.values_list("status", flat=True)) == {Posting.Status.POSTED}
    _keep_books(sandbox)
    return {each.number: each for each in [*drafts, *approved]}


def _keep_books(sandbox: SandboxControl) -> None:
    credit = {"type": "ACCRECCREDIT"}
    sandbox.change("submitted", Status="SUBMITTED")
    for each in ("deleted", "voided"):
        sandbox.void(each)
    sandbox.void("note voided", **credit)
    for number, amount in (("part paid", "40.01"), ("paid", None), ("paid twice", "60.00"), ("paid twice", "50.00")):
        sandbox.pay(number, amount)
    sandbox.pay("taken back", "30.00")
    sandbox.remove_payments("taken back")
    sandbox.change("edited", Reference="PO 7")
    sandbox.change("due later", DueDate="2026-12-24")
    sandbox.allocate("note part used", "part credited", "12.34")
    sandbox.allocate("note part used", "credit taken back", "20.00")
    sandbox.take_back_allocations("credit taken back")
    sandbox.allocate("note used", "paid and credited", "33.00")
    sandbox.pay("paid and credited")
    sandbox.pay("note refunded", **credit)
    contact = Posting.objects.get(invoice__number="prepaid").sent_facts["contact"]
    sandbox.allocate(sandbox.receive(contact, "500.00"), "prepaid")
    sandbox.allocate(sandbox.receive(contact, "4.50", kind="overpayment"), "overpaid")
    sandbox.allocate(sandbox.receive(contact, "200.00"), "credited", "110.00")


def rows_of(client: Client, kind: str) -> list[dict[str, str]]:
    answer = client.get(reverse("download", args=[kind]), {"period": "20260918"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.both_databases
def test_both_downloads_agree_with_the_books_to_the_cent_in_every_state(
    books: dict[str, Invoice], connected: XeroConnection, sandbox: SandboxControl, finance: Client
) -> None:
    schedule.read(connected)
    held = {each["number"]: each for each in sandbox.documents()}
    invoices = {each["InvoiceNumber"]: each for each in rows_of(finance, "invoices")}
    payments = defaultdict(list)
    for line in rows_of(finance, "payments"):
        payments[line["InvoiceNumber"]].append(line)

    assert invoices.keys() == payments.keys() == books.keys()
    wrong = {number: found for number in books if (found := _wrong(held[number], invoices[number], payments[number]))}
    assert wrong == {}
    assert {number: each["XeroState"] for number, each in invoices.items() if each["XeroState"] != "Approved"} == {
        "draft": "Draft",
        "submitted": "Awaiting approval",
        "deleted": "Deleted",
        "voided": "Voided",
        "note voided": "Voided",
        **dict.fromkeys(["paid", "paid twice", "credited", "prepaid", "paid and credited"], "Paid"),
        **dict.fromkeys(["note used", "note refunded"], "Paid"),
        **dict.fromkeys(["part paid", "part credited", "overpaid", "note part used"], "Part paid"),
    }
    changed = {number: each["ChangedInXero"] for number, each in invoices.items() if each["ChangedInXero"]}
    assert changed == {**dict.fromkeys(["deleted", "voided", "note voided"], "Status"), "due later": "Due date"}


def _wrong(held: dict[str, Any], invoice: dict[str, str], payments: list[dict[str, str]]) -> list[str]:
    """Return where a row of a download is not what the books have."""
    sign = -1 if held["type"] == "ACCRECCREDIT" else 1
    is_gone = held["status"] in ("VOIDED", "DELETED")
    due = Decimal(0) if is_gone else sign * Decimal(held["due"])
    rows = [invoice, *payments]
    wrong = [f"owed {each['AmountDue']}, not {due}" for each in rows if Decimal(each["AmountDue"]) != due]
    wrong += [f"status {each['XeroStatus']}" for each in rows if each["XeroStatus"] != held["status"]]
    parts = sum(Decimal(each["PaymentAmount"] or 0) for each in payments)
    settled = Decimal(invoice["AmountPaid"]) + Decimal(invoice["AmountCredited"])
    if parts != settled or (not is_gone and Decimal(invoice["Total"]) - settled != due):
        wrong.append(f"parts {parts}, settled {settled}, owed {due} of {invoice['Total']}")
    return wrong
