"""Reading payments from Xero, for the download."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from c3portal import audit, roles
from invoices import payments
from xero_integration.errors import XeroError
from xero_integration.models import XeroConnection


@roles.role_required(roles.SYSTEM_ADMIN, roles.FINANCE_ADMIN)
@require_POST
def read_payments(request: HttpRequest) -> HttpResponse:
    """Read what changed of the payments in Xero, and go back to the period."""
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
            audit.record(request, audit.Action.OPERATION, words)
            messages.success(request, f"Payments were read from {connection.name}: {count:,} new or changed.")
    return redirect(f"{reverse('invoice_list')}?{urlencode({'period': request.POST.get('period', '')})}")
