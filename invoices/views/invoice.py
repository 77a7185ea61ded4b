"""One invoice and its posting history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.changes import allocating
from invoices.details import attempts, exchange, lines, neighbours, next_step, support
from invoices.details.next_step import Standing
from invoices.documents import exact_sum
from invoices.duplicates import comparison
from invoices.listing.rows import rows_of, why_not_uploadable
from invoices.models import Customer, DocumentType, HeldBackInvoice, Invoice, Posting, PostLog, Twin
from invoices.models.statuses import WAS_IN_XERO
from invoices.posting import outdated
from invoices.preflight import likenesses
from invoices.readback import decisions, history, online, page, states
from invoices.selection import deciding, held_back
from invoices.views.tables import breakable
from xero_integration.client.vocabulary import DocumentStatus
from xero_integration.context_processors import current_connection

RELATED = (
    "customer",
    "bill_to__same_as",
    "period",
    "posting",
    "posting__connection",
    "posting__upload",
    "posting__sent_document",
    "posting__answer",
    "ignored_by",
    "corrects__posting__invoice",
)
CREDITABLE = (DocumentStatus.AUTHORISED, DocumentStatus.PAID)
MOST_ALIKE = 10
MOST_REASONS = 5
# The parts of the page that say what became of it in Xero.
FOLLOWED = ("#document-state", "#next-step", "#document-edits", "#document", "#document-events")


@require_safe
@role_required(*roles.ALL)
def invoice(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Show one invoice. 404 when there is none with this id."""
    found = get_object_or_404(_marked(Invoice.objects.select_related(*RELATED)), pk=pk)
    posting = getattr(found, "posting", None)
    logs = list(attempts.history(found)) if posting else []
    log_and_calls = attempts.with_calls(logs)
    sides = exchange.of(posting, logs) if posting else None
    sent = sides.element if sides and posting and posting.status == Posting.Status.POSTED else None
    shown = lines.page_of(found, request.GET.get("page"))
    context = {
        "invoice": found,
        "recipient": _recipient(found),
        "number": breakable(found.number),
        "posting": posting,
        "page": shown,
        "lines": lines.placed(
            found, shown, posting.connection if posting and sent else current_connection(request), sent
        ),
        "history": log_and_calls,
        "exchange": sides,
        "support": support.text(found, log_and_calls),
        "may_ignore": not why_not_uploadable(found),
        "twins": _twins(found, posting),
        "exact_sum": exact_sum.of(found),
    }
    context |= _alike(found) | _outdated(found) | _in_xero(found, logs) | _corrections(found)
    return render(request, "invoices/invoice.html", context | _head(request, found, context))


def _marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices` with what else the page asks of each, most of all whether a query of its own is worth it."""
    has = {f"has_{how}": Exists(like(OuterRef)) for how, like in comparison.LIKE.items()}
    corrected = Exists(Invoice.objects.filter(corrects=OuterRef("pk")))
    has["has_twins"] = Exists(Twin.objects.filter(posting__invoice=OuterRef("pk")))
    return neighbours.marked(lines.marked(outdated.marked(invoices))).annotate(is_corrected=corrected, **has)


def _recipient(invoice: Invoice) -> Customer:
    """Return whose contact gets it: the rules' choice among those that are loaded."""
    bill_to = invoice.bill_to
    key = invoice.recipient_key  # type: ignore[attr-defined]
    several = (bill_to and bill_to.same_as, bill_to, invoice.customer)
    return next(each for each in several if each and each.tenant_id == key)


def _twins(invoice: Invoice, posting: Posting | None) -> Iterable[Twin]:
    if not invoice.has_twins:  # type: ignore[attr-defined]
        return ()
    return Twin.objects.filter(posting=posting).select_related("posting__invoice", "posting__connection")


def _head(request: HttpRequest, invoice: Invoice, known: dict[str, Any]) -> dict[str, Any]:
    """Return what stands on top: the line of the list, and what is next."""
    row = next(
        rows_of(
            [invoice],
            looks_same={invoice.pk} if known.get("waits_for") else set(),
            outdated={invoice.pk} if known.get("outdated") else set(),
        )
    )
    may_change = roles.role_of(request.user) in roles.FINANCE
    standing = Standing(
        invoice,
        known["posting"],
        may_change,
        may_exclude=known["may_ignore"],
        may_credit=known["may_credit"],
        looks_like_another=bool(known.get("waits_for")),
        is_outdated=bool(known.get("outdated")),
        held_back=known.get("held_back"),
    )
    first, others = next_step.of(standing)
    return {"row": row, "next_step": first, "other_steps": others}


def _in_xero(invoice: Invoice, logs: Iterable[PostLog]) -> dict[str, Any]:
    """Return what became of it in Xero."""
    posting = getattr(invoice, "posting", None)
    was_there = any(each.status == Posting.Status.POSTED for each in logs)
    if posting is None or not (posting.xero_id or was_there):
        return {}
    happened = {
        "document_events": page.events(posting),
        "past_documents": posting.past_documents.all() if posting.attempt else (),
        "asks_history": history.is_due(posting),
    }
    if not posting.xero_id:
        return happened
    payments, set_offs = page.parts(posting)
    return happened | {
        "follows": FOLLOWED if posting.status == Posting.Status.POSTED else (),
        "online_url": online.known(posting),
        "payments": payments,
        "set_offs": set_offs,
        "amounts": page.amounts(posting),
        "edits": page.edits(posting),
        "seen": json.dumps(posting.edits),
        "may_exclude": decisions.is_excludable(posting),
    }


def _corrections(invoice: Invoice) -> dict[str, Any]:
    """Return what corrects it, and how a credit note stands with what it corrects."""
    posting = getattr(invoice, "posting", None)
    # Only what is in Xero is corrected, or was before it was taken back.
    was_there = posting is not None and posting.status in WAS_IN_XERO and invoice.is_corrected  # type: ignore[attr-defined]
    rows = invoice.corrections.select_related("posting__invoice", "corrects__posting__invoice").order_by("number")
    return {
        "corrections": [
            (each, allocating.standing(each).words if each.is_credit_note else "")
            for each in (rows if was_there else ())
        ],
        "allocation": allocating.standing(invoice) if invoice.corrects and invoice.is_credit_note else None,
        "may_credit": _may_be_credited(posting),
    }


def _may_be_credited(posting: Posting | None) -> bool:
    if posting is None or posting.document_type != DocumentType.INVOICE:
        return False
    return posting.xero_status in CREDITABLE and not states.is_gone(posting)


def _outdated(invoice: Invoice) -> dict[str, Any]:
    """Return why the invoice may be out of date, and what is wrong in the file that holds its later version back."""
    reason = outdated.why(invoice)
    if reason is None or not outdated.matters(invoice):
        return {}
    found = HeldBackInvoice.objects.filter(number=invoice.number, resolved_at=None).select_related("run").last()
    reasons = held_back.reasons_of([found]).get((found.run_id, found.number), []) if found else []
    return {"outdated": outdated.WORDS[reason], "held_back": found, "held_back_reasons": reasons[:MOST_REASONS]}


def _alike(invoice: Invoice) -> dict[str, Any]:
    """Return the invoices like this one, what it waits for, and what was decided; nothing of it without the first."""
    there = [how for how in comparison.LIKE if getattr(invoice, f"has_{how}")]
    found = comparison.all_like(invoice, MOST_ALIKE, there)
    if not found:
        return {}
    ahead = comparison.lookalikes(Invoice.objects.filter(pk=invoice.pk)).get(invoice.pk)
    return {
        "lookalikes": [(each, likenesses.where(each.other)) for each in found],
        "waits_for": likenesses.sentence(invoice, ahead) if ahead else "",
        "ahead": ahead,
        "decisions": deciding.decisions_about(invoice),
        "may_revert": deciding.revertible(invoice).exists(),
    }
