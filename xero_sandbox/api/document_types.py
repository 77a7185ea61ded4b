"""The two kinds of document, which differ in names and little else."""

from dataclasses import dataclass


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
KINDS = {kind.resource: kind for kind in (INVOICE, CREDIT_NOTE)}
KIND_OF_TYPE = {kind.type: kind for kind in KINDS.values()}
