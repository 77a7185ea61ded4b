"""What one click asked of documents in Xero: how far it came, and taking back what has not been sent."""

from __future__ import annotations

from collections import Counter

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.changes import transitions
from invoices.models import ChangeRequest, DocumentChange, Posting
from invoices.models.statuses import CHANGE_IN_PROGRESS

ROWS_A_PAGE = 100
REFRESH_SECONDS = 3


@require_safe
@role_required(*roles.ALL)
def change_request(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show how far each document's change has come, with Xero's words where it refused."""
    found = get_object_or_404(ChangeRequest.objects.select_related("connection", "created_by", "upload"), pk=pk)
    counts = Counter(found.changes.order_by().values_list("status", flat=True))
    changes = found.changes.select_related("posting__invoice__customer").order_by("pk")
    moves = any(counts[each] for each in CHANGE_IN_PROGRESS)
    context = {
        "asked": found,
        "counts": [(each.label, counts[each]) for each in DocumentChange.Status if counts[each]],
        "waiting": counts[DocumentChange.Status.QUEUED],
        "taken_back": Posting.objects.filter(changes__request=found, status=Posting.Status.UNDONE).distinct().count(),
        "page": Paginator(changes, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "refresh": REFRESH_SECONDS if moves else 0,
    }
    template = "invoices/_change_request.html" if "HX-Request" in request.headers else "invoices/change_request.html"
    return render(request, template, context)


@require_POST
@role_required(*roles.FINANCE)
def change_withdraw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take back what of it has not been sent to Xero."""
    found = get_object_or_404(ChangeRequest.objects.select_related("connection"), pk=pk)
    with transaction.atomic():
        withdrawn = transitions.withdraw(found.changes.all())
        if withdrawn:
            after = {"Organisation": found.connection.name, "Changes": withdrawn}
            record(request, Action.WITHDRAW, f"{withdrawn:,} changes of documents withdrawn", after=after)
    what = "1 document stays" if withdrawn == 1 else f"{withdrawn:,} documents stay"
    if withdrawn:
        messages.success(request, f"{what} as in {found.connection.name} now: nothing of this was sent.")
    else:
        messages.info(request, "Nothing was left to withdraw: all of it was sent by then.")
    return redirect("change_request", pk=pk)
