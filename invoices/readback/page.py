"""What a page says of a posted document."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast

from c3portal.formats import dates
from invoices.models import AppliedCredit, DocumentEvent, DocumentType, Payment, Posting
from invoices.readback import documents, states
from xero_integration.client.vocabulary import STATUS_WORDS
from xero_integration.models import Contact

MOST_EVENTS = 100


@dataclass(frozen=True)
class Edit:
    label: str
    sent: str
    now: str


@dataclass(frozen=True)
class Part:
    """A payment, or with a `kind` what was set off: when, how much (positive), and its reference or number."""

    kind: str
    words: str
    on: dt.date | None
    amount: Decimal

    @property
    def label(self) -> str:
        return str(dict(AppliedCredit.Kind.choices).get(self.kind, self.kind))


def parts(posting: Posting) -> tuple[list[Part], list[Part]]:
    """Return the payments of a document, and what was set off against it, the oldest first, in one query; in none where
    Xero says that there are none."""
    if posting.amount_paid == posting.amount_credited == 0:
        return [], []
    payments = Payment.objects.filter(posting=posting).order_by()
    paid = payments.values_list(Cast(Value(""), CharField(max_length=20)), "reference", "paid_on", "amount")
    credits = AppliedCredit.objects.filter(posting=posting).order_by()
    set_off = credits.values_list("kind", "number", "applied_on", "amount")
    rows = [Part(*row) for row in paid.union(set_off, all=True).order_by()]
    rows.sort(key=lambda each: (each.on or dt.date.min, each.words))
    return [each for each in rows if not each.kind], [each for each in rows if each.kind]


def amounts(posting: Posting) -> list[tuple[str, Decimal]]:
    """Return what is known of its money by name, signed as the invoice's total."""
    is_credit_note = posting.document_type == DocumentType.CREDIT_NOTE
    named = (
        ("Credit left" if is_credit_note else "Owed", posting.amount_due),
        ("Refunded" if is_credit_note else "Paid", posting.amount_paid),
        ("Allocated" if is_credit_note else "Credited", posting.amount_credited),
    )
    return [(name, amount) for name, each in named if (amount := states.signed(posting, each)) is not None]


def events(posting: Posting) -> QuerySet[DocumentEvent]:
    """Return what happened to it and the documents before it, the newest first."""
    return posting.document_events.order_by("-at", "-pk")[:MOST_EVENTS]


def edits(posting: Posting) -> list[Edit]:
    """Return in words what differs from what was sent."""
    return [_edit(posting, fact, found) for fact, found in posting.edits.items()]


def _edit(posting: Posting, fact: str, found: dict[str, str]) -> Edit:
    label = documents.FACTS.get(fact, fact)
    if fact == "missing":
        return Edit(label, "", "Xero does not show it any more")
    if fact == "status":
        return Edit(label, "", STATUS_WORDS.get(found["now"], found["now"]))
    if fact == "contact":
        return Edit(label, *(_contact(posting, each) for each in (found["sent"], found["now"])))
    return Edit(label, *(_value(posting, fact, found[side]) for side in ("sent", "now")))


def _value(posting: Posting, fact: str, value: str) -> str:
    if value and fact in documents.DAYS:
        return dates.day(dt.date.fromisoformat(value))
    return documents.in_words(fact, value, posting.invoice.currency)


def _contact(posting: Posting, contact_id: str) -> str:
    known = Contact.objects.filter(connection=posting.connection_id, contact_id__iexact=contact_id).first()
    return known.name if known else contact_id
