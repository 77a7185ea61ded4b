"""Taking back what is in Xero: what will happen to each, and asking for it."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.changes import asking, plan
from invoices.models import DocumentChange, Invoice, Posting, Upload
from invoices.posting import wakeups

ROWS_SHOWN = 200
LONGEST_REASON = 500


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def upload_take_back(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show what would become of each document of an upload, then ask Xero for it."""
    upload = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    return _take_back(request, upload, Posting.objects.filter(upload=upload), str(upload))


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def invoice_take_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The same for one invoice."""
    invoice = get_object_or_404(Invoice, pk=pk)
    posting = Posting.objects.select_related("upload__connection").filter(invoice=invoice).first()
    if posting is None:
        messages.info(request, "It was not posted yet: there is nothing to take back.")
        return redirect(invoice)
    return _take_back(request, posting.upload, Posting.objects.filter(pk=posting.pk), invoice.number, back=invoice)


def _take_back(
    request: HttpRequest, upload: Upload, postings: QuerySet[Posting], what: str, *, back: Invoice | None = None
) -> HttpResponseBase:
    whole = upload if back is None else None
    if request.method == "POST":
        _ask(request, upload, postings, what, whole)
        return redirect(request.path)
    planned = plan.of(postings)
    context = {
        "what": what,
        "connection": upload.connection,
        "back": back or upload,
        "shares": plan.shares(planned),
        "rows": planned[:ROWS_SHOWN],
        "count": len(planned),
        "may_ask": any(each.fate in plan.DONE_WITH for each in planned),
        "asked": _asked(postings),
    }
    return render(request, "invoices/take_back.html", context)


def _asked(postings: QuerySet[Posting]) -> QuerySet[DocumentChange]:
    changes = DocumentChange.objects.filter(posting__in=postings.values("pk")).select_related("posting__invoice")
    return changes.select_related("posting__invoice", "request__created_by").order_by("-pk")[:ROWS_SHOWN]


def _ask(request: HttpRequest, upload: Upload, postings: QuerySet[Posting], what: str, whole: Upload | None) -> None:
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    connection = upload.connection
    with transaction.atomic():
        before = plan.shares(each for each in plan.of(postings) if each.fate in plan.DONE_WITH)
        asked = asking.undo(postings, connection=connection, user=cast(User, request.user), reason=reason, upload=whole)
        if not asked.queued and not asked.gone:
            messages.info(request, "Nothing is left to take back: see below why each stays as it is.")
            return
        after = {"Organisation": connection.name, "To be taken back": asked.queued, "Gone in Xero": asked.gone}
        after |= {f"To be {each.fate} in {each.currency}": f"{each.count:,}: {each.total:,.2f}" for each in before}
        after |= {"Reason": reason}
        record(request, Action.WITHDRAW, f"{what}: documents in Xero to be taken back", after=after)
        wakeups.wake_after_commit(connection.pk)
    messages.success(request, _words(asked, connection.name))


def _words(asked: asking.Asked, organisation: str) -> str:
    words = f"{texts.invoices(asked.queued)} to be taken back in {organisation}." if asked.queued else ""
    if asked.gone:
        words += f" {texts.invoices(asked.gone)} gone there already: not posted any more."
    return words.strip()
