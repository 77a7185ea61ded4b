"""Taxes by country, name and rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.db.models import Sum

from c3portal.models import User
from invoices.documents import billing_contact
from invoices.documents.builder import DocumentContext
from invoices.documents.mapping import Rate, Tax, TaxRules, UnmappedTax
from invoices.models import BilledTax, TaxOverride
from invoices.overrides.rows import Refused, Row

COLUMNS = ("Country", "TaxName", "Percentage", "TaxType")
SHOWN_COLUMNS = (*COLUMNS, "Suggestion", "Applies", "Because")
STEP = Decimal("0.0001")


@dataclass(frozen=True)
class TaxRule:
    """A tax and its tax type, "" to revert; without a country it is one in any."""

    tax: Tax
    tax_type: str


def rows(context: DocumentContext) -> list[Row[Tax]]:
    """Return a row for each tax of the imported lines, and for each other mapping."""
    lines = BilledTax.objects.order_by().annotate(country=billing_contact.tax_country())
    found = lines.values_list("country", "tax_name", "tax_percentage")
    counts: Counter[Tax] = Counter()
    for country, name, percentage, count in found.annotate(Sum("lines")):
        counts[Tax(country, name, percentage.normalize())] += count
    counts = +counts
    seen = {key(tax) for tax in counts}
    mapped = [Tax(each.country, each.tax_name, each.percentage.normalize()) for each in context.rows.taxes]
    taxes = {tax: 0 for tax in mapped if key(tax) not in seen} | counts
    ordered = sorted(taxes, key=lambda tax: (tax.country, tax.name.casefold(), tax.percentage))
    return [_row(context, tax, taxes[tax]) for tax in ordered]


def key(tax: Tax) -> tuple[str, str, Decimal]:
    """Return what makes two taxes the same."""
    return tax.country, tax.name.casefold(), tax.percentage


def _row(context: DocumentContext, tax: Tax, count: int) -> Row[Tax]:
    default, _, none = _chosen(replace(context.taxes, mapped={}), tax)
    applies, because, problem = _chosen(context.taxes, tax)
    return Row(
        key=tax.key,
        subject=tax,
        title=f"{tax.name or 'Tax without a name'} {tax.percentage:f} %",
        detail=tax.country or "Any country",
        count=count,
        default=default or ("No rate fits" if none else ""),
        applies=applies,
        because=because,
        problem=problem,
        is_overridden=key(tax) in context.taxes.mapped,
        also=str(tax),
    )


def _chosen(rules: TaxRules, tax: Tax) -> tuple[str, str, str]:
    try:
        rate, because = rules.choose(tax)
    except UnmappedTax as error:
        return "", "", str(error)
    return label(rate), because, ""


def label(rate: Rate) -> str:
    return f"{rate.name} ({rate.percentage.normalize():f} %)"


def override(context: DocumentContext, tax: Tax, tax_type: str) -> TaxRule:
    """Raises Refused unless the organisation has the tax type for sales at an equal rate."""
    rate = next((rate for rate in context.taxes.rates if rate.tax_type == tax_type), None)
    if rate is None:
        raise Refused("TaxType", f"{context.organisation.name} has no active tax type {tax_type} for sales.")
    # With another rate Xero would compute another total.
    if rate.percentage != tax.percentage:
        raise Refused(
            "TaxType",
            f"{tax} cannot go to {rate.name}: that is {rate.percentage.normalize():f} % in Xero, "
            "and the totals would differ. Choose a rate of equal percentage, or add one in Xero.",
        )
    return TaxRule(tax, tax_type)


def save(rules: Iterable[TaxRule], user: User | None) -> int:
    """Keep each mapping in place of the one before; one without a tax type reverts. Returns how many."""
    count = 0
    with transaction.atomic():
        kept = {(each.country, each.tax_name.casefold(), each.percentage): each for each in TaxOverride.objects.all()}
        for rule in rules:
            before = kept.pop(key(rule.tax), None)
            if before:
                before.delete()
            if rule.tax_type:
                kept[key(rule.tax)] = TaxOverride.objects.create(
                    country=rule.tax.country,
                    tax_name=rule.tax.name,
                    percentage=rule.tax.percentage,
                    tax_type=rule.tax_type,
                    updated_by=user,
                )
            count += bool(before or rule.tax_type)
    return count


def csv_rows(context: DocumentContext) -> Iterator[list[str]]:
    """Yield the page's rows under SHOWN_COLUMNS."""
    for row in rows(context):
        tax = row.subject
        tax_type = context.taxes.mapped.get(key(tax), "")
        yield [tax.country, tax.name, f"{tax.percentage:f}", tax_type, row.default, row.applies, row.because]


def read_row(context: DocumentContext, cells: Mapping[str, str]) -> TaxRule:
    """Return the mapping of a row of a file. Raises Refused."""
    country, name = cells["Country"].upper(), cells["TaxName"]
    if country and (len(country) != 2 or not country.isalpha()):
        raise Refused("Country", "A country has two letters, or is empty for any.")
    if len(name) > 100:
        raise Refused("TaxName", "The name of a tax has at most 100 characters.")
    tax = Tax(country, name, _percentage(cells["Percentage"]))
    return override(context, tax, cells["TaxType"]) if cells["TaxType"] else TaxRule(tax, "")


def _percentage(text: str) -> Decimal:
    try:
        value = Decimal(text)
        if 0 <= value < 1000 and value == value.quantize(STEP):
            return value.normalize()
    except InvalidOperation:
        pass
    raise Refused("Percentage", "A percentage is a number of 0 or more with at most 4 decimals; 10 means 10 %.")
