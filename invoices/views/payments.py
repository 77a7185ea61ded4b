"""Reading payments from Xero."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from c3portal.audit.record import Action, record
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.posting import payments
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection


@role_required(*roles.FINANCE)
@require_POST
def read_payments(request: HttpRequest) -> HttpResponse:
    """Read what changed of the payments in Xero."""
    connection = XeroConnection.objects.current()
    if connection is None or not connection.is_usable:
        messages.error(request, "Payments are read from Xero: connect first.")
    else:
        try:
            count = payments.read(connection)
        except XeroError as error:
            messages.error(request, f"Payments could not be read: {error}")
        else:
            words = f"Payments were read from {connection.name}: {count:,} new or changed"
            record(request, Action.OPERATION, words)
            messages.success(request, f"Payments were read from {connection.name}: {count:,} new or changed.")
    return redirect(f"{reverse('invoice_list')}?{urlencode({'period': request.POST.get('period', '')})}")
