"""*Link it* and *Link all* of the check before posting."""

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
from invoices.models import Invoice, UploadDraft
from invoices.preflight import linking, upload_drafts
from invoices.views.uploading import missing_for_upload
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection

NOT_LINKED = (
    "Nothing was linked: Xero has no document any more that is the same in contact, currency, total and lines, or the "
    "invoice is on its way or waits for a decision. See below."
)


@require_POST
@role_required(*roles.FINANCE)
def preflight_link(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Link `all` of the selection that Xero has the same document of, or each `invoice` named."""
    draft = get_object_or_404(UploadDraft.objects.select_related("period", "connection"), pk=pk)
    connection = XeroConnection.objects.current()
    if connection is None or draft.connection != connection:
        messages.warning(request, "Another organisation is in use by now. Nothing was linked. Look at the new check.")
    elif problem := missing_for_upload(connection, may_set=False, preflight=True):
        messages.error(request, problem)
    else:
        _link(request, _chosen(request, draft), connection, draft)
    return redirect(draft)


def _link(request: HttpRequest, invoices: QuerySet[Invoice], connection: XeroConnection, draft: UploadDraft) -> None:
    try:
        count = linking.link(
            invoices,
            connection,
            user=cast(User, request.user),
            invoice_status=draft.invoice_status,
            source=request,
        )
    except XeroError as error:
        messages.error(request, f"Nothing was linked: Xero could not be asked now. {error}")
        return
    if count:
        messages.success(request, f"{texts.invoices(count)} linked. Nothing was sent to Xero.")
    else:
        messages.warning(request, NOT_LINKED)


def _chosen(request: HttpRequest, draft: UploadDraft) -> QuerySet[Invoice]:
    invoices = upload_drafts.invoices_of(draft)
    if "all" in request.POST:
        return invoices
    try:
        return invoices.filter(pk__in=request.POST.getlist("invoice"))
    except (ValidationError, ValueError) as error:
        raise BadRequest("That is not the id of an invoice.") from error
