"""Invoices that look like others, made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from invoices.conftest import MakeInvoice
from invoices.models import BillingPeriod, Customer, Invoice

MakeBilled = Callable[..., Invoice]


@pytest.fixture
def make_billed(make_invoice: MakeInvoice) -> MakeBilled:
    """Return a function that makes an invoice of one customer for one month in the billing `billing_id`; `what` stands
    for its lines."""

    def make_billed(billing_id: str, what: str = "seats", *, amount: str = "100", **facts: Any) -> Invoice:
        days = {"starts_on": dt.date(2026, 8, 16), "ends_on": dt.date(2026, 9, 15)}
        period, _ = BillingPeriod.objects.get_or_create(billing_id=billing_id, defaults=days)
        customer, _ = Customer.objects.get_or_create(tenant_id="contoso", defaults={"name": "Contoso"})
        service = {"service_start": dt.date(2026, 8, 16), "service_end": dt.date(2026, 9, 15)}
        facts = {"customer": customer, "billed_hash": what} | service | facts
        made = make_invoice(f"Invoice_Contoso_{billing_id}_{Invoice.objects.count()}", amount=amount, **facts)
        Invoice.objects.filter(pk=made.pk).update(period=period)
        made.refresh_from_db()
        return made

    return make_billed
