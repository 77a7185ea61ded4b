"""What is one customer's own: theme, status, due days, PO number, whom resellers' invoices go to. What is left empty
stays the default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Count

from c3portal.models import User
from invoices.documents.builder import DocumentContext, Own
from invoices.models import BillResellers, Customer, CustomerOverride, Invoice
from invoices.overrides.rows import Refused, Row
from xero_integration.models import InvoiceStatus

COLUMNS = ("TenantID", "Theme", "Status", "DueDays")
# Files of releases before do not have it.
OPTIONAL_COLUMNS = ("BillResellers", "PurchaseOrderNumber", "PurchaseOrderRequired")
SHOWN_COLUMNS = (*COLUMNS, *OPTIONAL_COLUMNS, "CustomerName", "Applies")
MAX_DUE_DAYS = 3650
MAX_ORDER = 255
# For more the invoices of all are counted: databases bound the values of a query.
ROWS_EACH_QUERY = 1_000
YES, NO = "yes", "no"
REQUIRED = {YES: "Required", NO: "Not required"}


@dataclass(frozen=True)
class Names:
    """The organisation's themes (name by id) and the defaults."""

    themes: Mapping[str, str]
    theme: str
    status: str


@dataclass(frozen=True)
class CustomerRule:
    """What is kept for a tenant id; an empty Own reverts."""

    tenant_id: str
    own: Own


def rows(context: DocumentContext, names: Names) -> list[Row[str]]:
    found = Customer.objects.order_by("name", "tenant_id").values_list("tenant_id", "name", "country")
    default = _words(Own(), names)
    return [_row(context, names, default, customer) for customer in found]


def counts(rows: Sequence[Row[str]]) -> dict[str, int]:
    """Return how many invoices the customers of these rows have, by tenant id."""
    found = Invoice.objects.order_by()
    if len(rows) <= ROWS_EACH_QUERY:
        customers = Customer.objects.filter(tenant_id__in=[each.subject for each in rows])
        found = found.filter(customer__in=customers.values("pk"))
    return dict(found.values_list("customer__tenant_id").annotate(Count("pk")))


def _row(context: DocumentContext, names: Names, default: str, customer: tuple[str, str, str]) -> Row[str]:
    tenant_id, name, country = customer
    usual = Row(
        key=tenant_id,
        subject=tenant_id,
        title=name,
        detail=f"{country} · {tenant_id}" if country else tenant_id,
        default=default,
        applies=default,
        because="Settings → General says so",
    )
    own = context.customers.get(tenant_id)
    if own is None or own == Own():
        return usual
    return replace(
        usual,
        applies=_words(own, names),
        because="it is overridden for this customer",
        problem=theme_problem(context, own.theme_id),
        is_overridden=True,
    )


def _words(own: Own, names: Names) -> str:
    theme = names.themes.get(own.theme_id, "a theme that is gone") if own.theme_id else names.theme
    status = InvoiceStatus(own.invoice_status or names.status).label
    due = "due as invoiced" if own.due_days is None else f"due after {own.due_days} days"
    billed = BillResellers(own.bill_resellers).label.lower() if own.bill_resellers else ""
    billed = f"invoices to a reseller: {billed}" if billed else ""
    order = f"PO number {own.purchase_order}" if own.purchase_order else ""
    required = "requires a PO number" if own.requires_purchase_order else ""
    return " · ".join(filter(None, (theme, status, due, billed, order, required)))


def theme_problem(context: DocumentContext, theme_id: str) -> str:
    """Return why documents cannot have this theme, "" when they can."""
    if not theme_id or theme_id in context.organisation.themes:
        return ""
    return f"The theme chosen for this customer is no longer there in {context.organisation.name}. Choose another."


def override(context: DocumentContext, tenant_id: str, own: Own) -> CustomerRule:
    """Raises Refused for a theme that is not there."""
    if words := theme_problem(context, own.theme_id):
        raise Refused("Theme", words)
    return CustomerRule(tenant_id, own)


def save(rules: Iterable[CustomerRule], names: Names, user: User | None) -> int:
    """Keep what each rule says in place of what was there. Returns how many customers changed."""
    rules = list(rules)
    people = {
        each.tenant_id: each for each in Customer.objects.filter(tenant_id__in={rule.tenant_id for rule in rules})
    }
    count = 0
    with transaction.atomic():
        for rule in rules:
            facts = {
                "theme_id": rule.own.theme_id,
                "theme_name": names.themes.get(rule.own.theme_id, ""),
                "invoice_status": rule.own.invoice_status,
                "due_days": rule.own.due_days,
                "bill_resellers": rule.own.bill_resellers,
                "purchase_order": rule.own.purchase_order,
                "requires_purchase_order": rule.own.requires_purchase_order,
                "updated_by": user,
            }
            if rule.own != Own():
                CustomerOverride.objects.update_or_create(customer=people[rule.tenant_id], defaults=facts)
                count += 1
            else:
                count += CustomerOverride.objects.filter(customer=people[rule.tenant_id]).delete()[0]
    return count


def csv_rows(context: DocumentContext, names: Names) -> Iterator[list[str]]:
    """Yield every customer under SHOWN_COLUMNS; a theme by its name when that is unique, else by its id."""
    for row in rows(context, names):
        own = context.customers.get(row.subject, Own())
        due_days = "" if own.due_days is None else str(own.due_days)
        theme = _theme_word(own.theme_id, names)
        order = [own.purchase_order, YES if own.requires_purchase_order else ""]
        yield [row.subject, theme, own.invoice_status, due_days, own.bill_resellers, *order, row.title, row.applies]


def _theme_word(theme_id: str, names: Names) -> str:
    name = names.themes.get(theme_id, theme_id)
    return name if list(names.themes.values()).count(name) == 1 else theme_id


def read_row(context: DocumentContext, names: Names, tenants: frozenset[str], cells: Mapping[str, str]) -> CustomerRule:
    """Return the rule of a row of a file. Raises Refused."""
    if cells["TenantID"] not in tenants:
        raise Refused("TenantID", f"There is no customer {cells['TenantID']}.")
    if cells["Status"] and cells["Status"] not in InvoiceStatus.values:
        raise Refused("Status", f"A status is one of {', '.join(InvoiceStatus.values)}, or empty.")
    due_days = cells["DueDays"]
    if due_days and not (re.fullmatch(r"[0-9]{1,9}", due_days) and int(due_days) <= MAX_DUE_DAYS):
        raise Refused("DueDays", f"Due days are a whole number of 0 to {MAX_DUE_DAYS}, or empty.")
    before = context.customers.get(cells["TenantID"], Own())
    billed = cells.get("BillResellers", before.bill_resellers)
    if billed and billed not in BillResellers.values:
        raise Refused("BillResellers", f"It is one of {', '.join(BillResellers.values)}, or empty.")
    order = cells.get("PurchaseOrderNumber", before.purchase_order)
    if len(order) > MAX_ORDER:
        raise Refused("PurchaseOrderNumber", f"A PO number has at most {MAX_ORDER} characters.")
    is_required = _is_required(cells.get("PurchaseOrderRequired"), before)
    theme_id = _theme_id(cells["Theme"], names)
    own = Own(theme_id, cells["Status"], int(due_days) if due_days else None, billed, order, is_required)
    return override(context, cells["TenantID"], own)


def _is_required(word: str | None, before: Own) -> bool:
    if word is None:
        return before.requires_purchase_order
    if word not in ("", YES, NO):
        raise Refused("PurchaseOrderRequired", f"It is {YES}, {NO} or empty.")
    return word == YES


def _theme_id(word: str, names: Names) -> str:
    if not word or word in names.themes:
        return word
    fitting = [theme_id for theme_id, name in names.themes.items() if name.casefold() == word.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    raise Refused("Theme", f"There is no theme “{word}”." if not fitting else f"Several themes are called “{word}”.")
