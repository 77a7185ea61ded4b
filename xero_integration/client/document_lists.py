"""Reading posted documents back with the fewest calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.http import http_date

from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.client.gateway import ID_KEYS, Gateway
from xero_integration.client.queries import joined
from xero_integration.client.vocabulary import DocumentStatus, SalesType

PAGE = 1000
# Where a page of a thousand is more than is read of any answer.
SMALL_PAGE = 100
TYPES = {"Invoices": SalesType.INVOICE, "CreditNotes": SalesType.CREDIT_NOTE}


def changed_since(gateway: Gateway, endpoint: str, since: dt.datetime) -> list[dict[str, Any]]:
    """Return the sales documents of `endpoint` that changed after `since` with payments and all, one call for each
    1,000. Xero is known to leave out some changes."""
    query = _of_type(endpoint)
    headers = {"If-Modified-Since": http_date(since.timestamp())}
    try:
        return list(gateway.pages(endpoint, query, size=PAGE, headers=headers))
    except XeroUnavailable as error:
        if error.problem is not Problem.UNREADABLE:
            raise
        return list(gateway.pages(endpoint, query, size=SMALL_PAGE, headers=headers))


def dated_from(gateway: Gateway, endpoint: str, day: dt.date, most: int) -> list[dict[str, Any]] | None:
    """Return the sales documents dated `day` or later, without lines, payments or set-offs: one call for each 1,000;
    None when that takes more than `most` calls."""
    query = _of_type(endpoint, f"Date>=DateTime({day.year}, {day.month:02}, {day.day:02})")
    if endpoint == "Invoices":
        query |= {"summaryOnly": "true", "Statuses": ",".join(DocumentStatus)}
    rows: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = gateway.read_page(endpoint, query | {"page": page, "pageSize": PAGE})
        rows += answer.rows(endpoint)
        pagination = answer.body.get("pagination")
        pages = int(pagination.get("pageCount") or 0) if isinstance(pagination, dict) else None
        if pages is not None and pages > most:
            return None
        if page >= pages if pages is not None else len(answer.rows(endpoint)) < PAGE:
            return rows
        page += 1


def with_ids(gateway: Gateway, endpoint: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the documents with these ids with payments and all; what Xero does not have is left out."""
    return [row for query in id_queries(endpoint, ids) for row in gateway.read_list(endpoint, query)]


def id_queries(endpoint: str, ids: Iterable[str]) -> Iterator[dict[str, str | int]]:
    """Yield the query of each call that asks for these ids: some 45 invoices or 25 credit notes at once."""
    paged: dict[str, str | int] = {"page": 1, "pageSize": PAGE}
    if endpoint == "Invoices":
        yield from (paged | {"IDs": value} for value in joined(ids, ","))
    else:
        # Credit notes have no such parameter.
        terms = (f'{ID_KEYS[endpoint]}==Guid("{each}")' for each in ids)
        yield from (paged | {"where": where} for where in joined(terms, " OR "))


def _of_type(endpoint: str, *more: str) -> dict[str, str | int]:
    # In the order of their ids, so that one that changes while the pages are read shifts none past the reader.
    where = " AND ".join([f'Type=="{TYPES[endpoint]}"', *more])
    return {"where": where, "order": ID_KEYS[endpoint]}
