"""Taking back what is in Xero: what will happen to each, and asking for it."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from c3portal.audit.record import Action, record
from c3portal.formats import amounts
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.changes import asking, plan
from invoices.models import DocumentChange, Invoice, Posting, Upload
from invoices.models.statuses import ENDS
from invoices.posting import wakeups
from invoices.selection.selection import Selection
from invoices.views.onward import OTHERS, Subject
from invoices.views.reading_anew import read_anew
from xero_integration.models import XeroConnection

ROWS_SHOWN = 200
LONGEST_REASON = 500


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def upload_take_back(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show what would become of each document of an upload, then ask Xero for it."""
    upload = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    postings = Posting.objects.filter(upload=upload)
    return _page(request, Subject(str(upload), postings, upload.connection, upload.get_absolute_url(), upload))


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def invoice_take_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The same for one invoice."""
    invoice = get_object_or_404(Invoice, pk=pk)
    posting = Posting.objects.select_related("connection").filter(invoice=invoice).first()
    if posting is None:
        messages.info(request, "It was not posted yet: there is nothing to take back.")
        return redirect(invoice)
    rows = Posting.objects.filter(pk=posting.pk)
    return _page(request, Subject(invoice.number, rows, posting.connection, invoice.get_absolute_url()))


@require_POST
@role_required(*roles.FINANCE)
def selected_take_back(request: HttpRequest) -> HttpResponseBase:
    """The same for the ticked invoices of the list, or with `all` every one of its filter."""
    selection, connection = Selection.from_query(request.POST), XeroConnection.objects.current()
    if selection is None or connection is None:
        return redirect("invoice_list")
    back = f"{reverse('invoice_list')}?{selection.query()}"
    everything, ticked = "all" in request.POST, request.POST.getlist("invoice")
    if not everything and not ticked:
        messages.warning(request, "Nothing was selected. Tick invoices that are in Xero, or all of the filter.")
        return redirect(back)
    invoices = selection.invoices() if everything else selection.chosen(ticked)
    carried = [("period", selection.period.billing_id), ("q", selection.search), ("state", selection.state)]
    carried += [("all", "1")] if everything else [("invoice", each) for each in ticked]
    postings = Posting.objects.filter(invoice__in=invoices.order_by().values("pk"), connection=connection)
    return _page(request, Subject("the selected invoices", postings, connection, back, carried=carried))


def _page(request: HttpRequest, subject: Subject) -> HttpResponseBase:
    if request.method == "POST" and (not subject.carried or "confirmed" in request.POST):
        asked = _ask(request, subject)
        if asked.request:
            return redirect("change_request", pk=asked.request.pk)
        if not asked.is_other:
            return redirect(subject.back if subject.carried else request.path)
    planned = plan.of(subject.postings)
    if any(each.fate == plan.Fate.LOCKED for each in planned) and not read_anew(subject.connection):
        # The lock may have been moved a moment ago.
        planned = plan.of(subject.postings)
    context = {
        "subject": subject,
        "shares": plan.shares(planned),
        "rows": planned[:ROWS_SHOWN],
        "count": len(planned),
        "shown": plan.shown(planned),
        "corrections": plan.corrections_left(planned),
        "may_ask": any(each.fate in plan.DONE_WITH for each in planned),
        "asked": _asked(subject.postings),
    }
    return render(request, "invoices/take_back.html", context)


def _asked(postings: QuerySet[Posting]) -> QuerySet[DocumentChange]:
    changes = DocumentChange.objects.filter(posting__in=postings.values("pk"), kind__in=ENDS)
    return changes.select_related("posting__invoice", "request__created_by").order_by("-pk")[:ROWS_SHOWN]


def _ask(request: HttpRequest, subject: Subject) -> asking.Asked:
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    name, postings = subject.connection.name, subject.postings.filter(connection=subject.connection)
    with transaction.atomic():
        before = plan.shares(each for each in plan.of(postings) if each.fate in plan.DONE_WITH)
        asked = asking.undo(
            postings,
            connection=subject.connection,
            user=cast(User, request.user),
            reason=reason,
            upload=subject.upload,
            seen=request.POST.get("shown"),
        )
        if asked.is_other:
            messages.warning(request, OTHERS)
            return asked
        if not asked.queued and not asked.gone:
            messages.info(request, "Nothing is left to take back: see why each stays as it is.")
            return asked
        after = {"Organisation": name, "To be taken back": asked.queued, "Gone in Xero": asked.gone}
        after |= {
            f"To be {each.fate} in {each.currency}": f"{each.count:,}: {amounts.written(each.total, each.currency)}"
            for each in before
        }
        after |= {"Reason": reason}
        record(request, Action.WITHDRAW, f"{subject.what}: documents in Xero to be taken back", after=after)
        wakeups.wake_after_commit(subject.connection.pk)
    messages.success(request, _words(asked, name))
    return asked


def _words(asked: asking.Asked, organisation: str) -> str:
    words = f"{texts.invoices(asked.queued)} to be taken back in {organisation}." if asked.queued else ""
    if asked.gone:
        words += f" {texts.invoices(asked.gone)} gone there already: not posted any more."
    return words.strip()
