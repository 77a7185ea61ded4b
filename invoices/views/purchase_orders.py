"""A customer's PO number, entered where the check before posting misses it."""

from __future__ import annotations

import uuid
from typing import cast

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from c3portal.audit.record import Action, record_changes
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.models import Customer, UploadDraft
from invoices.overrides.customers import MAX_ORDER
from invoices.overrides.pages import Customers
from xero_integration import connections
from xero_integration.models import XeroConnection, XeroSettings


class OrderForm(forms.Form):
    """`customer` is the key of whoever gets the invoices."""

    customer = forms.ModelChoiceField(Customer.objects.all(), to_field_name="tenant_id")
    purchase_order = forms.CharField(
        max_length=MAX_ORDER, error_messages={"required": "Enter the PO number that the customer gave."}
    )


@require_POST
@role_required(*roles.FINANCE)
def preflight_order(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Keep the PO number of a customer that has none, for its invoices that come without one."""
    draft = get_object_or_404(UploadDraft, pk=pk)
    connection = XeroConnection.objects.current()
    form = OrderForm(request.POST)
    if connection is None:
        messages.error(request, connections.NOT_CONNECTED)
    elif not form.is_valid():
        messages.error(request, " ".join(str(words) for several in form.errors.values() for words in several))
    else:
        with transaction.atomic():
            XeroSettings.lock()
            _keep(request, connection, form.cleaned_data["customer"], form.cleaned_data["purchase_order"])
    return redirect(draft)


def _keep(request: HttpRequest, connection: XeroConnection, customer: Customer, order: str) -> None:
    page = Customers(connection)
    before = page.kept()
    own = page.context.customers.get(customer.tenant_id)
    if own and own.purchase_order:
        # Someone was quicker: theirs stays, and the page now shows what it comes to.
        if own.purchase_order != order:
            messages.warning(request, f"{customer} has the PO number {own.purchase_order} by now. Nothing was changed.")
        return
    page.save([page.with_order(customer.tenant_id, order)], cast(User, request.user))
    record_changes(request, Action.MAPPING, f"Settings → {page.title}: 1 overridden", before, page.kept())
    messages.success(request, f"{customer}'s PO number was kept, for its invoices that come without one.")
