"""The kinds of document, which differ in names and little else."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Kind:
    """How a kind of document is called on the wire."""

    resource: str
    type: str
    id_field: str
    number_field: str
    number_taken: str
    prefix: str
    needs_due_date: bool
    payment_type: str


INVOICE = Kind(
    resource="Invoices",
    type="ACCREC",
    id_field="InvoiceID",
    number_field="InvoiceNumber",
    number_taken="Invoice # must be unique.",
    prefix="INV",
    needs_due_date=True,
    payment_type="ACCRECPAYMENT",
)
CREDIT_NOTE = Kind(
    resource="CreditNotes",
    type="ACCRECCREDIT",
    id_field="CreditNoteID",
    number_field="CreditNoteNumber",
    number_taken="Credit Note # must be unique.",
    prefix="CN",
    needs_due_date=False,
    payment_type="ARCREDITPAYMENT",
)
# Money that came without an invoice. People take it in by hand, so no call makes one.
PREPAYMENT = replace(
    CREDIT_NOTE,
    resource="Prepayments",
    type="RECEIVE-PREPAYMENT",
    id_field="PrepaymentID",
    number_field="InvoiceNumber",
    payment_type="ARPREPAYMENTPAYMENT",
)
OVERPAYMENT = replace(
    PREPAYMENT,
    resource="Overpayments",
    type="RECEIVE-OVERPAYMENT",
    id_field="OverpaymentID",
    payment_type="AROVERPAYMENTPAYMENT",
)
KINDS = {kind.resource: kind for kind in (INVOICE, CREDIT_NOTE)}
CREDITS = (CREDIT_NOTE, PREPAYMENT, OVERPAYMENT)
KIND_OF_TYPE = {kind.type: kind for kind in (INVOICE, *CREDITS)}
