"""What changed of a document, a sentence each. Pure."""

from __future__ import annotations

from c3portal.formats import amounts
from invoices.models import DocumentType, Posting
from invoices.readback.documents import FACTS, OF_STATE, Edits, Shown, in_words
from xero_integration.client.vocabulary import STATUS_WORDS

MISSING = "Xero does not show it any more."


def of_changes(posting: Posting, shown: Shown, edits: Edits) -> list[str]:
    """Return in words how what Xero shows differs from what `posting` knows, with its `edits` now."""
    return [*_status(posting, shown), *_amounts(posting, shown), *_edits(posting, edits), *_sent(posting, shown)]


def _status(posting: Posting, shown: Shown) -> list[str]:
    if not shown.status or not posting.xero_status or shown.status == posting.xero_status:
        return []
    was, now = (STATUS_WORDS.get(each, each) for each in (posting.xero_status, shown.status))
    return [f"{was} became {now.lower()}."]


def _amounts(posting: Posting, shown: Shown) -> list[str]:
    is_credit_note = posting.document_type == DocumentType.CREDIT_NOTE
    found = (
        ("Refunded" if is_credit_note else "Paid", posting.amount_paid, shown.balance.paid),
        ("Allocated" if is_credit_note else "Credited", posting.amount_credited, shown.balance.credited),
        ("Credit left" if is_credit_note else "Owed", posting.amount_due, shown.balance.due),
    )
    code = posting.invoice.currency
    return [
        f"{name}: {amounts.written(was, code)} became {amounts.written(now, code)}."
        for name, was, now in found
        if was is not None and now is not None and was != now
    ]


def _edits(posting: Posting, edits: Edits) -> list[str]:
    new = [fact for fact in edits if fact not in OF_STATE and edits[fact] != posting.edits.get(fact)]
    back = [fact for fact in posting.edits if fact not in OF_STATE and fact not in edits]
    code = posting.invoice.currency
    told = [_edit(fact, edits[fact], code) for fact in new]
    return told + [f"{FACTS[fact]} is as it was sent again." for fact in back]


def _edit(fact: str, edit: dict[str, str], currency: str) -> str:
    # Ids say nothing to people.
    if fact == "contact":
        return "It was edited in Xero: another contact."
    sent, now = (in_words(fact, edit[side], currency) for side in ("sent", "now"))
    return f"It was edited in Xero: {FACTS[fact].lower()} {sent} became {now}."


def _sent(posting: Posting, shown: Shown) -> list[str]:
    return ["Marked as sent to the contact."] if shown.balance.sent_to_contact and not posting.sent_to_contact else []
