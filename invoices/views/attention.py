"""Needs attention: what a person has to see to, by cause."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from c3_integration import fetches
from c3_integration.models import C3Fetch
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.attention import causes, counting, of_upload
from invoices.attention.causes import Cause
from invoices.attention.shown import Line, Page, Step, forms, lines
from invoices.models import Invoice, Upload, UploadDraft
from invoices.overrides import replacing
from invoices.overrides.rows import Refused
from invoices.preflight import upload_drafts
from invoices.selection import periods
from invoices.selection.selection import Selection
from invoices.views.next_steps import next_step
from invoices.views.upload_actions import upload_again_with
from invoices.views.uploading import missing_for_upload
from xero_integration import connections
from xero_integration.context_processors import current_connection
from xero_integration.models import XeroConnection, XeroSettings


@require_safe
@role_required(*roles.ALL)
def needs_attention(request: HttpRequest) -> HttpResponseBase:
    """Show what needs attention, with what mends it."""
    found = attention_lines(request, current_connection(request), fetches.last())
    offered = periods.offered()
    context = {
        "lines": found,
        "checked_at": max((each.checked_at for each in periods.checks(offered) if each.known), default=None),
        "attention_count": causes.count(each.cause for each in found),
        "frame_periods": offered,
        "frame_period": periods.shown(request.GET.get("period", ""), offered),
    }
    return render(request, "invoices/attention/page.html", context)


@require_POST
@role_required(*roles.FINANCE)
def check_again(request: HttpRequest) -> HttpResponse:
    """Check what is not posted of the newest billing periods again."""
    found = counting.refresh(anew=True)
    if not found:
        messages.info(request, "Nothing to check yet: connect to Xero and import a billing period first.")
        return redirect("needs_attention")
    invoices, stopped = sum(each.invoices for each in found), sum(each.blocked for each in found)
    messages.success(request, f"Checked {invoices:,} invoices that are not posted; {stopped:,} blocked.")
    return redirect("needs_attention")


@require_POST
@role_required(*roles.FINANCE)
def check_and_post(request: HttpRequest) -> HttpResponse:
    """Lead exactly the invoices of a `cause` to the preflight; with `as_drafts` to go as drafts where locked."""
    selection, ids = _asked_for(request)
    return _to_preflight(request, selection, ids, as_drafts="as_drafts" in request.POST)


@require_POST
@role_required(*roles.FINANCE)
def choose_account(request: HttpRequest) -> HttpResponse:
    """Use `account` wherever `instead_of` was used, and lead to the preflight what it is about: the invoices of the
    `cause`, those of an `upload` alone, or a `draft`, whose page checks them again."""
    about = _about(request)
    connection = XeroConnection.objects.current()
    if connection is None:
        messages.error(request, connections.NOT_CONNECTED)
        return redirect(about.page)
    old, new = request.POST.get("instead_of", ""), request.POST.get("account", "")
    user, may_set = cast(User, request.user), roles.role_of(request.user) == roles.SYSTEM_ADMIN
    try:
        with transaction.atomic():
            XeroSettings.lock()
            count = replacing.replace(old, new, connection, user, may_set=may_set, source=request)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(about.page)
    counting.refresh()
    if count:
        places = "1 place" if count == 1 else f"{count:,} places"
        messages.success(request, f"Account {new} is used in place of {old}, in {places}.")
    return about.go_on()


@dataclass(frozen=True)
class _About:
    """What is mended: the `page` that showed it, and the way on, which is known before mending changes what has it."""

    page: str
    go_on: Callable[[], HttpResponse]


def _about(request: HttpRequest) -> _About:
    """Raises BadRequest and Http404."""
    if "draft" in request.POST:
        draft = get_object_or_404(UploadDraft, pk=_key_in(request, "draft", uuid.UUID))
        return _About(draft.get_absolute_url(), lambda: redirect(draft))
    if "upload" in request.POST:
        upload = get_object_or_404(Upload.objects.select_related("connection"), pk=_key_in(request, "upload", int))
        mine = list(of_upload.invoices_with(upload, request.POST.get("cause", "")).values_list("pk", flat=True))
        return _About(
            upload.get_absolute_url(), lambda: upload_again_with(request, upload, Invoice.objects.filter(pk__in=mine))
        )
    selection, ids = _asked_for(request)
    return _About(reverse("needs_attention"), lambda: _to_preflight(request, selection, ids))


def _key_in[T](request: HttpRequest, name: str, type_: Callable[[str], T]) -> T:
    """Raises BadRequest."""
    try:
        return type_(request.POST[name])
    except ValueError as error:
        raise BadRequest(f"That is no {name}.") from error


def _asked_for(request: HttpRequest) -> tuple[Selection, list[str]]:
    """Return the cause's selection, and its invoices that may be posted: mending it makes them no more the cause's.
    Raises BadRequest."""
    selection = Selection.from_query(request.POST)
    if selection is None or not selection.filters.cause:
        raise BadRequest("Name the cause.")
    keys = selection.invoices().uploadable().order_by().values_list("pk", flat=True)
    return selection, [str(key) for key in keys]


def _to_preflight(
    request: HttpRequest, selection: Selection, ids: list[str], *, as_drafts: bool = False
) -> HttpResponse:
    connection = XeroConnection.objects.current()
    may_set = roles.role_of(request.user) == roles.SYSTEM_ADMIN
    problem = missing_for_upload(connection, may_set=may_set, preflight=True)
    if problem or connection is None:
        messages.error(request, problem)
        return redirect("needs_attention")
    draft = upload_drafts.make(
        Selection(selection.period),
        ids,
        everything=False,
        invoice_status=XeroSettings.load().invoice_status,
        connection=connection,
        user=cast(User, request.user),
        locked_as_drafts=as_drafts,
    )
    if draft is None:
        messages.info(request, "Nothing was left to post: all of these are in Xero or on their way there.")
        return redirect("needs_attention")
    return redirect(draft)


def attention_lines(
    request: HttpRequest,
    connection: XeroConnection | None,
    last_fetch: C3Fetch | None,
    now: dt.datetime | None = None,
) -> list[Line]:
    """Return the causes with what who looks may do about each, for any page; `now` is the database's time, which is
    asked for without it."""
    role = roles.role_of(request.user)
    may_act, may_set = role in roles.FINANCE, role == roles.SYSTEM_ADMIN
    back = request.get_full_path()

    page = Page(forms, lambda cause: cause.again, lambda cause: step_of(cause, back, may_set=may_set))
    found = causes.find(connection, last_fetch, may_open=may_act, now=now)
    return lines(found, page, connection, may_act=may_act, may_set=may_set)


def step_of(cause: Cause, back: str, *, may_set: bool) -> Step | None:
    """Return the page that mends the cause and leads `back`."""
    found = next_step(cause.problem, back, may_set=may_set) if cause.problem else None
    return Step(found.words, found.url) if found else None
