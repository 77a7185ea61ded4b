"""The preflight page, and *Post N invoices*."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.attention import checked
from invoices.attention.shown import Line, Page, forms_of_preflight, lines
from invoices.changes import onward
from invoices.documents.rules import Fix
from invoices.duplicates import comparison
from invoices.models import Invoice, Onward, Posting, UploadDraft
from invoices.posting import outdated, queueing, transitions
from invoices.preflight import upload_drafts
from invoices.preflight.preflight import LABELS, TAKEN_CODES, Group, Inspected, Inspection, Verdict, inspect
from invoices.selection import deciding
from invoices.views.attention import step_of
from invoices.views.uploading import NEEDS_ANOTHER, missing_for_upload, start
from xero_integration.context_processors import current_connection, forget_connection
from xero_integration.models import InvoiceStatus, XeroConnection, XeroSettings

SHOWN = 20
CONTACTS_SHOWN = 200
TONES = {Verdict.READY: "good", Verdict.WARNING: "wait", Verdict.BLOCKED: "bad", Verdict.IN_XERO: "info"}


@require_safe
@role_required(*roles.ALL)
def preflight(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Show what would become of a selection, and why Xero could not be asked."""
    draft = _draft(pk)
    connection = draft.connection if draft.again_of_id else current_connection(request)
    if connection is None:
        messages.error(request, missing_for_upload(None, may_set=_may_set(request)))
        return redirect("invoice_list")
    may_upload = roles.role_of(request.user) in roles.FINANCE
    if may_upload:
        upload_drafts.check_for(draft, connection)
    found = inspect_draft(
        draft, connection, look_up_in_xero=may_upload and connection.is_usable, read_anew="anew" in request.GET
    )
    if found.lookup_error:
        # It may have been paused, or have to be connected again.
        forget_connection(request)
    onward_choices = _onward_choices(draft, found)
    problems = _lines(found, request, draft, connection)
    context = {
        "draft": draft,
        "organisation": connection,
        "back": _back(draft),
        "inspection": found,
        "lookup_error": found.lookup_error,
        "missing": missing_for_upload(connection, may_set=_may_set(request), preflight=True, app=found.app),
        "sections": [_section(found, verdict) for verdict in Verdict],
        "lines": problems,
        "groups": [each.group for each in problems],
        "new_contacts": found.contacts_to_make[:CONTACTS_SHOWN],
        "more_contacts": found.new_contacts - CONTACTS_SHOWN,
        "postable": len(found.postable()),
        "taken": ",".join(str(row.invoice.pk) for row in found.rows if _is_taken(row)),
        "known_notes": ",".join(str(invoice.pk) for invoice in found.known_notes()),
        "onward_choices": onward_choices,
        "needs_another": found.app.two_people,
        "mails_left": onward.mails_left(connection),
        "too_many_onward": any(_exceeds(found, more) for _, _, more in onward_choices if more),
        "too_many_calls": _exceeds(found),
    }
    return render(request, "invoices/preflight/preflight.html", context)


@require_POST
@role_required(*roles.FINANCE)
def post_ready(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Queue what is ready or needs only a look; what is blocked stays selected.

    Of what the page showed, `organisation` is the one it was checked for, `taken` the invoices whose number is someone
    else's, `known_notes` the credit notes that are in Xero.
    """
    draft = _draft(pk)
    connection = draft.connection
    if connection is None or not _is_still_meant(request, draft, connection):
        messages.warning(request, _elsewhere(connection))
        return redirect(draft)
    if problem := missing_for_upload(connection, may_set=_may_set(request), preflight=True):
        messages.error(request, problem)
        return redirect(draft)
    if queueing.needs_another(draft.invoice_status, _onward(request)):
        messages.error(request, NEEDS_ANOTHER)
        return redirect(draft)
    # Xero was asked for the page, which brings back what it showed, so it need not be asked twice.
    found = inspect_draft(draft, connection, look_up_in_xero=False)
    taken = set(request.POST.get("taken", "").split(","))
    going = [invoice.pk for invoice in found.postable() if str(invoice.pk) not in taken]
    left = [row.invoice for row in found.rows if row.verdict != Verdict.IN_XERO and row.invoice.pk not in set(going)]
    if not going:
        messages.warning(request, "None of these invoices is ready to be posted.")
        return redirect(draft)
    seen = set(request.POST.get("known_notes", "").split(","))
    known = [pk for pk in going if str(pk) in seen]
    with transaction.atomic():
        log = start(
            request,
            Invoice.objects.filter(pk__in=going),
            connection=connection,
            invoice_status=draft.invoice_status,
            locked_as_drafts=draft.locked_as_drafts,
            onward=_onward(request),
        )
        if known:
            transitions.require_lookup(
                connection, Posting.objects.filter(invoice__in=known), transitions.ALREADY_IN_XERO
            )
    # Someone may have posted what one of them looks like, or an import held it back, since it was checked.
    left += comparison.undecided(Invoice.objects.filter(pk__in=going))
    left += outdated.waiting(Invoice.objects.filter(pk__in=going))
    upload_drafts.keep_only(draft, left)
    if left:
        words = '{} selected because something holds them back. <a href="{}">See what</a>'
        messages.warning(request, format_html(words, _stay(len(left)), draft.get_absolute_url()))
    return log or redirect(draft)


@require_POST
@role_required(*roles.FINANCE)
def as_drafts(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Have what lies in a locked period go as drafts, or with `no` not; with `awaiting` all of it awaiting approval."""
    draft = _draft(pk)
    if "awaiting" in request.POST:
        draft.invoice_status = InvoiceStatus.SUBMITTED
    else:
        draft.locked_as_drafts = "no" not in request.POST
    draft.save(update_fields=["locked_as_drafts", "invoice_status"])
    return redirect(draft)


def inspect_draft(
    draft: UploadDraft, connection: XeroConnection, *, look_up_in_xero: bool, read_anew: bool = False
) -> Inspection:
    """Return the inspection of a selection, which says why Xero could not be asked."""
    return inspect(
        upload_drafts.invoices_of(draft),
        connection,
        invoice_status=draft.invoice_status,
        locked_as_drafts=draft.locked_as_drafts,
        look_up_in_xero=look_up_in_xero,
        read_anew=read_anew,
        or_without=True,
    )


def _organisation_of(draft: UploadDraft) -> XeroConnection | None:
    """Return where the selection goes: what was refused, to where it was refused."""
    return draft.connection if draft.again_of_id else XeroConnection.objects.current()


def _back(draft: UploadDraft) -> str:
    if draft.again_of:
        return draft.again_of.get_absolute_url()
    return f"{reverse('invoice_list')}?{upload_drafts.selection_of(draft).query()}"


def _is_still_meant(request: HttpRequest, draft: UploadDraft, checked: XeroConnection) -> bool:
    # Several tabs and several people may have checked the same selection for different organisations.
    return request.POST.get("organisation") == str(checked.pk) and checked == _organisation_of(draft)


def _onward(request: HttpRequest) -> str:
    """Return what is to be asked for once they are in Xero. Raises BadRequest."""
    chosen = request.POST.get("onward", "")
    if chosen not in Onward.values:
        raise BadRequest("There is no such step after posting.")
    return chosen


def _exceeds(found: Inspection, more: int = 0) -> bool:
    """Whether posting, and so many calls more, takes more calls than Xero said are left today."""
    return found.calls_left is not None and found.calls_needed + more > found.calls_left


def _onward_choices(draft: UploadDraft, found: Inspection) -> list[tuple[str, str, int]]:
    """Return what may be asked for after posting with the status of the selection, and how many calls more it takes at
    most."""
    return [(value, label, found.calls_onward(value)) for value, label in _choices(draft, found.app)]


def _choices(draft: UploadDraft, app: XeroSettings) -> list[tuple[str, str]]:
    if app.two_people:
        return []
    if draft.invoice_status == InvoiceStatus.AUTHORISED:
        return [("", Onward.NOTHING.label), (Onward.SEND.value, "Send them to the customers")]
    return [(str(value), str(label)) for value, label in Onward.choices]


def _elsewhere(checked: XeroConnection | None) -> str:
    current = XeroConnection.objects.current()
    where = f"Uploads go to {current.name} now" if current else "No organisation is in use now"
    was = f", and this selection was last checked for {checked.name}" if checked and checked != current else ""
    then = " Review the new check below, then post." if current else ""
    return f"{where}{was}. Nothing was queued.{then}"


def _draft(pk: uuid.UUID) -> UploadDraft:
    return get_object_or_404(UploadDraft.objects.select_related("period", "connection", "again_of"), pk=pk)


def _is_taken(row: Inspected) -> bool:
    return any(problem.code in TAKEN_CODES for problem in row.problems)


def _may_set(request: HttpRequest) -> bool:
    return roles.role_of(request.user) == roles.SYSTEM_ADMIN


def _section(found: Inspection, verdict: Verdict) -> dict[str, Any]:
    rows = found.of(verdict)
    return {
        "verdict": verdict.value,
        "label": LABELS[verdict],
        "tone": TONES[verdict],
        "count": len(rows),
        "totals": found.totals(verdict),
        "rows": rows[:SHOWN],
        "more": len(rows) - SHOWN,
    }


def _lines(found: Inspection, request: HttpRequest, draft: UploadDraft, connection: XeroConnection) -> list[Line]:
    """Return what was found as causes, each with what the preflight alone shows of it."""
    groups = found.groups()
    page = Page(
        forms=lambda cause: forms_of_preflight(cause, draft),
        account=lambda _: {"draft": str(draft.pk)},
        next_step=lambda cause: step_of(cause, draft.get_absolute_url(), may_set=_may_set(request)),
    )
    may_act = roles.role_of(request.user) in roles.FINANCE
    # Of another organisation the accounts are others.
    theirs = connection if connection == current_connection(request) else None
    shown = lines(map(checked.cause_of, groups), page, theirs, may_act=may_act, may_set=_may_set(request))
    return [replace(line, group=_group(group)) for line, group in zip(shown, groups, strict=True)]


def _group(group: Group) -> dict[str, Any]:
    problem = group.problem
    return {
        "problem": problem,
        "count": len(group.invoices),
        "invoices": group.invoices[:SHOWN],
        "more": len(group.invoices) - SHOWN,
        "may_link": problem.fix == Fix.LINK,
        "purchase_order": problem.fix == Fix.PURCHASE_ORDER,
        "same_contact": problem.fix == Fix.SAME_CONTACT,
        "decision": problem.fix == Fix.DECISION,
        "shown": deciding.digest({each.invoice.pk: each.other for each in group.invoices if each.other}),
    }


def _stay(count: int) -> str:
    return "1 invoice stays" if count == 1 else f"{count:,} invoices stay"
