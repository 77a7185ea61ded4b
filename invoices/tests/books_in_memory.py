"""Xero as a model in memory whose documents live on: approved, mailed, paid, set against each other, ended, and their
numbers free again or not; by calls and by hand."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import timezone

from invoices.posting.ownership import markers_of
from invoices.tests.xero_in_memory import ID_KEYS, Call, Xero, elements_of, odd
from xero_integration.client.errors import Problem, XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Answer
from xero_integration.client.vocabulary import GONE, DocumentStatus

SUFFIX = re.compile(r"-R\d+$")
MAY_BE_MAILED = (DocumentStatus.AUTHORISED, DocumentStatus.PAID)
# What each may become, but by money.
MOVES = {
    DocumentStatus.DRAFT: (DocumentStatus.AUTHORISED, DocumentStatus.DELETED),
    DocumentStatus.AUTHORISED: (DocumentStatus.AUTHORISED, DocumentStatus.VOIDED),
}
ENDS = {DocumentStatus.DRAFT: DocumentStatus.DELETED, DocumentStatus.AUTHORISED: DocumentStatus.VOIDED}
AFTER_A_WHILE = dt.timedelta(seconds=129)
NOTHING = Decimal("0.00")
NOT_OF_A_STATUS = "It is not of a status for that."


@dataclass(frozen=True)
class Mail:
    """A mail that reached the customer."""

    xero_id: str
    at: dt.datetime
    by_hand: bool


@dataclass(frozen=True)
class Allocation:
    """Credit of a note that stands against an invoice."""

    note: str
    invoice: str
    amount: Decimal


@dataclass
class Books(Xero):
    """Numbers are unique, or not; `free_after_void`: a voided document frees its number, as a deleted one does.

    What nothing in Xero keeps from being done twice (a mail, an allocation) is done by when the portal says that it
    must be; so is whatever creates a number in `in_time`.
    """

    free_after_void: bool = False
    mails: list[Mail] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    payments: list[tuple[str, Decimal]] = field(default_factory=list)
    in_time: set[str] = field(default_factory=set)

    def live(self) -> list[dict[str, Any]]:
        return [each for each in self.documents if each["Status"] not in GONE]

    def numbers(self) -> list[str]:
        """Return of each live document the number of its invoice."""
        return [SUFFIX.sub("", each["Number"]) for each in self.live()]

    def by_hand(self) -> list[dict[str, Any]]:
        """Return the live documents that somebody made by hand."""
        return [each for each in self.live() if not markers_of(each)]

    def expected(self) -> set[str]:
        return {SUFFIX.sub("", each) for each in super().expected()}

    def document(self, xero_id: str) -> dict[str, Any]:
        """Return a document as Xero shows it."""
        return self._shown(self._of(xero_id))

    def _of(self, xero_id: str) -> dict[str, Any]:
        return next(each for each in self.documents if id_of(each) == xero_id)

    def _shown(self, document: dict[str, Any]) -> dict[str, Any]:
        xero_id, left = id_of(document), self._left_on(document)
        if "CreditNoteID" in document:
            rows = [each for each in self.allocations if each.note == xero_id]
            against = [{"Amount": each.amount, "Invoice": {"InvoiceID": each.invoice}} for each in rows]
            return document | {"RemainingCredit": left, "Allocations": against, "Payments": []}
        rows = [each for each in self.allocations if each.invoice == xero_id]
        paid = [amount for each, amount in self.payments if each == xero_id]
        return document | {
            "AmountDue": left,
            "AmountPaid": sum(paid, NOTHING),
            "AmountCredited": sum((each.amount for each in rows), NOTHING),
            "CreditNotes": [{"CreditNoteID": each.note, "AppliedAmount": each.amount} for each in rows],
            "SentToContact": any(each.xero_id == xero_id for each in self.mails),
        }

    def _left_on(self, document: dict[str, Any]) -> Decimal:
        total: Decimal = document["Total"]
        return NOTHING if document["Status"] in GONE else total - self._settled(id_of(document))

    def _settled(self, xero_id: str) -> Decimal:
        credits = [each.amount for each in self.allocations if xero_id in (each.note, each.invoice)]
        return sum(credits, NOTHING) + sum((amount for each, amount in self.payments if each == xero_id), NOTHING)

    def set_off_against(self, xero_id: str) -> list[tuple[str, Decimal]]:
        """Return the other document and the amount of each allocation of this one."""
        found = [(each, {each.note: each.invoice, each.invoice: each.note}) for each in self.allocations]
        return [(others[xero_id], each.amount) for each, others in found if xero_id in others]

    def with_ids(self, text: str) -> list[dict[str, Any]]:
        # As they are when Xero is asked.
        return [self._shown(each) for each in super().with_ids(text)]

    def find(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        return [self._shown(each) for each in super().find(numbers)]

    def history(self, xero_id: str) -> list[dict[str, Any]]:
        mails = [each.at for each in self.mails if each.xero_id == xero_id]
        return [{"Changes": "Emailed", "DateUTC": f"/Date({at.timestamp() * 1000:.0f})/"} for at in reversed(mails)]

    # What is there by calls

    def _is_taken(self, number: str) -> bool:
        keeps = [each for each in self.documents if each["Number"] == number]
        freed = {DocumentStatus.DELETED, *([DocumentStatus.VOIDED] if self.free_after_void else [])}
        return any(each["Status"] not in freed for each in keeps)

    def _create(self, endpoint: str, element: dict[str, Any]) -> dict[str, Any]:
        if self.unique and self._is_taken(element["Number"]):
            return element | refusal("Invoice # must be unique.")
        document = element | {
            f"{endpoint.removesuffix('s')}ID": str(uuid.uuid4()),
            "Total": self.totals[SUFFIX.sub("", element["Number"])],
            "StatusAttributeString": "OK",
        }
        self.documents.append(document)
        return self._shown(document)

    def receive_change(self, call: Call, fate: str) -> Answer:
        if fate == "limit":
            raise XeroUnavailable("The limit is reached", retry_after=dt.timedelta(seconds=30), problem=Problem.MINUTE)
        if fate == "no access":
            raise XeroAuthError("Connect again.")
        if fate in ("refused", "refused but done"):
            # A mail that Xero refuses has not left.
            if fate == "refused but done" and not call.endpoint.endswith("/Email"):
                self._carry_out(call, [])
            raise XeroRejected("A validation exception occurred", status_code=400)
        if fate == "done late":
            self.late.append((timezone.now() + AFTER_A_WHILE, call))
        elif fate != "nothing done":
            answer = self._carry_out(call, [])
            # Of a mail Xero answers that it left, without a word more.
            return answer if fate != "answer lost" and not answer.body else odd(answer, fate)
        raise XeroOutcomeUnknown("The answer was lost.")

    def finish_late(self, until: dt.datetime | None = None) -> None:
        for moment, call in list(self.late):
            if until is None or moment <= until:
                self.late.remove((moment, call))
                self._finish(call)

    def finish_in_time(self, until: dt.datetime) -> None:
        """Carry out, up to a moment, what has to be done by when the portal says."""
        for moment, call in list(self.late):
            if moment <= until and ("/" in call.endpoint or self.in_time & _numbers(call)):
                self.late.remove((moment, call))
                self._finish(call)

    def _finish(self, call: Call) -> None:
        try:
            self._carry_out(call, elements_of(call.body))
        except XeroRejected:
            # Nobody hears of it.
            return

    def _do(self, call: Call, elements: list[dict[str, Any]]) -> Answer:
        endpoint, *below = call.endpoint.split("/")
        asked = elements_of(call.body)
        if below[1:] == ["Email"]:
            self._mail(below[0])
            return Answer({}, 204, "")
        if below:
            return Answer({below[1]: [self._allocate(below[0], each) for each in asked]}, 200, "")
        if any(key in asked[0] for key in ID_KEYS):
            return Answer({endpoint: [self._move(each) for each in asked]}, 200, "")
        return super()._do(call, elements)

    def _move(self, asked: dict[str, Any]) -> dict[str, Any]:
        document = self._of(id_of(asked))
        if asked["Status"] not in MOVES.get(document["Status"], ()) or self._settled(id_of(asked)):
            return asked | refusal(NOT_OF_A_STATUS)
        document["Status"] = asked["Status"]
        return self._shown(document)

    def _mail(self, xero_id: str) -> None:
        if self._of(xero_id)["Status"] not in MAY_BE_MAILED:
            raise XeroRejected(NOT_OF_A_STATUS, status_code=400)
        self.mails.append(Mail(xero_id, timezone.now(), by_hand=False))

    def _allocate(self, note_id: str, asked: dict[str, Any]) -> dict[str, Any]:
        note, invoice = self._of(note_id), self._of(asked["Invoice"]["InvoiceID"])
        amount = Decimal(str(asked["Amount"]))
        pair = (note, invoice)
        if any(each["Status"] != DocumentStatus.AUTHORISED or amount > self._left_on(each) for each in pair):
            return asked | refusal("The amount allocated exceeds what is left, or nothing may be allocated.")
        if amount <= 0 or note["Contact"] != invoice["Contact"]:
            return asked | refusal("The invoice must be of the same contact, and the amount more than zero.")
        self.allocations.append(Allocation(note_id, id_of(invoice), amount))
        for each in pair:
            self._see_it_paid(each)
        return asked

    def _see_it_paid(self, document: dict[str, Any]) -> None:
        if not self._left_on(document):
            document["Status"] = DocumentStatus.PAID

    # What people do by hand

    def may_be_done_by_hand(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what a person may do now, and to which document."""
        return [(what, each) for each in self.live() for what in self._ways(each)]

    def _ways(self, document: dict[str, Any]) -> Iterator[str]:
        status, is_invoice = document["Status"], "InvoiceID" in document
        if status in ENDS and not self._settled(id_of(document)):
            yield "end"
        if status == DocumentStatus.DRAFT:
            yield "approve"
        if status in MAY_BE_MAILED and is_invoice:
            yield "mail"
        if status == DocumentStatus.AUTHORISED and is_invoice:
            yield "pay"

    def do_by_hand(self, what: str, document: dict[str, Any]) -> None:
        """Do one of these."""
        xero_id = id_of(document)
        match what:
            case "end":
                document["Status"] = ENDS[document["Status"]]
            case "approve":
                document["Status"] = DocumentStatus.AUTHORISED
            case "mail":
                self.mails.append(Mail(xero_id, timezone.now(), by_hand=True))
            case "pay":
                self.payments.append((xero_id, min(self._left_on(document), Decimal("15.00"))))
                self._see_it_paid(document)

    def post_by_hand(self, document: dict[str, Any]) -> None:
        """Make a document that Xero lets one make."""
        if not self._is_taken(document["Number"]):
            self.documents.append(document)
            self.in_time.add(document["Number"])


def id_of(row: dict[str, Any]) -> str:
    """Return the id of a document, or of the one that an element asks about."""
    return next(str(row[key]) for key in ID_KEYS if key in row)


def refusal(words: str) -> dict[str, Any]:
    return {"HasErrors": True, "ValidationErrors": [{"Message": words}]}


def _numbers(call: Call) -> set[str]:
    return {each["Number"] for each in elements_of(call.body) if "Number" in each}
