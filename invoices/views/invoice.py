"""One invoice and its posting history."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.changes import allocating
from invoices.documents import billing_contact, exact_sum
from invoices.duplicates import comparison
from invoices.listing.rows import why_not_uploadable
from invoices.models import DocumentType, HeldBackInvoice, Invoice, Posting, PostLog, Twin
from invoices.models.statuses import WAS_IN_XERO
from invoices.posting import outdated
from invoices.preflight import likenesses
from invoices.readback import decisions, history, online, page, states
from invoices.selection import deciding, held_back, tracks
from invoices.views.tables import breakable
from xero_integration.client.vocabulary import DocumentStatus

CREDITABLE = (DocumentStatus.AUTHORISED, DocumentStatus.PAID)
MOST_ALIKE = 10
MOST_REASONS = 5
# The parts of the page that say what became of it in Xero.
FOLLOWED = ("#document-state", "#document-edits", "#document", "#document-events")


@require_safe
@role_required(*roles.ALL)
def invoice(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Show one invoice. 404 when there is none with this id."""
    found = get_object_or_404(
        outdated.marked(
            Invoice.objects.select_related(
                "customer",
                "bill_to__same_as",
                "period",
                "posting",
                "posting__connection",
                "posting__upload",
                "ignored_by",
                "corrects__posting__invoice",
            )
        ),
        pk=pk,
    )
    # Whoever is billed without a reseller is the customer, whatever the rules say of resellers.
    recipient = billing_contact.read_rules().recipient(found) if found.bill_to else found.customer
    logs = _history(found)
    context = {
        "invoice": found,
        "recipient": recipient,
        "number": breakable(found.number),
        "posting": getattr(found, "posting", None),
        "lines": found.lines.all(),
        "history": logs,
        "may_ignore": not why_not_uploadable(found),
        "calls": tracks.calls_of(found) if roles.role_of(request.user) == roles.SYSTEM_ADMIN else (),
        "twins": Twin.objects.filter(posting__invoice=found).select_related("posting__invoice", "posting__connection"),
        "exact_sum": exact_sum.of(found),
    }
    context |= _alike(found) | _outdated(found) | _in_xero(found, logs) | _corrections(found)
    return render(request, "invoices/invoice.html", context)


def _in_xero(invoice: Invoice, logs: QuerySet[PostLog]) -> dict[str, Any]:
    """Return what became of it in Xero."""
    posting = getattr(invoice, "posting", None)
    was_there = any(each.status == Posting.Status.POSTED for each in logs)
    if posting is None or not (posting.xero_id or was_there):
        return {}
    happened = {
        "document_events": page.events(posting),
        "past_documents": posting.past_documents.all(),
        "asks_history": history.is_due(posting),
    }
    if not posting.xero_id:
        return happened
    return happened | {
        "follows": FOLLOWED if posting.status == Posting.Status.POSTED else (),
        "online_url": online.known(posting),
        "payments": posting.payments.all(),
        "set_offs": posting.applied_credits.all(),
        "amounts": page.amounts(posting),
        "edits": page.edits(posting),
        "seen": json.dumps(posting.edits),
        "may_exclude": decisions.is_excludable(posting),
    }


def _corrections(invoice: Invoice) -> dict[str, Any]:
    """Return what corrects it, and how a credit note stands with what it corrects."""
    posting = getattr(invoice, "posting", None)
    # Only what is in Xero is corrected, or was before it was taken back.
    was_there = posting is not None and posting.status in WAS_IN_XERO
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
    found = comparison.all_like(invoice, MOST_ALIKE)
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


def _history(invoice: Invoice) -> QuerySet[PostLog]:
    """Return the post log; `pruned_sha256` is that of sent bytes that are not kept any more."""
    pruned_digest = Case(
        When(submission__body=None, then=F("submission__body_sha256")), default=Value(""), output_field=CharField()
    )
    return invoice.post_logs.select_related("user", "upload", "upload__connection").annotate(
        pruned_sha256=pruned_digest
    )
