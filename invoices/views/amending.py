"""What was sent beside what is now, for one invoice and for all of a billing period, and bringing them in line."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.changes import amending, over_difference
from invoices.changes.amending import Amendment, Way
from invoices.corrections.creating import NotPossible
from invoices.models import BillingPeriod, DocumentChange, Invoice, Posting, UploadDraft
from invoices.models.statuses import ChangeKind
from invoices.posting import wakeups
from invoices.preflight import upload_drafts
from invoices.selection.selection import Selection
from invoices.views import amendment_rows
from invoices.views.reading_anew import read_anew
from xero_integration.models import XeroConnection, XeroSettings

ROWS_SHOWN = 200
LONGEST_REASON = 500
BY_SETTINGS = "settings"
SEEN_CHANGED = "It has changed since the page was shown. Nothing was asked of Xero: look at it as it is now."


@require_safe
@role_required(*roles.FINANCE)
def changed_invoices(request: HttpRequest) -> HttpResponseBase:
    """Show what of `period` a later file changed after it was posted; with `compare` settings too what today's settings
    would send otherwise."""
    period, by_settings = _period(request), _by_settings(request)
    if period is None:
        return redirect("invoice_list")
    postings = _posted(period)
    found = amending.differing(postings, by_settings=by_settings)
    context = {
        "period": period,
        "by_settings": by_settings,
        "shares": amendment_rows.shares(found),
        "rows": [amendment_rows.summary(each) for each in found[:ROWS_SHOWN]],
        "count": len(found),
        "updatable": sum(each.allows(Way.UPDATE) for each in found),
        "undoable": [each.posting.invoice_id for each in found if _is_only_undone(each)],
        "creditable": sum(each.allows(Way.CREDIT) for each in found),
        "unknown": _not_kept(postings) if by_settings else 0,
        "query": _query(period, by_settings=by_settings),
        "asked": _asked(postings),
    }
    return render(request, "invoices/changed/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def update_changed(request: HttpRequest) -> HttpResponseBase:
    """Say which drafts of `period` would be written anew, or with `way` credit which invoices corrected, then do it."""
    period, by_settings, way = _period(request), _by_settings(request), _way(request)
    if period is None:
        return redirect("invoice_list")
    back = f"{reverse('changed_invoices')}?{_query(period, by_settings=by_settings)}"
    found = [each for each in amending.differing(_posted(period), by_settings=by_settings) if each.allows(way)]
    if not found:
        messages.info(request, "Nothing of this can be done now: see why at each.")
        return redirect(back)
    connection = found[0].posting.connection
    found = [each for each in found if each.posting.connection_id == connection.pk]
    if request.method == "POST":
        postings = Posting.objects.filter(pk__in=[each.posting.pk for each in found])
        return redirect(_do(request, way, postings, period, f"Billing period {period.billing_id}") or back)
    context = {
        "period": period,
        "connection": connection,
        "back": back,
        "by_settings": by_settings,
        "way": way.value,
        "shares": amendment_rows.shares(found, (way,)),
        "kinds": amendment_rows.kinds(found),
        "rows": [amendment_rows.summary(each) for each in found[:ROWS_SHOWN]],
        "count": len(found),
        "seen": amending.digest(found),
    }
    return render(request, "invoices/changed/update.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def invoice_changed(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Show what was sent of an invoice beside what would be sent now, then do what is asked for (`way`)."""
    postings = Posting.objects.filter(invoice=pk, status=Posting.Status.POSTED)
    amendment = next(iter(amending.of(postings)), None)
    if amendment is None:
        messages.info(request, "It is not in Xero, so there is nothing to compare it with.")
        return redirect(get_object_or_404(Invoice, pk=pk))
    invoice = amendment.posting.invoice
    if request.method == "POST":
        return redirect(_do(request, _way(request), postings, invoice.period, invoice.number) or request.path)
    context = {
        "invoice": invoice,
        "amendment": amendment,
        "page": amendment_rows.page(amendment),
        "ways": [(way.value, amendment.why_not.get(way, "")) for way in Way],
        "seen": amending.digest([amendment]),
        "asked": _asked(postings),
    }
    return render(request, "invoices/changed/invoice.html", context)


def _do(
    request: HttpRequest, way: Way, postings: QuerySet[Posting], period: BillingPeriod, what: str
) -> UploadDraft | None:
    """Do what was asked for; return where to go on, None for the page itself."""
    posting = postings.select_related("connection").first()
    if posting is None:
        return None
    if way is Way.CREDIT:
        return _correct(request, postings, posting.connection, period, what)
    _ask(request, postings, posting.connection, what)
    return None


def _correct(
    request: HttpRequest, postings: QuerySet[Posting], connection: XeroConnection, period: BillingPeriod, what: str
) -> UploadDraft | None:
    """Make what corrects these by the difference, and lead it to the check before posting."""
    reason, seen = request.POST.get("reason", "").strip()[:LONGEST_REASON], request.POST.get("seen", "")
    try:
        with transaction.atomic():
            made = over_difference.make(postings, connection=connection, reason=reason, seen=seen)
            if not made:
                messages.warning(request, SEEN_CHANGED)
                return None
            after = {"Made": len(made), "Numbers": ", ".join(each.number for each in made[:20]), "Reason": reason}
            record(request, Action.UPLOAD, f"{what}: corrected by the difference", after=after)
            draft = upload_drafts.make(
                Selection(period),
                [str(each.pk) for each in made],
                everything=False,
                invoice_status=XeroSettings.load().invoice_status,
                connection=connection,
                user=cast(User, request.user),
            )
    except NotPossible as error:
        messages.error(request, str(error))
        return None
    messages.success(request, f"Made, and not in Xero yet: {texts.invoices(len(made))}. Post below.")
    return draft


def _way(request: HttpRequest) -> Way:
    return Way.CREDIT if _said(request, "way") == Way.CREDIT else Way.UPDATE


def _period(request: HttpRequest) -> BillingPeriod | None:
    """Return the period that is named, or the newest; None while there is none. 404 for an unknown one."""
    if billing_id := _said(request, "period"):
        return get_object_or_404(BillingPeriod, billing_id=billing_id)
    return BillingPeriod.objects.first()


def _by_settings(request: HttpRequest) -> bool:
    return _said(request, "compare") == BY_SETTINGS


def _said(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, request.GET.get(name, ""))


def _query(period: BillingPeriod, *, by_settings: bool) -> str:
    return urlencode({"period": period.billing_id} | ({"compare": BY_SETTINGS} if by_settings else {}))


def _is_only_undone(amendment: Amendment) -> bool:
    """Whether it can be taken back and posted again, and cannot be written anew in its place."""
    return amendment.allows(Way.UNDO) and not amendment.allows(Way.UPDATE)


def _posted(period: BillingPeriod) -> QuerySet[Posting]:
    return Posting.objects.filter(invoice__period=period, status=Posting.Status.POSTED)


def _not_kept(postings: QuerySet[Posting]) -> int:
    """Return of how many what was sent is not kept, so that nobody can compare them."""
    return postings.filter(sent_document=None, submission__body=None).count()


def _ask(request: HttpRequest, postings: QuerySet[Posting], connection: XeroConnection, what: str) -> None:
    """Have these written anew, as the page showed it; says what became of that."""
    if problem := read_anew(connection):
        messages.error(request, f"Xero could not be asked what it takes now, so nothing was asked of it: {problem}")
        return
    reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
    with transaction.atomic():
        user = cast(User, request.user)
        seen = request.POST.get("seen", "")
        asked = amending.update(postings, connection=connection, user=user, reason=reason, seen=seen)
        if asked is None:
            messages.warning(request, SEEN_CHANGED)
            return
        if not asked.queued:
            messages.info(request, "Nothing is left to update: it was asked already, or something forbids it.")
            return
        after = {"Organisation": connection.name, "To be updated": asked.queued, "Reason": reason}
        record(request, Action.UPLOAD, f"{what}: drafts in Xero to be updated", after=after)
        wakeups.wake_after_commit(connection.pk)
    messages.success(request, f"{texts.invoices(asked.queued)} to be updated in {connection.name}.")


def _asked(postings: QuerySet[Posting]) -> dict[str, Any]:
    """Return how the updates fare that were asked of these: how many in each state, and those that were refused."""
    rows = DocumentChange.objects.filter(posting__in=postings.values("pk"), kind=ChangeKind.UPDATE)
    newest: dict[int, tuple[int, str]] = {}
    for pk, posting, status in rows.order_by("pk").values_list("pk", "posting", "status"):
        newest[posting] = (pk, status)
    counts = Counter(status for _, status in newest.values())
    refused = [pk for pk, status in newest.values() if status == DocumentChange.Status.REFUSED]
    shown = DocumentChange.objects.filter(pk__in=refused[:ROWS_SHOWN]).select_related("posting__invoice")
    return {
        "counts": [(str(status.label), counts[status]) for status in DocumentChange.Status if counts[status]],
        "refused": shown,
    }
