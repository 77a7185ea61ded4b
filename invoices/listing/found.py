"""What a search finds in all billing periods."""

from __future__ import annotations

from django.core.paginator import Page, Paginator

from invoices.listing.rows import Row, rows_of
from invoices.models import Invoice
from invoices.selection.search import found_by

ROWS_A_PAGE = 50


def search_everywhere(term: str, page: str) -> tuple[Page[Invoice], list[Row]]:
    """Return a page of what `term` finds in any period, newest first, and its rows; of an empty term nothing."""
    found = Invoice.objects.filter(found_by(term)) if term else Invoice.objects.none()
    related = ("customer", "bill_to", "period", "posting", "posting__connection", "ignored_by")
    shown = Paginator(found.select_related(*related).order_by("-issued_on", "number"), ROWS_A_PAGE).get_page(page)
    return shown, list(rows_of(shown.object_list))
