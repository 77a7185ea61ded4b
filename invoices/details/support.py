"""What is told to whoever helps: ids, times and words, of no customer, no money and no secret."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

import c3portal
from invoices.models import Invoice, Posting, PostLog, Submission

_MAIL = re.compile(r"[^\s@<>\"'“”(),;:]+@[^\s@<>\"'“”(),;:]+")
_MONEY = re.compile(r"[+-]?\b\d[\d,]*\.\d{2}\b")


def text(invoice: Invoice, history: Sequence[tuple[PostLog, Submission | None]]) -> str:
    """Return the block to copy: plain lines, times in UTC; `history` as `attempts.with_calls` has it."""
    return "\n".join(_lines(invoice, history))


def _lines(invoice: Invoice, history: Sequence[tuple[PostLog, Submission | None]]) -> Iterator[str]:
    posting = getattr(invoice, "posting", None)
    yield f"Invoice number: {invoice.number}"
    if invoice.number_in_xero != invoice.number:
        yield f"Number in Xero: {invoice.number_in_xero}"
    yield f"Internal id: {invoice.pk}"
    yield from _standing(posting) if posting else ["State: not uploaded"]
    yield f"Portal: {c3portal.__version__}"
    yield f"History, times in UTC: {len(history) or 'none'}"
    for number, (log, call) in enumerate(history, 1):
        yield f"{number}. {_moment(log.created_at)} {log.get_status_display()}, upload {log.upload_id}"
        yield from _call(call) if call else ()
        if log.message:
            yield f"   Words: {_without_whom(log.message, invoice)}"


def _standing(posting: Posting) -> Iterator[str]:
    yield f"State: {posting.get_status_display()}{f', {posting.xero_status}' if posting.xero_status else ''}"
    if posting.xero_id:
        yield f"Id in Xero: {posting.xero_id}"


def _call(call: Submission) -> Iterator[str]:
    status = f", HTTP {call.status_code}" if call.status_code else ""
    yield f"   Call: {call.get_outcome_display()}{status}"
    yield f"   Submission (Idempotency-Key): {call.pk}"
    yield f"   Xero's request id: {call.correlation_id or 'none came'}"
    yield f"   Trace id: {call.trace_id or 'unknown'}"
    if call.sent_at:
        yield f"   Sent: {_moment(call.sent_at)}"
    if call.answered_at:
        yield f"   Ended: {_moment(call.answered_at)}"


def _moment(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _without_whom(words: str, invoice: Invoice) -> str:
    """Return words with the customer, addresses and amounts taken out."""
    names = {each.name for each in (invoice.customer, invoice.bill_to) if each}
    for name in sorted(filter(None, names), key=len, reverse=True):
        words = re.sub(re.escape(name), "[name]", words, flags=re.IGNORECASE)
    return " ".join(_MONEY.sub("[amount]", _MAIL.sub("[e-mail]", words)).split())
