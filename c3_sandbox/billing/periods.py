"""Makes billing periods: the next one, one again, and one with other amounts, as C3's own buttons do."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from c3_sandbox import clock
from c3_sandbox.billing import drawing
from c3_sandbox.models import Customer, Invoice, Line, Period

LAST_DAY = 15
INVOICED_AFTER = timedelta(days=3)
DUE_AFTER = timedelta(days=18)
# One invoice of so many changes when a period is generated again with other amounts.
CHANGES_EVERY = 10


def generate(month_end: date, customers: Iterable[Customer]) -> Period:
    """Make the period that ends on this day, billed to these customers (the first ones, in their order)."""
    billed = list(customers)
    period = _period(month_end.replace(day=LAST_DAY))
    bought = drawing.purchases(f"{month_end:%Y-%m}", len(billed))
    for customer, lines in zip(billed, bought, strict=True):
        _bill(period, customer, [_line(customer, line) for line in lines])
    return period


def generate_next() -> Period:
    """Make the period after the newest one, for every customer."""
    newest = Period.objects.all()[0]
    return generate(_a_month_after(newest.end), Customer.objects.all())


def _a_month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=LAST_DAY)


def _period(end: date, *, again_of: Period | None = None) -> Period:
    start = (end.replace(day=1) - timedelta(days=1)).replace(day=LAST_DAY + 1)
    invoiced = end + INVOICED_AFTER
    while Period.objects.filter(billing_id=f"{invoiced:%Y%m%d}").exists():
        invoiced += timedelta(days=1)
    return Period.objects.create(
        billing_id=f"{invoiced:%Y%m%d}",
        start=start,
        end=end,
        invoiced=invoiced,
        due=invoiced + DUE_AFTER,
        again_of=again_of,
    )


def _bill(period: Period, customer: Customer, lines: list[Line]) -> Invoice:
    letters = "".join(letter for letter in customer.name if letter.isalnum())
    invoice = Invoice(
        period=period,
        customer=customer,
        number=f"Invoice_{letters}_{customer.erp_id}_{period.billing_id}_{customer.currency}",
        customer_name=customer.name,
    )
    _sum_up(invoice, lines)
    invoice.save()
    for line in lines:
        line.invoice = invoice
    Line.objects.bulk_create(lines)
    return invoice


def _line(customer: Customer, drawn: drawing.DrawnLine) -> Line:
    line = Line(
        category=drawn.category,
        provider_category=drawn.provider_category,
        sku=drawn.sku,
        item_code=drawn.item_code,
        subscription_id=drawn.subscription_id,
        name=drawn.name,
        quantity=str(drawn.quantity),
        unit_price=str(drawn.unit_price),
        tax_rate=str(customer.tax_rate),
    )
    return _priced(line)


def _priced(line: Line) -> Line:
    net = drawing.cents(Decimal(line.quantity) * Decimal(line.unit_price))
    line.net, line.tax = str(net), str(drawing.cents(net * Decimal(line.tax_rate) / 100))
    return line


def _sum_up(invoice: Invoice, lines: Iterable[Line]) -> None:
    billed = list(lines)
    invoice.net_cents = _cents(line.net for line in billed)
    invoice.tax_cents = _cents(line.tax for line in billed)
    invoice.line_count = len(billed)


def _cents(amounts: Iterable[str]) -> int:
    return int(sum(map(Decimal, amounts), Decimal(0)).scaleb(2))


def generate_again(period: Period, *, keep_listed: bool = True) -> Period:
    """Make the period anew: same dates and lines, new ID, BillingId and numbers, names as they are today.

    C3 does not document whether the one before stays in the list of periods: `keep_listed` says which.
    """
    again = _period(period.end, again_of=period)
    for invoice in period.invoices.select_related("customer").prefetch_related("lines"):
        _bill(again, invoice.customer, [_copy(line) for line in invoice.lines.all()])
    if not keep_listed:
        period.listed = False
        period.save(update_fields=["listed"])
    return again


def _copy(line: Line) -> Line:
    line.pk = None
    line._state.adding = True
    return line


def change_amounts(period: Period) -> int:
    """Make the period anew under its own BillingId, with one seat more on one invoice of ten; return how many."""
    changed = list(period.invoices.all())[::CHANGES_EVERY]
    for invoice in changed:
        lines = list(invoice.lines.all())
        lines[0].quantity = str(Decimal(lines[0].quantity) + 1)
        _priced(lines[0]).save()
        _sum_up(invoice, lines)
        invoice.save()
    period.generated_at = clock.now()
    period.save(update_fields=["generated_at"])
    return len(changed)


def rename(customer: Customer, name: str, *, on_invoices: bool = False) -> None:
    """Rename the customer, from the next generation on or `on_invoices` that are there too (numbers stay).

    C3 does not document which: with the second, a period fetched again carries the new name.
    """
    customer.name = name
    customer.save(update_fields=["name"])
    if on_invoices:
        customer.invoices.update(customer_name=name)
