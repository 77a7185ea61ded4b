"""What comes before and after an upload is queued."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from c3portal.audit.record import Action, record
from c3portal.formats import amounts
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from c3portal.notifications import texts
from invoices.models import BillingPeriod, Invoice, Upload
from invoices.posting import queueing, wakeups
from invoices.preflight import upload_drafts
from invoices.selection.selection import Selection, totals
from xero_integration import connections, reference
from xero_integration.models import InvoiceStatus, XeroConnection, XeroSettings

NEEDS_ANOTHER = (
    "Nothing was queued: whoever uploads an invoice may not approve it (Settings → General, Two people). Post them as "
    "drafts or awaiting approval, and another person approves them."
)


@require_POST
@role_required(*roles.FINANCE)
def upload_to_xero(request: HttpRequest) -> HttpResponseBase:
    """Keep the ticked invoices, or with `all` every one of the filter, for the preflight."""
    selection = Selection.from_query(request.POST)
    if selection is None:
        return redirect("invoice_list")
    back = redirect(f"{reverse('invoice_list')}?{selection.query()}")
    everything, ticked = "all" in request.POST, request.POST.getlist("invoice")
    if not everything and not ticked:
        messages.warning(request, "Nothing was selected. Tick the invoices to upload, or all of the filter.")
        return back
    connection = XeroConnection.objects.current()
    problem = missing_for_upload(connection, may_set=roles.role_of(request.user) == roles.SYSTEM_ADMIN, preflight=True)
    if problem or connection is None:
        messages.error(request, problem)
        return back
    draft = upload_drafts.make(
        selection,
        ticked,
        everything=everything,
        invoice_status=_invoice_status(request),
        connection=connection,
        user=cast(User, request.user),
    )
    if request.POST.get("organisation", str(connection.pk)) != str(connection.pk):
        messages.warning(request, f"Uploads go to {connection.name} now, which is not what the list said.")
    if draft is None:
        messages.info(request, "Nothing was left to upload: all of these are in Xero or on their way there.")
        return back
    return redirect(draft)


def missing_for_upload(
    connection: XeroConnection | None, *, may_set: bool, preflight: bool = False, app: XeroSettings | None = None
) -> str | SafeString:
    """Return what must be done before anything can be uploaded to `connection` (None: none is in use), "" when nothing.

    `may_set`: the reader may open Settings → General. With `preflight` what that page says of each invoice is left out.
    `app`: the settings where they are at hand.
    """
    general = (
        format_html('<a href="{}">Settings → General</a>', reverse("settings_general"))
        if may_set
        else "Settings → General (ask a System Admin)"
    )
    xero_settings = app or XeroSettings.load()
    if connection is None:
        connect = reverse("invoice_list") + "#connect"
        return format_html('{} <a href="{}">Connect to Xero</a> first.', connections.NOT_CONNECTED, connect)
    if not connection.is_usable:
        return f"The connection to {connection.name} needs reconnecting before anything can be uploaded."
    if missing := xero_settings.missing():
        return format_html("Still missing in {}: {}.", general, ", ".join(missing))
    if not preflight and (problems := reference.settings_problems(xero_settings, connection)):
        return format_html("To be mended in {}: {}", general, " ".join(map(str, problems.values())))
    return ""


def start(
    request: HttpRequest,
    invoices: QuerySet[Invoice],
    *,
    connection: XeroConnection,
    invoice_status: str,
    locked_as_drafts: bool = False,
    onward: str = "",
) -> HttpResponse | None:
    """Queue the invoices and return the way to their log; None when nothing was left to queue.

    Only once `missing_for_upload` has nothing to say of the organisation.
    """
    with transaction.atomic():
        queued = queueing.enqueue(
            invoices,
            connection=connection,
            user=cast(User, request.user),
            invoice_status=invoice_status,
            locked_as_drafts=locked_as_drafts,
            onward=onward,
        )
        if queued.upload:
            _record(request, queued.upload, queued.queued)
            wakeups.wake_after_commit(connection.pk)
    if queued.needs_another:
        messages.error(request, NEEDS_ANOTHER)
        return None
    if queued.undecided:
        messages.warning(request, _undecided(queued.undecided))
    if queued.held_back:
        messages.warning(request, _held_back(queued.held_back))
    if queued.upload is None and (queued.undecided or queued.held_back):
        return None
    if queued.upload is None:
        messages.info(request, "Nothing was left to upload: all of these are in Xero or on their way there.")
        return None
    waiting = "1 invoice is" if queued.queued == 1 else f"{queued.queued:,} invoices are"
    skipped = f" {queued.already:,} left out: already in Xero or on the way." if queued.already else ""
    messages.success(request, f"{waiting} on the way to {connection.name}.{skipped}")
    return redirect(queued.upload)


def _undecided(count: int) -> str:
    left_out, looks = ("was", "looks") if count == 1 else ("were", "look")
    return (
        f"{texts.invoices(count)} {left_out} left out: what {looks} the same as another invoice is not posted before "
        "someone decides. Do so on the invoice's page, or here before posting."
    )


def _held_back(count: int) -> str:
    was, it = ("was", "it") if count == 1 else ("were", "them")
    return (
        f"{texts.invoices(count)} {was} left out: a later file has {it} too, and what it says did not come in, so the "
        f"amounts stored here may be out of date. Import a file that has {it} right first."
    )


def _record(request: HttpRequest, upload: Upload, count: int) -> None:
    invoices = Invoice.objects.filter(posting__upload=upload)
    periods = BillingPeriod.objects.filter(invoices__in=invoices).distinct()
    after: dict[str, Any] = {
        "Organisation": upload.connection.name,
        "Billing period": ", ".join(map(str, periods)),
        "Invoices": count,
        "Create in Xero as": upload.get_invoice_status_display(),
        "Upload": upload.pk,
    }
    after |= {f"Total in {each.currency}": amounts.written(each.total, each.currency) for each in totals(invoices)}
    if upload.locked_as_drafts:
        after["In a locked period"] = "as drafts"
    if upload.onward:
        after["Then"] = upload.get_onward_display()
    record(request, Action.UPLOAD, f"{count:,} uploaded to {upload.connection.name}", after=after)


def _invoice_status(request: HttpRequest) -> str:
    """Return the status chosen beside the button. Raises BadRequest."""
    status = request.POST.get("invoice_status") or XeroSettings.load().invoice_status
    if status not in InvoiceStatus.values:
        raise BadRequest("There is no such status for invoices.")
    return status
