"""The billing periods: what is in each, and buttons that make the next one or one anew."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, F, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from c3_sandbox import clock
from c3_sandbox.api.calls import LISTED
from c3_sandbox.billing import periods as billing
from c3_sandbox.models import Invoice, Period
from c3_sandbox.storage import writing

PER_PAGE = 50
DONE = {
    "generated": "The period is generated.",
    "again": "The period is generated again: its invoices have new numbers.",
    "changed": "Some amounts are changed: its invoices have their old numbers.",
}


@require_safe
def periods(request: HttpRequest) -> HttpResponse:
    """List the periods with counts and totals, and say what this is."""
    facts = _facts(Invoice.objects.all())
    rows: list[Any] = list(Period.objects.all())
    listed = [row for row in rows if row.listed][:LISTED]
    for row in rows:
        row.facts = facts.get(row.pk)
        row.beyond = row not in listed
        row.is_ahead = row.invoiced > clock.now().date()
    return render(request, "c3_sandbox/periods.html", {"periods": rows})


def _facts(invoices: QuerySet[Invoice]) -> dict[int, dict[str, Any]]:
    """Return count of invoices and of lines, and totals by currency, of each period."""
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"invoices": 0, "lines": 0, "totals": []})
    sums = (
        invoices.order_by("customer__currency")
        .values_list("period", "customer__currency")
        .annotate(Count("pk"), Sum("line_count"), cents=Sum(F("net_cents") + F("tax_cents")))
    )
    for pk, currency, count, lines, cents in sums:
        of_period = found[pk]
        of_period["invoices"] += count
        of_period["lines"] += lines
        of_period["totals"].append((currency, Decimal(cents).scaleb(-2)))
    return found


@require_safe
def period(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a period and its invoices."""
    one = get_object_or_404(Period, pk=pk)
    facts = _facts(one.invoices.all())[pk]
    totals = [(f"Total {currency}", f"{total:,.2f}") for currency, total in facts["totals"]]
    context = {
        "period": one,
        "facts": [
            ("ID", one.pk),
            ("Dates", f"{one.start:%-d %b %Y} – {one.end:%-d %b %Y}"),
            ("Invoices generated on", f"{one.invoiced:%-d %b %Y}"),
            ("Lines", facts["lines"]),
            *totals,
        ],
        "page": Paginator(one.invoices.select_related("customer"), PER_PAGE).get_page(request.GET.get("page")),
        "done": DONE.get(request.GET.get("done", "")),
    }
    return render(request, "c3_sandbox/period.html", context)


@require_POST
def generate_next(request: HttpRequest) -> HttpResponse:
    """Make the next period."""
    with writing():
        made = billing.generate_next()
    return redirect(f"/periods/{made.pk}/?done=generated")


@require_POST
def generate_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a period again, under numbers of its own."""
    with writing():
        one = get_object_or_404(Period, pk=pk)
        made = billing.generate_again(one, keep_listed="keep_listed" in request.POST)
    return redirect(f"/periods/{made.pk}/?done=again")


@require_POST
def change_amounts(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a period again under its own numbers, with some amounts changed."""
    with writing():
        billing.change_amounts(get_object_or_404(Period, pk=pk))
    return redirect(f"/periods/{pk}/?done=changed")
