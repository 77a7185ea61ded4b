"""An invoice as Xero has it now, for crediting it line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from c3portal.database import clock
from c3portal.formats import amounts
from invoices.corrections.creating import CorrectingLine, NotPossible, total_of
from invoices.models import DocumentEvent, DocumentType, Invoice, InvoiceLine
from invoices.posting.balances import amount
from invoices.posting.responses import KINDS
from invoices.readback import documents, store
from xero_integration import connections
from xero_integration.client import document_lists, shapes
from xero_integration.client.vocabulary import STATUS_WORDS, DocumentStatus
from xero_integration.payloads import PRODUCT, plain, to_cents

ONE = Decimal(1)


@dataclass(frozen=True)
class InXero:
    """An approved or paid invoice: its lines as they are there, whom it is on (Xero's id), and what is owed on it."""

    lines: tuple[CorrectingLine, ...]
    contact_id: str
    owed: Decimal
    currency: str

    def credited(self, parts: Mapping[int, Decimal | None]) -> list[CorrectingLine]:
        """Return the lines of a credit note over these lines, by their place from 0: over an amount without tax each,
        None for the whole line. Raises NotPossible for an amount that is not part of its line."""
        return [_credit(self.lines[place], part, self.currency) for place, part in sorted(parts.items())]

    def in_full(self) -> list[CorrectingLine]:
        """Return the lines of a credit note over the whole invoice."""
        return self.credited(dict.fromkeys(range(len(self.lines))))


def _credit(line: CorrectingLine, part: Decimal | None, currency: str) -> CorrectingLine:
    if part is None or part == line.amount:
        return replace(line, quantity=-line.quantity, amount=-line.amount)
    if not line.amount or not 0 < part / line.amount < 1:
        whole = amounts.written(line.amount, currency)
        raise NotPossible(
            f"{amounts.written(part, currency)} is not a part of the line “{line.description[:80]}”, {whole}."
        )
    return replace(line, quantity=-ONE, unit_amount=part, amount=-part)


def read(invoice: Invoice) -> InXero:
    """Read a posted invoice in one call, and keep what was read. Raises NotPossible for one that cannot be credited,
    XeroUnavailable, XeroAuthError and XeroRejected."""
    posting, kind = invoice.posting, KINDS[DocumentType.INVOICE]
    asked_at = clock.now()
    rows = connections.call(
        posting.connection,
        lambda gateway: document_lists.with_ids(gateway, kind.endpoint, [posting.xero_id]),
        click=True,
    )
    shown = [each for each in (documents.read(kind, row) for row in rows) if each]
    store.keep(posting.connection, shown, DocumentEvent.Source.POLL, asked_at)
    if not rows:
        raise NotPossible("Xero does not show the invoice any more. Look for it there.")
    posting.refresh_from_db()
    return _as_shown(invoice, rows[0])


def _as_shown(invoice: Invoice, row: Mapping[str, Any]) -> InXero:
    status, owed, total = str(row.get("Status") or ""), amount(row.get("AmountDue")), amount(row.get("Total"))
    if status not in (DocumentStatus.AUTHORISED, DocumentStatus.PAID):
        words = STATUS_WORDS.get(status, status)
        raise NotPossible(f"In Xero it is: {words}. A credit note is for an invoice that is approved or paid.")
    if row.get("LineAmountTypes") != "Exclusive" or owed is None:
        raise NotPossible("Its amounts were changed in Xero to include tax, so it is to be credited there.")
    lines = tuple(_lines(invoice, shapes.objects(row.get("LineItems"))))
    if total_of(lines) != total:
        raise NotPossible("Its tax in Xero is not what its rates come to, so it is to be credited there.")
    return InXero(lines, str((row.get("Contact") or {}).get("ContactID") or ""), owed, invoice.currency)


def _lines(invoice: Invoice, items: Sequence[Mapping[str, Any]]) -> Iterator[CorrectingLine]:
    ours = list(invoice.lines.all())
    rates = {each.tax_type: each for each in invoice.posting.connection.taxrates.all()}
    for place, item in enumerate(items):
        rate = rates.get(str(item.get("TaxType") or ""))
        if rate is None:
            raise NotPossible("A line of it has a tax rate that was not read from Xero. Read the organisation again.")
        one = ours[place] if place < len(ours) else InvoiceLine(kind=InvoiceLine.Kind.CUSTOM)
        yield _line(item, one, rate.tax_type, rate.name, Decimal(plain(rate.effective_rate)))


def _line(item: Mapping[str, Any], one: InvoiceLine, tax_type: str, tax_name: str, rate: Decimal) -> CorrectingLine:
    net = to_cents(amount(item.get("LineAmount")) or Decimal(0))
    quantity, unit_amount = amount(item.get("Quantity")) or ONE, amount(item.get("UnitAmount")) or net
    if to_cents(PRODUCT.multiply(quantity, unit_amount)) != net:
        # A discount given in Xero.
        quantity, unit_amount = ONE, net
    return CorrectingLine(
        description=str(item.get("Description") or ""),
        quantity=quantity,
        unit_amount=unit_amount,
        amount=net,
        account_code=str(item.get("AccountCode") or ""),
        tax_type=tax_type,
        tax_percentage=rate,
        tax_name=tax_name,
        kind=one.kind,
        sku=one.sku,
    )
