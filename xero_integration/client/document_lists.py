"""Reading posted documents back with the fewest calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.http import http_date

from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.client.gateway import ID_KEYS, Gateway
from xero_integration.client.queries import joined
from xero_integration.client.vocabulary import DocumentStatus, SalesType

PAGE = 1000
# Where a page is more than is read of any answer, the next is asked for; a document alone never is.
PAGES = (PAGE, 100, 10, 1)
TYPES = {"Invoices": SalesType.INVOICE, "CreditNotes": SalesType.CREDIT_NOTE}


def changed_since(gateway: Gateway, endpoint: str, since: dt.datetime) -> list[dict[str, Any]]:
    """Return the sales documents of `endpoint` that changed after `since` with payments and all but their lines, one
    call for each 1,000. Xero is known to leave out some changes."""
    return _in_pages(gateway, endpoint, _of_type(endpoint), {"If-Modified-Since": http_date(since.timestamp())})


def _in_pages(
    gateway: Gateway, endpoint: str, query: Mapping[str, str | int], headers: dict[str, str]
) -> list[dict[str, Any]]:
    for size in PAGES:
        try:
            return [_without_lines(row) for row in gateway.pages(endpoint, query, size=size, headers=headers)]
        except XeroUnavailable as error:
            if error.problem is not Problem.UNREADABLE or size == PAGES[-1]:
                raise
    return []


def _without_lines(row: dict[str, Any]) -> dict[str, Any]:
    # Most of what a row takes of memory.
    row.pop("LineItems", None)
    return row


def dated_from(
    gateway: Gateway, endpoint: str, day: dt.date, most: int, *, until: dt.date | None = None
) -> list[dict[str, Any]] | None:
    """Return the sales documents dated `day` or later, up to the day `until`, without lines, payments or set-offs: one
    call for each 1,000; None when that takes more than `most` calls."""
    bounds = [f"Date>={_date(day)}", *([f"Date<={_date(until)}"] if until else [])]
    query = _of_type(endpoint, *bounds)
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


def _date(day: dt.date) -> str:
    return f"DateTime({day.year}, {day.month:02}, {day.day:02})"


def with_ids(gateway: Gateway, endpoint: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the documents with these ids with payments and all; what Xero does not have is left out."""
    return [row for lot in lots(endpoint, ids) for row in _lot(gateway, endpoint, lot)]


def _lot(gateway: Gateway, endpoint: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    try:
        return gateway.read_list(endpoint, _query(endpoint, ids))
    except XeroUnavailable as error:
        if error.problem is not Problem.UNREADABLE or len(ids) == 1:
            raise
    # Documents of thousands of lines may together be more than is read of any answer.
    half = len(ids) // 2
    return _lot(gateway, endpoint, ids[:half]) + _lot(gateway, endpoint, ids[half:])


def lots(endpoint: str, ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield the ids that one call each asks for: some 48 invoices or 26 credit notes at once."""
    ids = list(ids)
    joint = _joint(endpoint)
    for text in joined((_term(endpoint, each) for each in ids), joint):
        size = text.count(joint) + 1
        yield ids[:size]
        ids = ids[size:]


def _query(endpoint: str, ids: Iterable[str]) -> dict[str, str | int]:
    parameter = "IDs" if endpoint == "Invoices" else "where"
    return {"page": 1, "pageSize": PAGE, parameter: _joint(endpoint).join(_term(endpoint, each) for each in ids)}


def _term(endpoint: str, document_id: str) -> str:
    # Credit notes have no parameter for ids.
    return document_id if endpoint == "Invoices" else f'{ID_KEYS[endpoint]}==Guid("{document_id}")'


def _joint(endpoint: str) -> str:
    return "," if endpoint == "Invoices" else " OR "


def _of_type(endpoint: str, *more: str) -> dict[str, str | int]:
    # In the order of their ids, so that one that changes while the pages are read shifts none past the reader.
    where = " AND ".join([f'Type=="{TYPES[endpoint]}"', *more])
    return {"where": where, "order": ID_KEYS[endpoint]}
