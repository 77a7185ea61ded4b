"""Documents that nobody has approved yet are written anew in their place, many in a call."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from c3portal.formats import amounts
from invoices.changes.rules import Changes, Checked, Row, Rule
from invoices.changes.status_moves import send, status_of
from invoices.documents import exact_sum
from invoices.importing import later, locks
from invoices.models import DocumentChange, DocumentEvent, Invoice, Posting, PostLog
from invoices.posting import balances, responses, sent_documents, sent_facts, transitions
from invoices.posting.responses import Kind
from invoices.readback import documents
from xero_integration.client import document_lists, shapes
from xero_integration.client.gateway import Gateway
from xero_integration.client.vocabulary import STATUS_WORDS, DocumentStatus
from xero_integration.reference import json_moment

# What may be written anew. A status in the body that the document has no more is refused by Xero, or seen before.
OPEN = (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED)
NOT_THERE = "Xero does not show the document any more. Look for it there."
CHANGED = (
    "It was changed in Xero since it was last read here, and was left as it is. Refresh it, and look what differs."
)
UPDATED = "Updated in place"


def details(element: Mapping[str, Any], posting: Posting, version: object | None) -> dict[str, Any]:
    """Return what a change to `element` (the whole document, as it is sent) keeps; `version` is the later version that
    it brings, None for the invoice as it is stored."""
    seen = posting.xero_updated_at
    return {
        "element": element,
        "version": str(version) if version else None,
        "seen": seen.isoformat() if seen else None,
    }


def _body(kind: Kind, changes: Changes) -> bytes:
    # Lines without a LineItemID replace those that are there.
    # https://developer.xero.com/documentation/api/accounting/invoices/#post-invoices
    elements = [{kind.id_key: each.xero_id, **each.details["element"]} for each in changes]
    return json.dumps({kind.endpoint: elements}, ensure_ascii=False, separators=(",", ":")).encode()


def check(gateway: Gateway, kind: Kind, changes: Changes) -> Checked:
    """Look right before the call: what was changed in Xero meanwhile is left, what is done already is not sent."""
    rows = document_lists.with_ids(gateway, kind.endpoint, [each.xero_id for each in changes])
    shown = {str(row.get(kind.id_key)).lower(): row for row in rows}
    found = Checked()
    for change in changes:
        row = shown.get(change.xero_id.lower())
        if row is not None and status_of(row) not in [*DocumentStatus]:
            found.untold.add(change.pk)
        elif row is not None and is_done(change, row):
            found.done[change.pk] = row
        elif words := _why_not(kind, change, row):
            found.refused[change.pk] = words
    return found


def _why_not(kind: Kind, change: DocumentChange, row: Row | None) -> str:
    if row is None:
        return NOT_THERE
    status = status_of(row)
    if status != change.details["element"]["Status"]:
        return f"In Xero it is {STATUS_WORDS.get(status, status)} by now, so it was left as it is."
    seen, updated = change.details["seen"], json_moment(row.get("UpdatedDateUTC"))
    shown = documents.read(kind, row)
    is_edited = shown is None or documents.edits(change.posting.sent_facts, shown)
    return CHANGED if is_edited or (seen and updated and updated.isoformat() != seen) else ""


def is_done(change: DocumentChange, row: Row) -> bool | None:
    """Whether the document is as it was to be, line by line; None when it does not show its lines or its status."""
    element = _decimals(change.details["element"])
    if status_of(row) not in [*DocumentStatus] or not isinstance(row.get("LineItems"), list):
        return None
    facts, shown = sent_facts.of_element(element), sent_facts.as_shown(row)
    same = all(shown.get(name, "").lower() == value.lower() for name, value in facts.items())
    texts = all(_squeezed(row.get(name)) == _squeezed(element.get(name)) for name in ("CurrencyCode", "Reference"))
    theme = element.get("BrandingThemeID")
    is_themed = not theme or str(row.get("BrandingThemeID") or "").lower() == str(theme).lower()
    return same and texts and is_themed and _lines(row) == _lines(element)


def _lines(element: Mapping[str, Any]) -> Counter[tuple[Any, ...]]:
    return Counter(
        (
            _squeezed(line.get("Description")),
            balances.amount(line.get("Quantity")),
            balances.amount(line.get("LineAmount")),
            str(line.get("AccountCode") or ""),
            str(line.get("TaxType") or ""),
        )
        for line in shapes.objects(element.get("LineItems"))
    )


def _squeezed(text: object) -> str:
    # Xero leaves out emoji and doubled blanks. What tells 1.5 from 15 stays, and letters of every script.
    return re.sub(r"[^\w.,-]", "", str(text or ""))


def _decimals(element: Mapping[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(element), parse_float=Decimal, parse_int=Decimal)
    return read


def finish(changes: Changes, shown: Mapping[int, Row]) -> None:
    """Bring postings and invoices in line with what Xero has now."""
    by_posting = {each.posting_id: each for each in changes}
    held = Invoice.objects.filter(posting__in=by_posting)
    locks.hold(held)
    later.take_in([version for each in changes if (version := each.details["version"])])
    kept = []
    # Held, so that nobody takes one back between the look and the writing.
    rows = Posting.objects.filter(pk__in=by_posting, status=Posting.Status.POSTED).select_related("invoice")
    for posting in rows.order_by("pk").select_for_update(of=("self",), no_key=True):
        change = by_posting[posting.pk]
        if posting.xero_id == change.xero_id:
            kept.append((posting, _decimals(change.details["element"])))
            _keep(posting, change, shown[change.pk], kept[-1][1])
    sent_documents.keep(kept)


def _keep(posting: Posting, change: DocumentChange, row: Row, element: Mapping[str, Any]) -> None:
    was = posting.xero_total
    document = responses.recorded(responses.kind_of(posting), row)
    if document is None:
        return
    due = abs(exact_sum.due(posting.invoice))
    total = document.total
    Posting.objects.filter(pk=posting.pk).update(
        **transitions.balances_of({posting.pk: document}, change.call.sent_at if change.call else None),
        xero_status=document.status,
        xero_total=total,
        total_difference=Decimal(0) if total is None else total - due,
        sent_facts=sent_facts.with_total(sent_facts.of_element(element), total),
        message=document.message,
    )
    sides = ["none" if each is None else amounts.written(each, posting.invoice.currency) for each in (was, total)]
    words = UPDATED if was == total else f"{UPDATED}: total {' → '.join(sides)}"
    _note(posting, change, document, words)


def _note(posting: Posting, change: DocumentChange, document: responses.Recorded, words: str) -> None:
    user, reason = change.request.created_by, change.request.reason
    words = f"{words}. {reason}" if reason else words
    DocumentEvent.objects.create(
        posting=posting,
        source=DocumentEvent.Source.US,
        status=document.status,
        amount_due=document.balance.due,
        facts=[words],
        who=str(user or "")[:255],
    )
    PostLog.objects.create(
        invoice=posting.invoice,
        upload_id=posting.upload_id,
        submission_id=posting.submission_id,
        status=Posting.Status.POSTED,
        message=words,
        user=user,
    )


UPDATE = Rule(body=_body, send=send, is_done=is_done, finish=finish, check=check)
