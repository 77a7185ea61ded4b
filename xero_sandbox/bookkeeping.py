"""What money does to documents: payments, credit set against invoices, and voiding by hand."""

from datetime import date
from decimal import Decimal

from xero_sandbox import clock, journal
from xero_sandbox.models import Allocation, Contact, Document, Payment
from xero_sandbox.storage import writing

CREDIT_TYPES = ("ACCRECCREDIT", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT")


class BookkeepingRefused(ValueError):
    """The document does not allow it; the words say why."""


def record(document: Document, amount: Decimal, paid_on: date | None = None, reference: str = "") -> Payment:
    """Record a payment, in part or in full (then the document is PAID). Raises BookkeepingRefused."""
    with writing():
        document.refresh_from_db()
        if document.status != "AUTHORISED":
            raise BookkeepingRefused("Only approved documents take payments.")
        if not 0 < amount <= document.due:
            raise BookkeepingRefused(f"The amount must be more than 0 and at most {document.due}.")
        payment = Payment.objects.create(
            document=document,
            amount_cents=int(amount.scaleb(2)),
            date=paid_on or clock.now().date(),
            reference=reference,
        )
        document.paid_cents += payment.amount_cents
        _settle(document, payment.date)
        journal.note(document, journal.PAID, f"Payment of {payment.amount} {document.currency} on {payment.date}.")
    return payment


def remove_payments(document: Document) -> None:
    """Take all payments of a document back; it is approved again. Raises BookkeepingRefused when it has none."""
    with writing():
        document.refresh_from_db()
        if not document.paid_cents:
            raise BookkeepingRefused("There is no payment to remove.")
        document.payments.all().delete()
        document.paid_cents = 0
        _settle(document, document.date)
        journal.note(document, "Payment removed")


def _settle(document: Document, on: date) -> None:
    """Set a document's status by what is left on it, and save it."""
    paid = document.total_cents == document.paid_cents + document.credited_cents
    document.status, document.fully_paid_on = ("PAID", on) if paid else ("AUTHORISED", None)
    document.updated_at = clock.now()
    document.save()


def allocate(
    source: Document, invoice: Document, amount: Decimal, allocated_on: date, user: str = journal.PERSON
) -> Allocation:
    """Set credit of `source` against an invoice. Call it while `writing`. Raises BookkeepingRefused."""
    for row in (source, invoice):
        row.refresh_from_db()
    if problem := _wrong_pair(source, invoice) or _wrong_amount(source, invoice, amount, allocated_on):
        raise BookkeepingRefused(problem)
    cents = int(amount.scaleb(2))
    allocation = Allocation.objects.create(source=source, invoice=invoice, amount_cents=cents, date=allocated_on)
    for row in (source, invoice):
        row.credited_cents += cents
        _settle(row, allocated_on)
        journal.note(row, "Credit Applied", f"{amount} of {source.number} applied to {invoice.number}.", user)
    return allocation


def _wrong_pair(source: Document, invoice: Document) -> str:
    if source.type not in CREDIT_TYPES or source.status != "AUTHORISED":
        return "Only approved credit that is not used up can be allocated."
    if invoice.type != "ACCREC" or invoice.status != "AUTHORISED":
        return "Credit can be allocated to approved invoices only that are not paid."
    if source.contact_id != invoice.contact_id:
        return "The invoice must be of the same contact as the credit."
    return "" if source.currency == invoice.currency else "The invoice must be in the same currency as the credit."


def _wrong_amount(source: Document, invoice: Document, amount: Decimal, allocated_on: date) -> str:
    if not 0 < amount <= source.due:
        return "The amount allocated must be more than zero and at most the remaining credit."
    if amount > invoice.due:
        return "The amount allocated exceeds the amount outstanding on the invoice."
    if amount != amount.quantize(Decimal("0.01")):
        return "The amount allocated must have at most two decimals."
    if allocated_on < max(source.date, invoice.date):
        return "The date of the allocation cannot be before the date of either document."
    organisation = source.organisation
    for lock in (organisation.period_lock_date, organisation.year_lock_date):
        if lock and allocated_on <= lock:
            return f"The date cannot be before the lock date, currently set at {lock:%d/%m/%Y}."
    return ""


def take_back(allocation: Allocation, user: str = journal.PERSON) -> None:
    """Undo an allocation. Call it while `writing`."""
    for row in (allocation.source, allocation.invoice):
        row.refresh_from_db()
        row.credited_cents -= allocation.amount_cents
        _settle(row, row.date)
        journal.note(row, "Credit Removed", f"{allocation.amount} is free again.", user)
    Allocation.objects.filter(pk=allocation.pk).delete()


def receive(contact: Contact, amount: Decimal, kind: str, received_on: date, number: str = "") -> Document:
    """Take money without an invoice: `kind` is `prepayment` or `overpayment`. It can be allocated afterwards."""
    with writing():
        cents = int(amount.scaleb(2))
        row = Document.objects.create(
            organisation=contact.organisation,
            contact=contact,
            type=f"RECEIVE-{kind.upper()}",
            number=number,
            status="AUTHORISED",
            date=received_on,
            currency=contact.organisation.base_currency,
            line_amount_types="NoTax",
            sub_total_cents=cents,
            tax_cents=0,
            total_cents=cents,
            lines="[]",
        )
        journal.note(row, journal.CREATED)
    return row


def void(document: Document) -> None:
    """Void an approved document or delete a draft, by hand. Raises BookkeepingRefused when money stands against it."""
    with writing():
        document.refresh_from_db()
        if document.settled or document.status in ("PAID", "VOIDED", "DELETED"):
            raise BookkeepingRefused("Only documents without payments and credit can be voided.")
        document.status = "VOIDED" if document.status == "AUTHORISED" else "DELETED"
        document.updated_at = clock.now()
        document.save()
        journal.note(document, journal.CHANGE_OF_STATUS[document.status])
