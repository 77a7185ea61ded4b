"""The only client of Xero's accounting API: one call in, a plain answer or one of the four errors out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from django.conf import settings

from c3portal.outgoing import plain_json
from c3portal.outgoing.http_client import AnswerUnreadable, BoundedSession
from xero_integration.client import call_log, failures, queries, shapes, timeouts
from xero_integration.client.call_log import CallRecord
from xero_integration.client.departure import Departure, DepartureAdapter
from xero_integration.client.errors import Problem, XeroOutcomeUnknown, XeroUnavailable
from xero_integration.client.oauth import USER_AGENT, never_connected
from xero_integration.client.vocabulary import GONE, DocumentStatus, SalesType

# Xero's limits of one request: https://developer.xero.com/documentation/guides/oauth2/limits/
# Some say 3 MB and some 3.5: several documents stay below the first, and one above the second is not sent.
MAX_BODY_BYTES, LARGEST_REQUEST = 3_000_000, 3_500_000
# Bytes of an answer: a full batch comes back with every line, some three times as long as it was sent.
LARGEST_ANSWER = 24_000_000
CONTACTS_PAGE = 1000
# In the order of their ids, so that a contact made while the pages are read shifts none of them past the reader.
EVERY_CONTACT: dict[str, str | int] = {
    "pageSize": CONTACTS_PAGE,
    "includeArchived": "true",
    "summaryOnly": "true",
    "order": "ContactID",
}
INVOICES_PAGE = 1000
# What still has its number; in the order of their ids, for the reason above.
EVERY_INVOICE: dict[str, str | int] = {
    "pageSize": INVOICES_PAGE,
    "summaryOnly": "true",
    "where": f'Type=="{SalesType.INVOICE}"',
    "Statuses": ",".join(each for each in DocumentStatus if each not in GONE),
    "order": "InvoiceID",
}
# From here on a listing is tried first; its first page tells whether it is the shorter way.
LOTS_WORTH_A_LISTING = 3
ID_KEYS = {"Invoices": "InvoiceID", "CreditNotes": "CreditNoteID"}
LOOKUP_PAGE = 1000

Permit = Callable[[], AbstractContextManager[CallRecord]]


@dataclass(frozen=True)
class Answer:
    """A readable success: its JSON object, numbers as Decimal."""

    body: dict[str, Any]
    status_code: int
    correlation_id: str

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the list's objects."""
        return shapes.objects(self.body.get(name))


class Gateway:
    """Calls for one organisation with one access token: `calls` of them until now. `permit` is held around each."""

    def __init__(self, tenant_id: str, access_token: str, permit: Permit = lambda: nullcontext(CallRecord())) -> None:
        self.tenant_id = tenant_id
        self.permit = permit
        self.calls = 0
        self.departure = Departure()
        # xero-python's transport repeats a PUT by itself and sleeps inside calls; this one knows no retries, no
        # redirects, and its time-outs are explicit.
        self.session = BoundedSession(DepartureAdapter(lambda: self.departure.check(), LARGEST_ANSWER))
        self.session.headers.update(
            {
                "Accept": "application/json",
                "Authorization": f"Bearer {access_token}",
                "User-Agent": USER_AGENT,
                "Xero-Tenant-Id": tenant_id,
            }
        )

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *exception: object) -> None:
        self.session.close()

    def read(
        self, path: str, query: Mapping[str, str | int] | None = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """GET `path` below the accounting API. Never raises XeroOutcomeUnknown: an unread answer is XeroUnavailable."""
        try:
            return self._call("GET", path, query or {}, None, headers or {}, timeouts.read_timeouts())
        except XeroOutcomeUnknown as error:
            # A read that fails leaves nothing behind.
            unreadable = isinstance(error.__cause__, plain_json.Unreadable | AnswerUnreadable)
            what = "Xero's answer cannot be read" if unreadable else "Xero could not be read just now"
            raise XeroUnavailable(
                f"{what}; the portal tries again by itself.",
                retry_after=timeouts.retry_pause(),
                problem=Problem.UNREADABLE if unreadable else Problem.UNREACHABLE,
                correlation_id=error.correlation_id,
            ) from error

    def create_documents(
        self, endpoint: str, body: bytes, idempotency_key: str, stored_at: dt.datetime | None = None
    ) -> Answer:
        """PUT `body` to Invoices, CreditNotes or Contacts; elements succeed or fail one by one.

        What was stored at `stored_at` (the database's clock) leaves soon after that or not at all.
        """
        # PUT only creates; POST would update a document of the same number.
        # https://developer.xero.com/documentation/api/accounting/invoices/
        # A key used twice brings back the first answer for 6 minutes.
        # https://developer.xero.com/documentation/guides/idempotent-requests/idempotency/
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        query: dict[str, str | int] = {"summarizeErrors": "false"}
        if endpoint != "Contacts":
            # Unit amounts keep 4 decimals.
            # https://developer.xero.com/documentation/guides/how-to-guides/rounding-in-xero/
            query["unitdp"] = 4
        return self._call("PUT", endpoint, query, body, headers, timeouts.write_timeouts(), stored_at)

    def change_documents(
        self, endpoint: str, body: bytes, idempotency_key: str, stored_at: dt.datetime | None = None
    ) -> Answer:
        """POST `body` to Invoices or CreditNotes, each element with the id of a document that is there; elements
        succeed or fail one by one. `stored_at` as in `create_documents`."""
        # https://developer.xero.com/documentation/api/accounting/invoices/#post-invoices
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        query: dict[str, str | int] = {"summarizeErrors": "false", "unitdp": 4}
        return self._call("POST", endpoint, query, body, headers, timeouts.write_timeouts(), stored_at)

    def email_invoice(self, invoice_id: str, idempotency_key: str, stored_at: dt.datetime | None = None) -> Answer:
        """Have Xero mail an approved invoice to its contact; each call sends one more mail. `stored_at` as in
        `create_documents`."""
        # https://developer.xero.com/documentation/api/accounting/invoices/#emailing-an-invoice
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        path = f"Invoices/{invoice_id}/Email"
        return self._call("POST", path, {}, b"", headers, timeouts.write_timeouts(), stored_at, HTTPStatus.NO_CONTENT)

    def online_invoice(self, invoice_id: str) -> str:
        """Return the address at which the customer sees an approved invoice, "" where Xero gives none."""
        rows = self.read(f"Invoices/{invoice_id}/OnlineInvoice").rows("OnlineInvoices")
        return str(rows[0].get("OnlineInvoiceUrl") or "") if rows else ""

    def history(self, endpoint: str, document_id: str) -> list[dict[str, Any]]:
        """Return what Xero tells of a document's past, the newest first."""
        return self.read(f"{endpoint}/{document_id}/History").rows("HistoryRecords")

    def allocate(
        self, credit_note_id: str, body: bytes, idempotency_key: str, stored_at: dt.datetime | None = None
    ) -> Answer:
        """PUT `body`, a list of Allocations, to a credit note: each sets credit against an invoice, or is refused by
        itself. `stored_at` as in `create_documents`."""
        # https://developer.xero.com/documentation/api/accounting/creditnotes/#put-creditnotes-creditnoteid-allocations
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
        path = f"CreditNotes/{credit_note_id}/Allocations"
        write = timeouts.write_timeouts()
        return self._call("PUT", path, {"summarizeErrors": "false"}, body, headers, write, stored_at)

    def find_invoices(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        """Return the sales invoices with these numbers that Xero has."""
        return self._find("Invoices", "InvoiceNumber", SalesType.INVOICE, numbers)

    def find_invoices_of(self, contact_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return the live sales invoices of these contacts."""
        # https://developer.xero.com/documentation/api/accounting/invoices/#optional-parameters-for-get-invoices
        live = ",".join(each for each in DocumentStatus if each not in GONE)
        query: dict[str, str | int] = {"where": f'Type=="{SalesType.INVOICE}"', "Statuses": live, "unitdp": 4}
        lots = queries.joined(contact_ids, ",")
        return [row for lot in lots for row in self.pages("Invoices", query | {"ContactIDs": lot})]

    def find_credit_notes(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        """Return the sales credit notes with these numbers that Xero has."""
        return self._find("CreditNotes", "CreditNoteNumber", SalesType.CREDIT_NOTE, numbers)

    def find_marked_credit_notes(self, markers: Iterable[str]) -> list[dict[str, Any]]:
        """Return the sales credit notes whose Reference holds one of these markers: one call for about 38."""
        found: list[dict[str, Any]] = []
        for terms in queries.joined((f'Reference.Contains("{each}")' for each in markers), " OR "):
            # A filter is evaluated row by row, and a row without a Reference would end it.
            where = f"Reference!=null AND ({terms})"
            found += self.pages("CreditNotes", {"where": where, "unitdp": 4})
        return [row for row in found if row.get("Type") in (SalesType.CREDIT_NOTE, None)]

    def find_many_invoices(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        """Return the live sales invoices with these numbers, with the fewest calls."""
        numbers = list(numbers)
        lots = len(list(queries.by_number("Invoices", "InvoiceNumber", numbers)))
        if lots < LOTS_WORTH_A_LISTING:
            return self.find_invoices(numbers)
        listed = self._numbers_listed(lots)
        return self.find_invoices(numbers if listed is None else [one for one in numbers if one.lower() in listed])

    def _numbers_listed(self, lots: int) -> set[str] | None:
        """Return all live sales invoices' numbers in small letters, None when listing takes as many calls as `lots`."""
        numbers: set[str] = set()
        page, pages = 1, 1
        while page <= pages:
            answer = self.read("Invoices", EVERY_INVOICE | {"page": page})
            pagination = answer.body.get("pagination")
            if page == 1 and (not isinstance(pagination, dict) or int(pagination.get("pageCount") or 0) > lots):
                return None
            pages = int(pagination.get("pageCount") or 0) if isinstance(pagination, dict) else page
            numbers |= {str(row.get("InvoiceNumber")).lower() for row in answer.rows("Invoices")}
            page += 1
        return numbers

    def _find(self, endpoint: str, number: str, document_type: str, numbers: Iterable[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for name, value in queries.by_number(endpoint, number, numbers):
            found += self.pages(endpoint, {name: value, "unitdp": 4})
        return [row for row in found if row.get("Type") in (document_type, None)]

    def read_list(
        self, name: str, query: Mapping[str, str | int] | None = None, *, headers: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Return a list's rows, all of them: an answer that leaves some out counts as unread (XeroUnavailable)."""
        return self.read_page(name, query, headers=headers).rows(name)

    def read_page(
        self, name: str, query: Mapping[str, str | int] | None = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Return the answer whose rows `read_list` returns. Raises XeroUnavailable as that does."""
        answer = self.read(name, query, headers=headers)
        rows = answer.rows(name)
        # What is left out would be taken for absent and sent again.
        is_list = isinstance(answer.body.get(name), list)
        if not is_list or len(rows) < _promised(answer.body.get("pagination")):
            raise XeroUnavailable(
                "Xero left a part out of what it was asked for; the portal asks again by itself.",
                retry_after=timeouts.retry_pause(),
                problem=Problem.INCOMPLETE,
                correlation_id=answer.correlation_id,
            )
        return answer

    def pages(
        self,
        endpoint: str,
        query: Mapping[str, str | int],
        *,
        size: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the documents of `endpoint` that a query finds, page by page, with their lines. Raises as
        `read_list`."""
        # Only what is asked for by its page comes with lines. In the order of their ids, so that one that changes
        # meanwhile shifts none past the reader.
        # https://developer.xero.com/documentation/api/accounting/invoices/#get-invoices
        size = size or LOOKUP_PAGE
        paged = {**query, "pageSize": size, "order": ID_KEYS[endpoint]}
        page = 1
        while True:
            rows = self.read_list(endpoint, paged | {"page": page}, headers=headers)
            yield from rows
            if len(rows) < size:
                return
            page += 1

    def contacts(self, *, with_addresses: bool = False) -> Iterator[dict[str, Any]]:
        """Yield every contact, archived ones included: one call for each 1,000."""
        # With addresses an answer is some five times as long, and takes Xero longer.
        query = EVERY_CONTACT | ({"summaryOnly": "false"} if with_addresses else {})
        page = 1
        while True:
            rows = self.read_list("Contacts", query | {"page": page})
            yield from rows
            if len(rows) < CONTACTS_PAGE:
                return
            page += 1

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        body: bytes | None,
        headers: dict[str, str],
        timeouts: tuple[float, float],
        stored_at: dt.datetime | None = None,
        done: HTTPStatus = HTTPStatus.OK,
    ) -> Answer:
        key = headers.get("Idempotency-Key", "")
        with self.permit() as record, call_log.watched(record, method, path, tenant_id=self.tenant_id, key=key):
            self.departure = Departure(stored_at)
            self.calls += 1
            try:
                response = self.session.request(
                    method,
                    f"{settings.XERO_API_URL}/api.xro/2.0/{path}",
                    params={key: str(value) for key, value in query.items()},
                    data=body,
                    headers=headers,
                    timeout=timeouts,
                    allow_redirects=False,
                )
            except requests.ConnectionError as error:
                if never_connected(error):
                    raise _unreachable() from error
                raise XeroOutcomeUnknown("The connection to Xero broke before its answer came.") from error
            except requests.RequestException as error:
                raise XeroOutcomeUnknown("Xero's answer did not come in time or could not be read.") from error
            record.status_code, record.headers = response.status_code, response.headers
        return read_answer(response, path, done)


def _unreachable() -> XeroUnavailable:
    return XeroUnavailable(
        "Xero could not be reached; nothing was sent, and the portal tries again by itself.",
        retry_after=timeouts.retry_pause(),
        problem=Problem.UNREACHABLE,
    )


def read_answer(response: requests.Response, path: str, done: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return Xero's answer to a call of `path`, or raise one of the four errors, by its status (`done` is that of
    success) and headers."""
    correlation_id = call_log.correlation_id(response.headers)
    status = response.status_code
    # https://developer.xero.com/documentation/api/accounting/responsecodes/
    # https://developer.xero.com/documentation/guides/oauth2/limits/
    if status == done == HTTPStatus.NO_CONTENT:
        return Answer({}, status, correlation_id)
    if status == done:
        return Answer(_readable_body(response, correlation_id), status, correlation_id)
    if status == 429:
        raise failures.limit_reached(response, correlation_id)
    if status in (401, 403):
        raise failures.not_accepted(response, path, correlation_id)
    if status in (400, 404, 413):
        raise failures.refused(response, correlation_id)
    raise XeroOutcomeUnknown(
        f"Xero answered with HTTP {status}, which does not tell whether anything was recorded.",
        correlation_id=correlation_id,
        status_code=status,
    )


def _readable_body(response: requests.Response, correlation_id: str) -> dict[str, Any]:
    try:
        return shapes.check(plain_json.parse(response.content))
    except plain_json.Unreadable as error:
        raise XeroOutcomeUnknown(
            "Xero's answer cannot be read.", correlation_id=correlation_id, status_code=response.status_code
        ) from error


def _promised(pagination: object) -> int:
    """Return how many rows a page must have by Xero's count, 0 without one."""
    if not isinstance(pagination, dict):
        return 0
    try:
        page, size, count = (int(pagination[key]) for key in ("page", "pageSize", "itemCount"))
    except (KeyError, TypeError, ValueError):
        return 0
    return min(size, count - (page - 1) * size)
