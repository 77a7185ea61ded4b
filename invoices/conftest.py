"""Invoices to send, and workers that do at once what they are woken for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import create_autospec

import pytest
from django.utils import timezone

from invoices import tasks
from invoices.importing import billed_taxes, intake
from invoices.importing.numbers import xero_number
from invoices.models import BillingPeriod, Customer, ImportRun, Invoice, InvoiceLine, Posting, Submission
from invoices.posting import queueing, wakeups
from xero_integration.models import XeroConnection
from xero_integration.payloads import to_cents

MakeInvoice = Callable[..., Invoice]
Upload = Callable[..., queueing.Queued]
Work = Callable[[], None]


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return BillingPeriod.objects.create(
        billing_id="20260918", starts_on=dt.date(2026, 8, 16), ends_on=dt.date(2026, 9, 15)
    )


@pytest.fixture
def make_invoice(period: BillingPeriod) -> MakeInvoice:
    """Return a function that makes an invoice of a customer of its own, with one line; all it needs has a default."""

    def make_invoice(
        number: str = "",
        *,
        customer: Customer | None = None,
        amount: str = "100.00",
        currency: str = "AUD",
        tax_name: str = "GST",
        tax_percentage: str = "10",
        **facts: Any,
    ) -> Invoice:
        count = Invoice.objects.count() + 1
        number = number or f"Invoice_{count:04}"
        subtotal, tax = Decimal(amount), to_cents(Decimal(amount) * Decimal(tax_percentage) / 100)
        invoice = Invoice.objects.create(
            period=period,
            customer=customer
            or Customer.objects.create(
                tenant_id=f"tenant-{count:04}", name=f"Customer {count:04}", erp_id=f"ERP{count}"
            ),
            number=number,
            xero_number=xero_number(number),
            issued_on=dt.date(2026, 9, 18),
            due_on=dt.date(2026, 10, 6),
            currency=currency,
            subtotal=subtotal,
            tax=tax,
            total=subtotal + tax,
            **facts,
        )
        InvoiceLine.objects.create(
            invoice=invoice,
            position=1,
            kind=InvoiceLine.Kind.LICENSE,
            name="Microsoft 365 E5",
            quantity=Decimal(1),
            unit_price=subtotal,
            subtotal=subtotal,
            tax_name=tax_name,
            tax_percentage=Decimal(tax_percentage),
            tax=tax,
            total=subtotal + tax,
        )
        billed_taxes.put_on([invoice.pk])
        return invoice

    return make_invoice


@pytest.fixture
def make_invoices(make_invoice: MakeInvoice) -> Callable[[int], list[Invoice]]:
    return lambda count: [make_invoice() for _ in range(count)]


@pytest.fixture
def upload(connected: XeroConnection, finance_admin: Any) -> Upload:
    """Return a function that queues all invoices, or those given, as a click of UPLOAD TO XERO does."""

    def upload(*chosen: Invoice, invoice_status: str = "AUTHORISED") -> queueing.Queued:
        invoices = Invoice.objects.filter(pk__in=[each.pk for each in chosen]) if chosen else Invoice.objects.all()
        return queueing.enqueue(invoices, connection=connected, user=finance_admin, invoice_status=invoice_status)

    return upload


@pytest.fixture
def work(connected: XeroConnection, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Return a function that does what one worker does when it is woken, in a turn that no slow machine ends early."""
    monkeypatch.setattr(tasks, "WORK_SECONDS", 600)
    return lambda: tasks.work(connected.pk, spread=False)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the connections that a worker was called for, in place of calling one."""
    called: list[int] = []
    monkeypatch.setattr(wakeups, "wake_after_commit", called.append)
    monkeypatch.setattr(intake, "wake", create_autospec(intake.wake))
    return called


@pytest.fixture
def imports_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that a page takes are looked through and imported by this process, in place of a worker it calls for."""
    does = {ImportRun.State.WAITING: tasks.inspect_import, ImportRun.State.RUNNING: tasks.run_import}

    def wake(run_id: int, state: str) -> None:
        does[ImportRun.State(state)](run_id)

    monkeypatch.setattr(intake, "wake", wake)
    monkeypatch.setattr(intake, "wake_after_commit", lambda run: wake(run.pk, run.state))


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Return a function that sweeps, with workers that do at once, in this process, what they are woken for. Who is to
    be woken later is not: the next sweep is that later."""

    def wake(connection_id: int, *, workers: int = 1, spread: bool = True, after: float = 0) -> None:
        if not after:
            tasks.work(connection_id, spread=False)

    monkeypatch.setattr(wakeups, "wake", create_autospec(wakeups.wake, side_effect=wake))
    return tasks.sweep


@pytest.fixture
def no_lookup_delay(settings: Any) -> None:
    """Lost answers are looked up at once, and what is not in Xero then never will be."""
    settings.XERO_LOOK_AFTER = settings.XERO_SETTLES_AFTER = 0


@pytest.fixture
def after_the_lease() -> Work:
    """Return a function that makes every lease of a call in flight run out, as if its worker had long been silent."""

    def run_out() -> None:
        Submission.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))

    return run_out


@pytest.fixture
def state() -> Callable[[], dict[str, int]]:
    """Return a function that tells how many postings are in each state."""

    def state() -> dict[str, int]:
        counts: dict[str, int] = {}
        for status in Posting.objects.values_list("status", flat=True):
            counts[status] = counts.get(status, 0) + 1
        return counts

    return state
