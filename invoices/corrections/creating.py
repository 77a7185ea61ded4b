"""Makes an invoice or a credit note that corrects one which is in Xero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from c3portal.formats import amounts
from invoices.corrections import limit
from invoices.importing import billed_taxes, locks, xero_numbers
from invoices.importing.numbers import MAX_LENGTH, invoice_id
from invoices.models import Invoice, InvoiceLine, Posting
from xero_integration.client.vocabulary import GONE
from xero_integration.payloads import to_cents

CREDIT_NOTE = "CN"
INVOICE = "ADD"
LONGEST_REASON = 500


class NotPossible(Exception):
    """The invoice cannot be corrected so; the message says why, in a sentence for the page."""


@dataclass(frozen=True)
class CorrectingLine:
    """A line of a correction, signed by what it does to what the customer owes: negative is credited.

    `amount` is without tax, in cents, and what quantity times unit amount comes to (four decimals each); `tax` that of
    the amount, in cents. `account_code` and `tax_type` are those that the corrected line was sent with, `description`
    is its whole text; `kind` and `sku` are of the invoice's line, where it is one.
    """

    description: str
    quantity: Decimal
    unit_amount: Decimal
    amount: Decimal
    account_code: str
    tax_type: str
    tax_percentage: Decimal
    tax_name: str = ""
    kind: str = InvoiceLine.Kind.CUSTOM
    sku: str = ""

    @property
    def tax(self) -> Decimal:
        return to_cents(self.amount * self.tax_percentage / 100)

    @property
    def total(self) -> Decimal:
        return self.amount + self.tax

    @property
    def credited(self) -> tuple[Decimal, Decimal, Decimal]:
        """What it credits: without tax, the tax, and with tax."""
        return -self.amount, -self.tax, -self.total


def total_of(lines: Sequence[CorrectingLine]) -> Decimal:
    """Return what a correction of these lines comes to, with tax: negative for a credit note."""
    return sum((each.total for each in lines), Decimal("0.00"))


def create(
    corrected: Invoice,
    lines: Sequence[CorrectingLine],
    *,
    reason: str,
    contact_id: str,
    issued_on: dt.date | None = None,
    number: str = "",
) -> Invoice:
    """Return a new invoice with these lines that corrects `corrected`: a credit note where they come to less than
    nothing. It is posted like any other, and goes to the contact `contact_id` (Xero's id of whom the corrected one is
    on). Without `issued_on` it is dated today. `number` is what a page showed it with (`next_number`): once
    somebody made that one, nothing is made.

    Credit notes together never come to more than what is left of the invoice (`limit.left`), which is held until the
    transaction ends. Raises NotPossible, then nothing was made.
    """
    total = total_of(lines)
    if not total:
        raise NotPossible("The amounts come to nothing: there is nothing to correct.")
    with transaction.atomic():
        # Two people may credit one invoice at one time: whoever comes second sees what the first made.
        locks.hold(Invoice.objects.filter(pk=corrected.pk))
        corrected = Invoice.objects.select_related("posting", "period").get(pk=corrected.pk)
        _require(corrected, total)
        if number not in ("", next_number(corrected, total)):
            raise NotPossible(f"Somebody made {number} meanwhile. Look at it, then at what is left below.")
        issued_on = issued_on or timezone.localdate()
        made = _invoice(corrected, lines, issued_on)
        made.reason, made.contact_id = reason[:LONGEST_REASON], contact_id
        made.save(force_insert=True)
        InvoiceLine.objects.bulk_create(
            [_line(made, position, each) for position, each in enumerate(lines, start=1)], batch_size=500
        )
        billed_taxes.put_on([made.pk])
    return made


def next_number(corrected: Invoice, total: Decimal) -> str:
    """Return the number that a correction over `total` would get now: the first after the corrected one's that is free
    here, whatever its capitals."""
    return _number(corrected.number, CREDIT_NOTE if total < 0 else INVOICE)


def _require(corrected: Invoice, total: Decimal) -> None:
    posting = getattr(corrected, "posting", None)
    if posting is None or posting.status != Posting.Status.POSTED or posting.xero_status in GONE:
        raise NotPossible(f"{corrected.number} is not in Xero, so there is nothing to correct there.")
    if corrected.total < 0:
        raise NotPossible(f"{corrected.number} is a credit note itself.")
    if total < 0 and -total > (left := limit.left(corrected)):
        asked, rest = (amounts.written(each, corrected.currency) for each in (-total, left))
        raise NotPossible(
            f"{asked} is more than what is left of {corrected.number} to be credited, {rest}. Nothing was made."
        )


def _invoice(corrected: Invoice, lines: Sequence[CorrectingLine], issued_on: dt.date) -> Invoice:
    total, subtotal = total_of(lines), sum((each.amount for each in lines), Decimal("0.00"))
    number = next_number(corrected, total)
    terms = max(corrected.due_on - corrected.issued_on, dt.timedelta())
    return Invoice(
        # The same again when it is made again after the database was restored, so that what is in Xero is found.
        id=invoice_id(number),
        corrects=corrected,
        period=corrected.period,
        customer_id=corrected.customer_id,
        bill_to_id=corrected.bill_to_id,
        number=number,
        xero_number=xero_numbers.for_new([number])[number],
        issued_on=issued_on,
        due_on=issued_on if total < 0 else issued_on + terms,
        currency=corrected.currency,
        subtotal=subtotal,
        tax=total - subtotal,
        total=total,
        exact_total=total,
        purchase_order=corrected.purchase_order,
    )


def _number(corrected: str, suffix: str) -> str:
    count = 1
    while True:
        end = f"-{suffix}{count}"
        number = f"{corrected[: MAX_LENGTH - len(end)]}{end}"
        if not Invoice.objects.filter(Q(number__iexact=number) | Q(xero_number__iexact=number)).exists():
            return number
        count += 1


def _line(made: Invoice, position: int, each: CorrectingLine) -> InvoiceLine:
    return InvoiceLine(
        invoice=made,
        position=position,
        kind=each.kind or InvoiceLine.Kind.CUSTOM,
        sku=each.sku,
        name=each.description,
        quantity=each.quantity,
        unit_price=each.unit_amount,
        subtotal=each.amount,
        tax_name=each.tax_name,
        tax_percentage=each.tax_percentage,
        tax=each.tax,
        total=each.total,
        account_code=each.account_code,
        tax_type=each.tax_type,
    )
