"""What changed of a document, a sentence each. Pure."""

from __future__ import annotations

from decimal import Decimal

from invoices.models import DocumentType, Posting
from invoices.readback.documents import FACTS, OF_STATE, Edits, Shown
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
    amounts = (
        ("Refunded" if is_credit_note else "Paid", posting.amount_paid, shown.balance.paid),
        ("Allocated" if is_credit_note else "Credited", posting.amount_credited, shown.balance.credited),
        ("Credit left" if is_credit_note else "Owed", posting.amount_due, shown.balance.due),
    )
    return [_became(name, was, now) for name, was, now in amounts if None not in (was, now) and was != now]


def _became(name: str, was: Decimal | None, now: Decimal | None) -> str:
    return f"{name}: {was:,.2f} became {now:,.2f}."


def _edits(posting: Posting, edits: Edits) -> list[str]:
    new = [fact for fact in edits if fact not in OF_STATE and edits[fact] != posting.edits.get(fact)]
    back = [fact for fact in posting.edits if fact not in OF_STATE and fact not in edits]
    return [_edit(fact, edits[fact]) for fact in new] + [f"{FACTS[fact]} is as it was sent again." for fact in back]


def _edit(fact: str, edit: dict[str, str]) -> str:
    # Ids say nothing to people.
    if fact == "contact":
        return "It was edited in Xero: another contact."
    return f"It was edited in Xero: {FACTS[fact].lower()} {edit['sent']} became {edit['now']}."


def _sent(posting: Posting, shown: Shown) -> list[str]:
    return ["Marked as sent to the contact."] if shown.balance.sent_to_contact and not posting.sent_to_contact else []
