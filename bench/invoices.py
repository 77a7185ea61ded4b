"""Made-up customers and invoices in any number, written straight to the database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal


def make(count: int, *, customers: int, lines: int = 3, prefix: str = "B", credit_notes: bool = True) -> None:
    """Write `count` invoices of `lines` lines for `customers` customers; every 40th is a credit note if wanted.

    The customers' tenant ids are `{prefix}-customer-{n}`, the invoices' numbers `{prefix}-{n}`.
    """
    from invoices.models import BillingPeriod, Customer, Invoice, InvoiceLine

    period, _ = BillingPeriod.objects.get_or_create(
        billing_id="20260918", defaults={"starts_on": dt.date(2026, 8, 16), "ends_on": dt.date(2026, 9, 15)}
    )
    people = Customer.objects.bulk_create(
        [
            Customer(tenant_id=f"{prefix}-customer-{n}", name=f"{prefix} Customer {n}", erp_id=f"ERP-{prefix}{n}")
            for n in range(customers)
        ],
        batch_size=500,
    )
    for start in range(0, count, 1000):
        made = []
        for n in range(start, min(count, start + 1000)):
            sign = -1 if credit_notes and n % 40 == 39 else 1
            subtotal = sign * sum((_amount(n, each) for each in range(lines)), Decimal(0))
            tax = sign * sum((_tax(_amount(n, each)) for each in range(lines)), Decimal(0))
            made.append(
                Invoice(
                    period=period,
                    customer=people[n % customers],
                    number=f"{prefix}-{n:06d}",
                    xero_number=f"{prefix}-{n:06d}",
                    issued_on=dt.date(2026, 9, 18),
                    due_on=dt.date(2026, 10, 6),
                    currency="AUD",
                    subtotal=subtotal,
                    tax=tax,
                    total=subtotal + tax,
                )
            )
        Invoice.objects.bulk_create(made, batch_size=500)
        rows = [_line(invoice, start + offset, each) for offset, invoice in enumerate(made) for each in range(lines)]
        InvoiceLine.objects.bulk_create([InvoiceLine(**row) for row in rows], batch_size=500)


def _amount(n: int, position: int) -> Decimal:
    return Decimal(1000 + (n * 37 + position * 13) % 9000) / 100


def _tax(amount: Decimal) -> Decimal:
    from xero_integration.payloads import to_cents

    return to_cents(amount / 10)


def _line(invoice: object, n: int, position: int) -> dict[str, object]:
    sign = -1 if n % 40 == 39 and invoice.total < 0 else 1  # type: ignore[attr-defined]
    amount = _amount(n, position)
    return {
        "invoice": invoice,
        "position": position,
        "kind": ("license", "azure", "custom")[position % 3],
        "sku": f"SKU-{position}",
        "name": f"Product {position}",
        "quantity": Decimal(sign),
        "unit_price": amount,
        "subtotal": sign * amount,
        "tax_name": "GST",
        "tax_percentage": Decimal(10),
        "tax": sign * _tax(amount),
        "total": sign * (amount + _tax(amount)),
    }
