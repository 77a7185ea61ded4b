"""What people decide about invoices that look like another one, on the preflight page and on the invoice's own."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.duplicates import comparison
from invoices.models import DuplicateDecision, Invoice, UploadDraft
from invoices.preflight import likenesses, upload_drafts
from invoices.selection import deciding

Decision = DuplicateDecision.Decision
SHOWN_ANOTHER = "Nothing was decided: it does not wait for the invoice that was shown here. Look at it again."
SAY_WHY = f"Say why, in at most {deciding.LONGEST_REASON} characters. Nothing was decided."


@require_POST
@role_required(*roles.FINANCE)
def preflight_decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Decide (`decision`) about the `count` invoices of a selection that the page showed as `group`, each with another
    one (`shown`), or about the one that `post`, `exclude` or `replace` names and its `other-` and the id of the one,
    for `reason`."""
    draft = get_object_or_404(UploadDraft.objects.select_related("period"), pk=pk)
    chosen = next((name for name in Decision.values if name in request.POST), "")
    if chosen:
        invoices = _the_one(draft, request.POST[chosen])
        shown = {one.pk: other for one in invoices if (other := _shown_with(request, one))}
    else:
        chosen, shown = request.POST.get("decision", ""), _group(draft, request.POST.get("group", ""))
        invoices = Invoice.objects.filter(pk__in=shown)
        as_shown = request.POST.get("count"), request.POST.get("shown")
        if (str(len(shown)), deciding.digest(shown)) != as_shown:
            messages.warning(request, "These invoices changed meanwhile. Nothing was decided. Look at them again.")
            return redirect(draft)
    _decide(request, invoices, chosen, shown)
    return redirect(draft)


@require_POST
@role_required(*roles.FINANCE)
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Decide (`decision`) about one invoice and the one that `other-` and its id names for `reason`, or with `revert`
    take back what was decided."""
    invoice = get_object_or_404(Invoice, pk=pk)
    if "revert" in request.POST:
        if deciding.revert(invoice, cast(User, request.user), source=request):
            messages.success(request, "Taken back. It waits for a decision again, as long as it looks like another.")
        else:
            messages.warning(request, "Nothing was taken back: it is in Xero or on its way, or nothing was decided.")
        return redirect(invoice)
    other = _shown_with(request, invoice)
    shown = {pk: other} if other else {}
    _decide(request, Invoice.objects.filter(pk=pk), request.POST.get("decision", ""), shown)
    return redirect(invoice)


def _shown_with(request: HttpRequest, invoice: Invoice) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.POST.get(f"other-{invoice.pk}", ""))
    except ValueError:
        return None


def _decide(request: HttpRequest, invoices: QuerySet[Invoice], decision: str, shown: deciding.Shown) -> None:
    """Do it and say what came of it. Raises BadRequest."""
    user, reason = cast(User, request.user), request.POST.get("reason", "").strip()
    if decision == Decision.REPLACE:
        _replace(request, invoices, user)
    elif decision not in Decision.values:
        raise BadRequest(f"There is no decision {decision!r}.")
    elif not 0 < len(reason) <= deciding.LONGEST_REASON:
        messages.error(request, SAY_WHY)
    elif decision == Decision.POST:
        count = deciding.post_anyway(invoices, reason, user, shown, source=request)
        _say(request, count, "Ready to be posted beside what they look like")
        if count and (more := comparison.undecided(invoices).count()):
            messages.warning(
                request, f"{texts.invoices(more)} still waiting: another one is like it too. Decide again."
            )
    else:
        count = deciding.leave_out(invoices, reason, user, shown, source=request)
        _say(request, count, "Excluded from Xero, and not posted until included again")


def _replace(request: HttpRequest, invoices: QuerySet[Invoice], user: User) -> None:
    invoice = invoices.first()
    shown = request.POST.get(f"other-{invoice.pk}", "") if invoice else ""
    try:
        replaced = deciding.replace(invoice, shown, user, source=request) if invoice else None
    except deciding.OnItsWay:
        messages.error(
            request,
            "The other invoice is on its way to Xero. Nothing was decided. Withdraw it, or wait until it is there.",
        )
        return
    if replaced is None or not (replaced.ignored or replaced.in_xero):
        messages.warning(request, SHOWN_ANOTHER)
    if replaced and replaced.ignored:
        numbers = ", ".join(each.number for each in replaced.ignored)
        messages.success(request, f"Excluded from Xero from now on: {numbers}. {invoice} takes its place.")
    if replaced and replaced.in_xero:
        numbers = ", ".join(each.number for each in replaced.in_xero)
        messages.warning(request, f"{numbers} stays in Xero. Void or credit it there, or the customer is billed twice.")


def _say(request: HttpRequest, count: int, what: str) -> None:
    if count:
        messages.success(request, f"{what}: {texts.invoices(count)}.")
    else:
        messages.warning(request, "Nothing was decided: none of these looks like the invoice shown now. Look again.")


def _the_one(draft: UploadDraft, key: str) -> QuerySet[Invoice]:
    try:
        return upload_drafts.invoices_of(draft).filter(pk=key)
    except (ValidationError, ValueError) as error:
        raise BadRequest("That is not the id of an invoice.") from error


def _group(draft: UploadDraft, subject: str) -> dict[uuid.UUID, uuid.UUID]:
    """Return the invoices of the selection that share the problem with this subject, each with the other one."""
    invoices = upload_drafts.invoices_of(draft)
    alike = comparison.lookalikes(invoices)
    ones = invoices.filter(pk__in=list(alike)).select_related("period")
    return {one.pk: alike[one.pk].other.pk for one in ones if likenesses.subject(one, alike[one.pk]) == subject}
