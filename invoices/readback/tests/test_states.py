"""Every state Xero can have a document by what its page, the list, both downloads and the period's home say."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.database import clock
from c3portal.models import AuditEntry, User
from invoices.models import DocumentEvent, Invoice, Posting
from invoices.posting import responses
from invoices.readback import documents, states, store
from invoices.readback.states import XeroState
from invoices.tests import makers

DAY = "2026-10-01T00:00:00"


@dataclass(frozen=True)
class Case:
    """`row`: Xero's; `money`: owed, paid and credited as every page and file writes them."""

    row: dict[str, Any]
    state: str
    filter: str
    money: tuple[str, str, str]
    paid_on: str = ""
    parts: list[tuple[str, str]] = field(default_factory=list)
    total: str = "110.00"
    is_gone: bool = False


def owed(status: str, due: str, paid: str = "0", credited: str = "0", **more: Any) -> dict[str, Any]:
    return {
        "Status": status,
        "Total": Decimal("110.00"),
        "AmountDue": Decimal(due),
        "AmountPaid": Decimal(paid),
        "AmountCredited": Decimal(credited),
        **more,
    }


def credit(status: str, left: str, **more: Any) -> dict[str, Any]:
    return {"Status": status, "Total": Decimal("110.00"), "RemainingCredit": Decimal(left), **more}


def paid(amount: str) -> dict[str, Any]:
    return {"Payments": [{"PaymentID": "p1", "Date": DAY, "Amount": Decimal(amount), "Reference": "EFT"}]}


def applied(key: str, id_key: str, amount: str) -> dict[str, Any]:
    return {key: [{id_key: "k1", "AppliedAmount": Decimal(amount), "Date": DAY}]}


def allocated(amount: str) -> dict[str, Any]:
    return {"Payments": [], "Allocations": [{"Amount": Decimal(amount), "Date": DAY, "Invoice": {"InvoiceID": "i1"}}]}


OPEN = ("110.00", "0.00", "0.00")
CASES = {
    "draft": Case(owed("DRAFT", "110"), "Draft", "xero_draft", OPEN),
    "awaiting approval": Case(owed("SUBMITTED", "110"), "Awaiting approval", "xero_submitted", OPEN),
    "approved": Case(owed("AUTHORISED", "110"), "Approved", "xero_authorised", OPEN),
    "part paid": Case(
        owed("AUTHORISED", "70", "40", **paid("40")),
        "Part paid",
        "xero_part_paid",
        ("70.00", "40.00", "0.00"),
        parts=[("Payment", "40.00")],
    ),
    "paid": Case(
        owed("PAID", "0", "110", FullyPaidOnDate=DAY, **paid("110")),
        "Paid",
        "xero_paid",
        ("0.00", "110.00", "0.00"),
        "2026-10-01",
        [("Payment", "110.00")],
    ),
    "voided": Case(owed("VOIDED", "0"), "Voided", "xero_voided", ("0.00", "0.00", "0.00"), is_gone=True),
    "deleted": Case(owed("DELETED", "0"), "Deleted", "xero_deleted", ("0.00", "0.00", "0.00"), is_gone=True),
    "part credited by a credit note": Case(
        owed("AUTHORISED", "80", "0", "30", **applied("CreditNotes", "CreditNoteID", "30")),
        "Part paid",
        "xero_part_paid",
        ("80.00", "0.00", "30.00"),
        parts=[("Credit note", "30.00")],
    ),
    "paid by a prepayment": Case(
        owed("PAID", "0", "0", "110", FullyPaidOnDate=DAY, **applied("Prepayments", "PrepaymentID", "110")),
        "Paid",
        "xero_paid",
        ("0.00", "0.00", "110.00"),
        "2026-10-01",
        [("Prepayment", "110.00")],
    ),
    "part paid by an overpayment": Case(
        owed("AUTHORISED", "105.5", "0", "4.5", **applied("Overpayments", "OverpaymentID", "4.50")),
        "Part paid",
        "xero_part_paid",
        ("105.50", "0.00", "4.50"),
        parts=[("Overpayment", "4.50")],
    ),
    "paid in parts, in money and by credit": Case(
        owed(
            "PAID", "0", "80", "30", FullyPaidOnDate=DAY, **paid("80"), **applied("CreditNotes", "CreditNoteID", "30")
        ),
        "Paid",
        "xero_paid",
        ("0.00", "80.00", "30.00"),
        "2026-10-01",
        [("Payment", "80.00"), ("Credit note", "30.00")],
    ),
    "payment taken back": Case(
        owed("AUTHORISED", "110", Payments=[{"PaymentID": "p1", "Date": DAY, "Amount": 110, "Status": "DELETED"}]),
        "Approved",
        "xero_authorised",
        OPEN,
    ),
    "credit note, draft": Case(
        credit("DRAFT", "110", Payments=[], Allocations=[]),
        "Draft",
        "xero_draft",
        ("-110.00", "0.00", "0.00"),
        total="-110.00",
    ),
    "credit note, deleted": Case(
        credit("DELETED", "110", Payments=[], Allocations=[]),
        "Deleted",
        "xero_deleted",
        ("0.00", "0.00", "0.00"),
        total="-110.00",
        is_gone=True,
    ),
    "credit note, allocated": Case(
        credit("PAID", "0", FullyPaidOnDate=DAY, **allocated("110")),
        "Paid",
        "xero_paid",
        ("0.00", "0.00", "-110.00"),
        "2026-10-01",
        [("Allocation", "-110.00")],
        total="-110.00",
    ),
    "credit note": Case(
        credit("AUTHORISED", "110", Payments=[], Allocations=[]),
        "Approved",
        "xero_authorised",
        ("-110.00", "0.00", "0.00"),
        total="-110.00",
    ),
    "credit note, part allocated": Case(
        credit("AUTHORISED", "60", **allocated("50")),
        "Part paid",
        "xero_part_paid",
        ("-60.00", "0.00", "-50.00"),
        parts=[("Allocation", "-50.00")],
        total="-110.00",
    ),
    "credit note, refunded": Case(
        credit("PAID", "0", Allocations=[], FullyPaidOnDate=DAY, **paid("110")),
        "Paid",
        "xero_paid",
        ("0.00", "-110.00", "0.00"),
        "2026-10-01",
        [("Payment", "-110.00")],
        total="-110.00",
    ),
    "credit note, refund taken back": Case(
        credit(
            "AUTHORISED",
            "110",
            Allocations=[],
            Payments=[{"PaymentID": "p1", "Date": DAY, "Amount": 110, "Status": "DELETED"}],
        ),
        "Approved",
        "xero_authorised",
        ("-110.00", "0.00", "0.00"),
        total="-110.00",
    ),
    "credit note, voided": Case(
        credit("VOIDED", "0", Payments=[], Allocations=[]),
        "Voided",
        "xero_voided",
        ("0.00", "0.00", "0.00"),
        total="-110.00",
        is_gone=True,
    ),
}


@pytest.fixture
def admin(client_for: Callable[[User], Client], finance_admin: User) -> Client:
    return client_for(finance_admin)


def posted_as(total: str, user: User) -> Invoice:
    invoice = makers.an_invoice(makers.a_period(), "Invoice_1", total=total)
    makers.uploaded(makers.connected(), user, invoice, to=Posting.Status.POSTED)
    return invoice


def read_from_xero(invoice: Invoice, row: dict[str, Any]) -> Posting:
    posting = Posting.objects.select_related("connection").get(invoice=invoice)
    kind = responses.kind_of(posting)
    shown = documents.read(kind, {kind.id_key: posting.xero_id, **row})
    assert shown is not None
    store.keep(posting.connection, [shown], DocumentEvent.Source.POLL, clock.now())
    return Posting.objects.select_related("invoice").get(pk=posting.pk)


def rows_of(client: Client, kind: str) -> list[dict[str, str]]:
    answer = client.get(reverse("download", args=[kind]), {"period": "20260918"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def text_of(client: Client, path: str, **query: str) -> str:
    page = re.sub("<[^>]+>", " ", client.get(path, query).content.decode())
    return " ".join(unescape(page).split())


@pytest.mark.both_databases
@pytest.mark.parametrize("name", CASES)
def test_every_state_is_told_alike_everywhere(name: str, admin: Client, finance_admin: User) -> None:
    case = CASES[name]
    invoice = posted_as(case.total, finance_admin)
    posting = read_from_xero(invoice, case.row)
    due, amount_paid, credited = case.money
    facts = {"XeroState": case.state, "XeroStatus": case.row["Status"], "PaidOn": case.paid_on}
    money = {"AmountDue": due, "AmountPaid": amount_paid, "AmountCredited": credited}

    assert str(states.state_of(posting).label) == case.state  # type: ignore[union-attr]
    money["XeroTotal"] = case.total
    (line,) = rows_of(admin, "invoices")
    assert {each: line[each] for each in facts | money} == facts | money
    lines = rows_of(admin, "payments")
    assert all({each: line[each] for each in facts | money} == facts | money for line in lines)
    assert [(line["PaymentKind"], line["PaymentAmount"]) for line in lines] == (case.parts or [("", "")])

    address = {"period": "20260918"}
    page = text_of(admin, invoice.get_absolute_url())
    home = text_of(admin, reverse("invoice_list"), **address)
    for amount in (case.total, amount_paid, credited, *(part for _, part in case.parts)):
        assert f"AUD {amount}" in page
    for text in (page, home):
        assert case.state in text
        assert due in text
    assert (f"{case.state} in Xero" in page) == case.is_gone
    assert (f" {case.state} in Xero " in home) == case.is_gone
    assert f"{case.state} 1" in home
    assert (f"owed AUD {due}" in home) == (Decimal(due) != 0)
    for state in XeroState:
        filtered = admin.get(reverse("invoice_list"), address | {"state": state})
        assert (invoice in [row.record for row in filtered.context["table"].page.object_list]) == (
            state == case.filter
        ), state


EDITS = {
    "total": ("Total: AUD 110.00 was sent, Xero has AUD 121.00", {"Total": Decimal(121), "AmountDue": Decimal(121)}),
    "subtotal": ("Lines’ sum without tax: AUD 100.00 was sent, Xero has AUD 90.00", {"SubTotal": Decimal(90)}),
    "contact": ("Contact: c1 was sent, Xero has c2", {"Contact": {"ContactID": "c2"}}),
    "date": ("Date: 18 Sep 2026 was sent, Xero has 1 Oct 2026", {"Date": DAY}),
    "due_date": ("Due date: 6 Oct 2026 was sent, Xero has 1 Oct 2026", {"DueDate": DAY}),
    "status": ("Status: Voided", {"Status": "VOIDED"}),
}


@pytest.mark.parametrize("fact", EDITS)
def test_every_edit_is_told_alike_everywhere(fact: str, admin: Client, finance_admin: User) -> None:
    words, edit = EDITS[fact]
    invoice = posted_as("110.00", finance_admin)
    sent = {"contact": "c1", "date": "2026-09-18", "due_date": "2026-10-06", "subtotal": "100.00", "total": "110.00"}
    Posting.objects.update(sent_facts=sent)
    row = owed("AUTHORISED", "110") | {"Contact": {"ContactID": "C1"}, "SubTotal": Decimal(100)}
    assert read_from_xero(invoice, row).edits == {}
    assert list(read_from_xero(invoice, row | edit).edits) == [fact]

    page = text_of(admin, invoice.get_absolute_url())
    assert words in page
    home = text_of(admin, reverse("invoice_list"), period="20260918")
    assert "Changed in Xero 1" in home
    (line,) = rows_of(admin, "invoices")
    assert line["ChangedInXero"] == documents.FACTS[fact]
    assert "Changed in Xero" in page


EDITED = {"total": {"sent": "110.00", "now": "121.00"}}


def test_what_was_edited_in_xero_asks_for_a_decision_and_is_accepted_with_a_reason(
    admin: Client, finance_admin: User
) -> None:
    invoice = posted_as("110.00", finance_admin)
    Posting.objects.update(sent_facts={"total": "110.00"})
    edited = owed("AUTHORISED", "121") | {"Total": Decimal("121.00")}
    posting = read_from_xero(invoice, edited)
    assert posting.edits == EDITED
    page = text_of(admin, invoice.get_absolute_url())
    assert "Changed in Xero" in page
    assert "AUD 110.00 was sent, Xero has AUD 121.00" in page
    assert "Changed in Xero" in text_of(admin, reverse("invoice_list"), state="changed")

    address = reverse("accept_change", args=[invoice.pk])
    admin.post(address, {"reason": " ", "seen": json.dumps(EDITED)})
    admin.post(address, {"reason": "Freight added", "seen": json.dumps({"total": {"sent": "110.00", "now": "1.00"}})})
    assert Posting.objects.get().edits_accepted_at is None
    admin.post(address, {"reason": "Freight added", "seen": json.dumps(EDITED)})

    accepted = Posting.objects.get()
    assert (accepted.edits_accepted_by, accepted.edits_accepted_because) == (finance_admin, "Freight added")
    assert AuditEntry.objects.latest("pk").after["Reason"] == "Freight added"
    assert "Decide what to do" not in text_of(admin, invoice.get_absolute_url())
    # The same again is decided; another change asks again.
    assert read_from_xero(invoice, edited).edits_accepted_at is not None
    assert read_from_xero(invoice, edited | {"Total": Decimal("122.00")}).edits_accepted_at is None


def test_what_was_voided_in_xero_can_be_excluded_and_what_is_there_cannot(admin: Client, finance_admin: User) -> None:
    invoice = posted_as("110.00", finance_admin)
    Posting.objects.update(sent_facts={"total": "110.00"})
    address, form = reverse("accept_change", args=[invoice.pk]), {"reason": "Billed elsewhere", "exclude": "1"}
    read_from_xero(invoice, owed("AUTHORISED", "121") | {"Total": Decimal("121.00")})
    admin.post(address, form | {"seen": json.dumps(EDITED)})
    assert Posting.objects.get().edits_accepted_at is None
    posting = read_from_xero(invoice, owed("VOIDED", "0"))
    admin.post(address, form | {"seen": json.dumps(posting.edits)})
    invoice.refresh_from_db()
    assert (invoice.ignored_because, invoice.ignored_by) == ("Billed elsewhere", finance_admin)
    assert Posting.objects.get().edits_accepted_at is not None


def test_what_xero_does_not_show_any_more_is_not_said_to_be_taken_back(admin: Client, finance_admin: User) -> None:
    invoice = posted_as("110.00", finance_admin)
    Posting.objects.update(edits=documents.MISSING)
    page = admin.get(invoice.get_absolute_url()).content.decode()
    assert "Exclude from Xero" in page
    edits = page[page.index('id="changed-title"') :].partition("</section>")[0]
    assert reverse("invoice_take_back", args=[invoice.pk]) not in edits


def test_a_reader_sees_the_change_and_decides_nothing(
    client_for: Callable[[User], Client], system_reader: User, finance_admin: User
) -> None:
    invoice = posted_as("110.00", finance_admin)
    read_from_xero(invoice, owed("VOIDED", "0"))
    client = client_for(system_reader)
    assert "Accept what Xero has" not in text_of(client, invoice.get_absolute_url())
    assert client.post(reverse("accept_change", args=[invoice.pk]), {"reason": "x", "seen": "{}"}).status_code == 403
