"""Approving what is in Xero, and having Xero send it: what will happen to each, and asking for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from django.contrib import messages
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from c3portal.audit.record import Action, record
from c3portal.formats import amounts
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.changes import asking, onward
from invoices.changes.onward import Fate, Step
from invoices.models import DocumentChange, Invoice, Posting, Upload
from invoices.models.statuses import ChangeKind
from invoices.posting import wakeups
from invoices.readback import online
from invoices.selection.selection import Selection
from invoices.views.reading_anew import read_anew
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection

ROWS_SHOWN = 200
OTHERS = "What would happen has changed since the page was shown. Nothing was asked of Xero: look at it as it is now."


@dataclass(frozen=True)
class Subject:
    """The documents that a page is about, and where it leads back to; `carried` are the fields that name them again."""

    what: str
    postings: QuerySet[Posting]
    connection: XeroConnection
    back: str
    upload: Upload | None = None
    carried: list[tuple[str, str]] = field(default_factory=list)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def upload_approve(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show what would become of each document of an upload when it is approved, then ask Xero for it."""
    return _page(request, ChangeKind.APPROVE, _of_upload(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def upload_send(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The same for having Xero mail it."""
    return _page(request, ChangeKind.SEND, _of_upload(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def invoice_approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The same for approving one invoice."""
    return _of_invoice(request, pk, ChangeKind.APPROVE)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def invoice_send(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The same for having Xero mail one invoice."""
    return _of_invoice(request, pk, ChangeKind.SEND)


@require_POST
@role_required(*roles.FINANCE)
def selected_approve(request: HttpRequest) -> HttpResponseBase:
    """The same for approving the ticked invoices of the list, or with `all` every one of its filter."""
    return _of_selection(request, ChangeKind.APPROVE)


@require_POST
@role_required(*roles.FINANCE)
def selected_send(request: HttpRequest) -> HttpResponseBase:
    """The same for having Xero mail them."""
    return _of_selection(request, ChangeKind.SEND)


@require_safe
@role_required(*roles.FINANCE)
def online_invoice(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Lead to where the customer sees the invoice; Xero is asked for that address once."""
    invoice = get_object_or_404(Invoice, pk=pk)
    posting = Posting.objects.select_related("connection", "invoice").filter(invoice=invoice).first()
    if posting is None:
        messages.info(request, "It was not posted yet: it has no online address.")
        return redirect(invoice)
    try:
        address = online.address(posting)
    except XeroError as error:
        messages.error(request, str(error))
        return redirect(posting.invoice)
    if not address:
        messages.info(request, "Xero has no online address of this invoice: it has one once it is approved.")
        return redirect(posting.invoice)
    return redirect(address)


def _of_upload(pk: int) -> Subject:
    upload = get_object_or_404(Upload.objects.select_related("connection"), pk=pk)
    postings = Posting.objects.filter(upload=upload)
    return Subject(f"upload {upload.pk}", postings, upload.connection, upload.get_absolute_url(), upload)


def _of_invoice(request: HttpRequest, pk: uuid.UUID, kind: ChangeKind) -> HttpResponseBase:
    invoice = get_object_or_404(Invoice, pk=pk)
    posting = Posting.objects.select_related("connection").filter(invoice=invoice).first()
    if posting is None:
        messages.info(request, "It was not posted yet: post it first.")
        return redirect(invoice)
    rows = Posting.objects.filter(pk=posting.pk)
    return _page(request, kind, Subject(invoice.number, rows, posting.connection, invoice.get_absolute_url()))


def _of_selection(request: HttpRequest, kind: ChangeKind) -> HttpResponseBase:
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
    return _page(request, kind, Subject("the selected invoices", postings, connection, back, carried=carried))


def _page(request: HttpRequest, kind: ChangeKind, subject: Subject) -> HttpResponseBase:
    if request.method == "POST" and (not subject.carried or "confirmed" in request.POST):
        if (asked := _ask(request, kind, subject)).request:
            return redirect("change_request", pk=asked.request.pk)
        if not asked.is_other:
            return redirect(subject.back if subject.carried else request.path)
    left = onward.mails_left(subject.connection) if kind == ChangeKind.SEND else None
    steps = _steps(kind, subject, request, left=left)
    if any(each.fate == Fate.LOCKED for each in steps) and not read_anew(subject.connection):
        # The lock may have been moved a moment ago.
        steps = _steps(kind, subject, request, left=left)
    context: dict[str, Any] = {
        "kind": kind,
        "subject": subject,
        "shares": onward.shares(steps),
        "rows": steps[:ROWS_SHOWN],
        "count": len(steps),
        "going": sum(1 for each in steps if each.kind),
        "sent_before": sum(1 for each in steps if each.fate in onward.SENT_BEFORE),
        "asked": _asked(kind, subject.postings),
        "seen": _latest(kind, subject.postings),
        "shown": onward.shown(steps),
    }
    if left is not None:
        context |= {"mails_left": left, "mails_a_day": onward.mails_a_day(subject.connection)}
    return render(request, "invoices/onward.html", context)


def _steps(
    kind: ChangeKind, subject: Subject, request: HttpRequest, *, again: bool = False, left: int | None = None
) -> list[Step]:
    if kind == ChangeKind.APPROVE:
        return onward.of_approval(subject.postings, cast(User, request.user))
    return onward.of_sending(subject.postings, again=again, left=None if left is None else {subject.connection: left})


def _changes(kind: ChangeKind, postings: QuerySet[Posting]) -> QuerySet[DocumentChange]:
    return DocumentChange.objects.filter(posting__in=postings.values("pk"), kind=kind)


def _asked(kind: ChangeKind, postings: QuerySet[Posting]) -> QuerySet[DocumentChange]:
    rows = _changes(kind, postings).select_related("posting__invoice", "request__created_by")
    return rows.order_by("-pk")[:ROWS_SHOWN]


def _latest(kind: ChangeKind, postings: QuerySet[Posting]) -> int:
    """Return the id of the last change of this kind that was asked of them, 0 without any."""
    return _changes(kind, postings).aggregate(latest=Max("pk"))["latest"] or 0


def _ask(request: HttpRequest, kind: ChangeKind, subject: Subject) -> asking.Asked:
    again = "again" in request.POST
    with transaction.atomic():
        held = asking.held(subject.postings, subject.connection)
        # Whoever presses twice, or after someone else, did not mean a second mail.
        if again and request.POST.get("seen") != str(_latest(kind, held)):
            messages.warning(request, "Something was sent since this page was shown: look at it anew, then decide.")
            return asking.NOTHING
        if request.POST.get("shown") not in (
            None,
            onward.shown(_steps(kind, replace(subject, postings=held), request)),
        ):
            messages.warning(request, OTHERS)
            return replace(asking.NOTHING, is_other=True)
        steps = [each for each in _steps(kind, subject, request, again=again) if each.kind]
        asked = _asks(kind, again=again)(
            held, connection=subject.connection, user=cast(User, request.user), upload=subject.upload
        )
        if not asked.queued:
            messages.info(request, "Nothing was left to ask Xero for: see why each stays as it is.")
            return asked
        _record(request, kind, subject, steps, asked.queued)
        wakeups.wake_after_commit(subject.connection.pk)
    done = "approved" if kind == ChangeKind.APPROVE else "sent by mail"
    messages.success(request, f"{texts.invoices(asked.queued)} to be {done} in {subject.connection.name}.")
    return asked


def _asks(kind: ChangeKind, *, again: bool) -> Callable[..., asking.Asked]:
    if kind == ChangeKind.APPROVE:
        return asking.approve
    return lambda held, **facts: asking.send(held, again=again, **facts)


def _record(request: HttpRequest, kind: ChangeKind, subject: Subject, steps: list[Step], queued: int) -> None:
    done = "approved" if kind == ChangeKind.APPROVE else "sent"
    after: dict[str, Any] = {"Organisation": subject.connection.name, f"To be {done}": queued}
    if again := sum(1 for each in steps if each.fate == Fate.SEND_AGAIN):
        after["Of them sent before"] = again
    for each in onward.shares(steps):
        after[f"To be {each.fate} in {each.currency}"] = f"{each.count:,}: {amounts.written(each.total, each.currency)}"
    record(request, Action.UPLOAD, f"{subject.what}: documents in Xero to be {done}", after=after)
