"""The list's rows as HTML. They are most of what the page costs, fifty times the same, so no template writes them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from c3portal.formats import amounts, dates
from c3portal.templatetags.icons import icon
from invoices.listing.rows import Row

LONGEST_REASON = 120
_NOTHING = mark_safe("")
_TICK = (
    '<td class="tick"><input type="checkbox" class="form-check-input" name="invoice" value="{}" data-currency="{}" '
    'data-cents="{}" aria-label="Select {}{}"{}></td>'
)
_NUMBER = (
    '<td class="col-number"><span title="{}{}">{}</span><button type="button" class="copy-number" data-copy-text="{}" '
    'aria-label="Copy {}" data-needs-js hidden>{}</button></td>'
)
_CREDIT_NOTE = mark_safe('<span class="visually-hidden">Credit note </span>')
_INCLUDE = (
    '<button class="btn btn-sm btn-quiet" formaction="{}" name="only" value="{}">Include again'
    '<span class="visually-hidden"> {}</span></button>'
)
_LINK = (
    '<td class="col-link"><a href="{}" target="_blank" rel="noopener" aria-label="Open {} in Xero (new tab)">↗</a></td>'
)
_NO_LINK = mark_safe('<td class="col-link"></td>')


def line(row: Row, shown: Container[str], *, may_change: bool, include_url: str) -> SafeString:
    """Return the row with the columns `shown` (columns.py); who may change something can tick it, and include again
    what was excluded, at that address."""
    cells = [_tick(row)] if may_change else []
    cells += [_customer(row, shown), _number(row), *_facts(row, shown), _total(row)]
    if "state" in shown:
        again = format_html(_INCLUDE, include_url, row.pk, row.number) if row.is_excluded and may_change else ""
        cells.append(format_html('<td class="col-state"><div id="state-{}">{}{}</div></td>', row.pk, state(row), again))
    if "owed" in shown:
        owed = _NOTHING if row.owed is None else _money(row.currency, row.owed)
        cells.append(format_html('<td class="col-owed amount"><span id="owed-{}">{}</span></td>', row.pk, owed))
    cells.append(format_html(_LINK, row.xero_url, row.number) if row.xero_url else _NO_LINK)
    return mark_safe(f"<tr>{''.join(cells)}</tr>\n")  # noqa: S308


def state(row: Row) -> SafeString:
    """Return the chips of the row's state, and its reason."""
    chips = format_html_join(" ", '<span class="state {}">{}</span>', ((each.colour, each.label) for each in row.chips))
    if not row.reason:
        return chips
    short = Truncator(row.reason).chars(LONGEST_REASON)
    return format_html('{} <span class="reason" title="{}">{}</span>', chips, row.reason, short)


def _tick(row: Row) -> SafeString:
    why, off = _NOTHING, _NOTHING
    if row.why_not:
        why = format_html(" (not possible: {})", row.why_not)
        off = format_html(' disabled title="{}"', row.why_not)
    return format_html(_TICK, row.pk, row.currency, row.cents, row.number, why, off)


def _customer(row: Row, shown: Container[str]) -> SafeString:
    via = row.bill_to and "billed_to" not in shown
    reseller = format_html(' <span class="quiet">via {}</span>', row.bill_to) if via else ""
    return format_html(
        '<th scope="row" class="col-customer" dir="auto"><a href="{}">{}</a>{}</th>', row.url, row.customer, reseller
    )


def _number(row: Row) -> SafeString:
    other = format_html(" (in Xero: {})", row.xero_number) if row.xero_number else ""
    return format_html(_NUMBER, row.number, other, row.short, row.number, row.number, icon("copy"))


def _facts(row: Row, shown: Container[str]) -> Iterator[SafeString]:
    if "issued_on" in shown:
        yield format_html('<td class="col-issued-on">{}</td>', dates.day(row.issued_on))
    if "due_on" in shown:
        yield format_html('<td class="col-due-on">{}</td>', dates.day(row.due_on))
    if "billed_to" in shown:
        yield format_html('<td class="col-billed-to">{}</td>', row.bill_to or "Customer")
    for name, text in (("purchase_order", row.purchase_order), ("microsoft", row.microsoft)):
        if name in shown:
            yield format_html('<td class="col-{}" title="{}">{}</td>', name.replace("_", "-"), text, text)
    if "currency" in shown:
        yield format_html('<td class="col-currency">{}</td>', row.currency)
    for name, amount in (("subtotal", row.subtotal), ("tax", row.tax)):
        if name in shown:
            yield format_html('<td class="col-{} amount">{}</td>', name, amounts.figures(amount))


def _total(row: Row) -> SafeString:
    kind = _CREDIT_NOTE if row.is_credit_note else _NOTHING
    return format_html('<td class="col-total amount">{}{}</td>', kind, _money(row.currency, row.total))


def _money(currency: str, amount: Decimal) -> SafeString:
    return format_html('<span class="cur">{}</span> {}', currency, amounts.figures(amount))
