"""What a bookkeeper does by hand in the books: payments, and voiding."""

from datetime import date
from decimal import Decimal

from xero_sandbox import clock, journal
from xero_sandbox.models import Document, Payment
from xero_sandbox.storage import writing


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
        _settle(document, payment)
    return payment


def _settle(document: Document, payment: Payment) -> None:
    document.paid_cents += payment.amount_cents
    if document.paid_cents == document.total_cents:
        document.status, document.fully_paid_on = "PAID", payment.date
    document.updated_at = clock.now()
    document.save()
    journal.note(document, journal.PAID, f"Payment of {payment.amount} {document.currency} on {payment.date}.")


def void(document: Document) -> None:
    """Void an approved document or delete a draft, by hand. Raises BookkeepingRefused when it has payments."""
    with writing():
        document.refresh_from_db()
        if document.paid_cents or document.status in ("PAID", "VOIDED", "DELETED"):
            raise BookkeepingRefused("Only documents without payments can be voided.")
        document.status = "VOIDED" if document.status == "AUTHORISED" else "DELETED"
        document.updated_at = clock.now()
        document.save()
        journal.note(document, journal.CHANGE_OF_STATUS[document.status])
