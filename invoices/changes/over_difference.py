"""What is approved or paid is corrected by a credit note over the difference, or an invoice where more is owed now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from c3portal.formats import amounts
from invoices.changes import amending, asking
from invoices.changes.amending import Amendment, Way
from invoices.changes.line_differences import Change, Element
from invoices.corrections.creating import CorrectingLine, NotPossible, create, total_of
from invoices.importing import later, locks
from invoices.models import Invoice, Posting
from xero_integration.models import XeroConnection


def make(
    postings: QuerySet[Posting], *, connection: XeroConnection, reason: str, seen: str, by_settings: bool = True
) -> list[Invoice] | None:
    """Make what corrects those of these that may be corrected, to be posted like any other; None when they are not any
    more what a person was shown (`seen`, of `amending.digest`). Raises NotPossible; then nothing was made."""
    with transaction.atomic():
        # No import puts another version in place of the one that is credited; before the postings, as everywhere.
        locks.nobody_decides()
        found = amending.differing(asking.held(postings, connection), by_settings=by_settings)
        chosen = [each for each in found if each.allows(Way.CREDIT)]
        if amending.digest(chosen) != seen:
            return None
        return [_correct(each, reason) for each in chosen]


def _correct(amendment: Amendment, reason: str) -> Invoice:
    corrected = amendment.posting.invoice
    lines = lines_of(amendment)
    if total_of(lines) != amendment.change:
        comes_to, wanted = (amounts.written(each, corrected.currency) for each in (total_of(lines), amendment.change))
        raise NotPossible(
            f"{corrected.number}: Xero would come to {comes_to}, and the difference is {wanted}. Nothing was made: "
            "credit it by hand."
        )
    contact = str((amendment.sent or {})["Contact"]["ContactID"])
    made = create(corrected, lines, reason=reason, contact_id=contact)
    if amendment.version:
        # The same file says nothing new then, however often it comes.
        Invoice.objects.filter(pk=made.pk).update(source_hash=amendment.version.facts["source_hash"])
        rows = Invoice.objects.filter(pk=corrected.pk)
        later.forget(rows)
        rows.update(difference="")
    return made


def lines_of(amendment: Amendment) -> list[CorrectingLine]:
    """Return each line that differs as it was sent, turned round, and as it is now: so that accounts and taxes come to
    the cent to what they would be. Raises NotPossible."""
    rates = dict(amendment.posting.connection.taxrates.values_list("tax_type", "effective_rate"))
    return list(_lines(amendment, rates))


def _lines(amendment: Amendment, rates: dict[str, Decimal]) -> Iterator[CorrectingLine]:
    found = amendment.differences
    for pair in found.lines if found else ():
        if pair.change is not Change.UNCHANGED:
            yield from (_line(each, -1, rates) for each in _there(pair.sent))
            yield from (_line(each, 1, rates) for each in _there(pair.now))


def _there(line: Element | None) -> Iterable[Element]:
    return () if line is None else (line,)


def _line(line: Element, sign: int, rates: dict[str, Any]) -> CorrectingLine:
    tax_type = str(line.get("TaxType") or "")
    if tax_type not in rates:
        raise NotPossible(f"The tax {tax_type} that it was sent with is not in Xero any more. Credit it by hand.")
    return CorrectingLine(
        description=str(line["Description"]),
        quantity=sign * Decimal(line["Quantity"]),
        unit_amount=Decimal(line["UnitAmount"]),
        amount=sign * Decimal(line["LineAmount"]),
        account_code=str(line["AccountCode"]),
        tax_type=tax_type,
        tax_percentage=Decimal(rates[tax_type]),
    )
