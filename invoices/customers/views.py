"""The customers, and the page of each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from c3portal.audit.downloads import Download, download
from c3portal.audit.record import Action, record_changes
from c3portal.http.csv_response import Cell, as_csv
from c3portal.http.next_address import next_address
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile, version_of
from c3portal.models import User, roles
from invoices.contacts import details, matching, resellers, standings
from invoices.contacts.standings import Standing, Standings
from invoices.customers import listing, money, own
from invoices.customers.listing import Filter, Row
from invoices.customers.own import OwnForm
from invoices.models import AccountOverride, Customer
from invoices.overrides.rows import Refused
from xero_integration import connections
from xero_integration.context_processors import current_connection
from xero_integration.models import XeroConnection, XeroSettings

ROWS_A_PAGE, INVOICES_A_PAGE, ROWS_AT_ONCE = 50, 25, 500
CSV_COLUMNS = (
    "CustomerName",
    "TenantID",
    "ERPID",
    "State",
    "Contact",
    "BillResellers",
    "PurchaseOrderNumber",
    "Overrides",
    "Invoices",
)


@require_safe
@role_required(*roles.ALL)
def customers(request: HttpRequest) -> HttpResponse:
    """List the customers that `q` finds, in the `state` asked for, in the order of `sort`."""
    asked = Filter(request.GET)
    context: dict[str, Any] = {"filter": asked, "next": next_address(request), "back": asked.kept()}
    if connection := XeroConnection.objects.current():
        everyone = Standings(connection)
        found = asked.found(everyone.everyone)
        shown = asked.ordered(connection, asked.shown(connection, found))
        page = Paginator(shown, ROWS_A_PAGE).get_page(request.GET.get("page"))
        context |= {
            "page": page,
            "rows": listing.rows(connection, everyone, list(page)),
            "total": len(shown),
            "heads": asked.heads(),
            "tabs": asked.tabs(found),
            "contact_url": connection.contact_url(""),
        }
    return render(request, "invoices/customers/list.html", context)


@require_safe
@role_required(*roles.ALL)
@download
def customers_csv(request: HttpRequest) -> Download:
    """Download the customers that the list shows with the same query, all pages of it."""
    asked, connection = Filter(request.GET), XeroConnection.objects.current()
    if connection is None:
        raise Http404(connections.NOT_CONNECTED)
    everyone = Standings(connection)
    shown = asked.ordered(connection, asked.shown(connection, asked.found(everyone.everyone)))
    owed = money.owed(connection)
    currencies = sorted({currency for amounts in owed.values() for currency in amounts})
    header = [*CSV_COLUMNS, *(f"Owed{currency}" for currency in currencies)]
    return Download(as_csv(header, _cells(connection, everyone, shown, currencies)), "customers.csv")


def _cells(
    connection: XeroConnection, everyone: Standings, shown: list[Standing], currencies: list[str]
) -> Iterator[list[Cell]]:
    for some in batched(shown, ROWS_AT_ONCE):
        for row in listing.rows(connection, everyone, some):
            yield [*_facts(row), *(row.owed.get(currency) for currency in currencies)]


def _facts(row: Row) -> list[Cell]:
    customer, status = row.customer, row.status
    names: list[Cell] = [customer.name, customer.tenant_id, customer.erp_id, status.label, status.contact_name]
    return [*names, row.override.bill_resellers if row.override else "", row.order, row.own, row.invoices]


@require_safe
@role_required(*roles.ALL)
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a customer: its contact, what is its own (with `edit` in a form), its invoices and what it owes."""
    return _show(request, _customer(pk))


def _customer(pk: int) -> Customer:
    rows = Customer.objects.select_related("override", "override__updated_by")
    is_too = Exists(Customer.objects.filter(same_as=OuterRef("pk")))
    return get_object_or_404(rows.annotate(is_a_reseller_too=is_too), pk=pk)


def _show(request: HttpRequest, shown: Customer, **given: Any) -> HttpResponse:
    connection = current_connection(request)
    invoices = money.invoices_of(shown).select_related("posting__connection", "bill_to", "customer", "period")
    page = Paginator(invoices.order_by("-issued_on", "-number"), INVOICES_A_PAGE).get_page(request.GET.get("page"))
    accounts = list(AccountOverride.objects.filter(customer=shown))
    context: dict[str, Any] = {
        "customer": shown,
        "page": page,
        "about": {"customer": shown, "from_c3": details.shown(shown.c3_details)},
        "accounts": accounts,
        "next": next_address(request),
        "here": request.path,
    }
    if connection:
        context |= _in_xero(connection, shown) | _form(request, connection, shown, accounts)
    context |= given
    if "form" not in context:
        context["orders"] = listing.orders(shown)
    return render(request, "invoices/customers/customer.html", context)


def _in_xero(connection: XeroConnection, shown: Customer) -> dict[str, Any]:
    today, listing = timezone.localdate(), resellers.listing(connection)
    return {
        "status": standings.of_one(connection, shown, listing),
        "near": matching.near(listing, shown),
        "aged": money.aged(connection, shown, today),
        "ages": [label for _, label in money.AGES],
        "contact_url": connection.contact_url(""),
    }


def _form(
    request: HttpRequest, connection: XeroConnection, shown: Customer, accounts: list[AccountOverride]
) -> dict[str, Any]:
    if "edit" not in request.GET or roles.role_of(request.user) not in roles.FINANCE:
        return {}
    form = OwnForm(initial=own.initial(shown, own.account_among(accounts)), connection=connection)
    return {"form": form, "version": version_of(own.kept_of(shown, accounts))}


@require_POST
@role_required(*roles.FINANCE)
def customer_own(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Keep what is a customer's own."""
    shown, connection = _customer(pk), XeroConnection.objects.current()
    if connection is None:
        messages.error(request, connections.NOT_CONNECTED)
        return redirect("customer", pk)
    with transaction.atomic():
        XeroSettings.lock()
        before = own.kept(shown)
        initial = own.initial(shown, own.account_code(shown))
        form = OwnForm(request.POST, initial=initial, connection=connection)
        again = {"form": form, "version": version_of(before)}
        subject = f"Customers: {shown.name} ({shown.tenant_id})"[:255]
        if words := changed_meanwhile(request, version_of(before), Action.MAPPING, subject):
            return _show(request, shown, **again, refusal=words)
        if not form.is_valid():
            return _show(request, shown, **again)
        try:
            own.save(connection, shown, form.cleaned_data, cast(User, request.user))
        except Refused as refusal:
            return _show(request, shown, **again, refusal=str(refusal))
        record_changes(request, Action.MAPPING, subject, before, own.kept(shown))
    messages.success(request, f"What is {shown.name}'s own was kept.")
    return redirect(next_address(request) or reverse("customer", args=[pk]))
