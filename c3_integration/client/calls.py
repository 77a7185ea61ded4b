"""C3's calls, each repeated with pauses while C3 is unavailable, its token renewed once when it is refused."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import requests
from django.conf import settings

from c3_integration.client import addresses, envelope
from c3_integration.client.envelope import PassingEnvelope
from c3_integration.client.errors import C3Error, C3Refused, C3SignInRefused, C3Unavailable
from c3_integration.client.retries import asked_to_wait, patiently
from c3_integration.client.sign_in import USER_AGENT
from c3portal.outgoing.http_client import CONNECT_SECONDS, BoundedAdapter, BoundedSession, LongAnswerAdapter

logger = logging.getLogger(__name__)

# Bytes of a list of periods or customers: some thousand for each customer.
LARGEST_LIST = 48 * 1024 * 1024
# Bytes of a period's lines, unpacked: four million lines and more.
LARGEST_PERIOD = 4 * 1024 * 1024 * 1024
# Seconds for all of a period, however steadily it comes and however often it is begun anew.
LONGEST_DOWNLOAD = 3600.0
# Seconds for whoever sits before a page.
SHORT = 20.0

PERIODS = "/api/billingperiods"
LINES = "/api/invoices/Download/v3/BillingPeriods"
CUSTOMERS = "/api/activecustomers/v5"
DETAILS = "/api/activecustomers/details/"

# How far a download is: bytes and lines.
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class C3Period:
    """A billing period as C3 lists it; `billing_id` is whatever text C3 gave. Moments without an offset are local."""

    c3_id: int
    billing_id: str
    starts: dt.datetime
    ends: dt.datetime
    correlation_id: str = ""


@dataclass(frozen=True)
class Download:
    """The lines of a period as they lie in a file."""

    size: int
    lines: int
    correlation_id: str


class Tokens(Protocol):
    """Where a call has its token from."""

    def current(self) -> str:
        """Return a token that is good for now."""

    def renewed(self, refused: str) -> str:
        """Return another than the one that C3 refused."""


class _TokenRefused(Exception):
    """HTTP 401."""

    def __init__(self, said: str, correlation_id: str) -> None:
        super().__init__(said)
        self.said, self.correlation_id = said, correlation_id


class C3:
    """C3's API at one address. Every method raises C3Error. One that does not wait asks once and gives up soon, for
    whoever sits before a page."""

    def __init__(self, api_url: str, tokens: Tokens, *, waits: bool = True) -> None:
        self.api_url, self.tokens, self.waits = api_url, tokens, waits

    def periods(self) -> list[C3Period]:
        """Return the nine newest billing periods, newest first."""
        rows, correlation_id = self._list(PERIODS)
        return [_period(row, correlation_id) for row in rows]

    def customers(self) -> list[dict[str, Any]]:
        """Return the active customers, by C3's names of fields."""
        return [row for row in self._list(CUSTOMERS)[0] if isinstance(row, dict)]

    def customer_details(self) -> list[dict[str, Any]]:
        """Return what else C3 knows of them."""
        return [row for row in self._list(DETAILS)[0] if isinstance(row, dict)]

    def download(self, c3_id: int, file: BinaryIO, progress: Progress) -> Download:
        """Write the lines of a period to `file`, in the envelope as they came, and return how much it is.

        The file is written anew for each try. Whatever `progress` raises ends it.
        """
        give_up_at = time.monotonic() + LONGEST_DOWNLOAD
        return self._try(lambda token: self._download(c3_id, token, file, progress, give_up_at))

    def first_lines(self, c3_id: int, enough: int) -> list[str]:
        """Return the names of the first line's fields, [] when the period has none; reads no more than it needs."""
        glance = _Glance(enough)
        self._try(lambda token: self._glance(c3_id, token, glance))
        return glance.names

    def _list(self, path: str) -> tuple[list[Any], str]:
        return self._try(lambda token: self._short(path, token))

    def _try[T](self, send: Callable[[str], T]) -> T:
        try:
            return patiently(lambda: self._with_token(send)) if self.waits else self._with_token(send)
        except C3Error as error:
            _log(type(error).__name__, error.correlation_id)
            raise

    def _with_token[T](self, send: Callable[[str], T]) -> T:
        token = self.tokens.current()
        try:
            return send(token)
        except _TokenRefused:
            token = self.tokens.renewed(token)
        try:
            return send(token)
        except _TokenRefused as refused:
            raise C3SignInRefused(
                f"C3 does not take the token that Microsoft gave ({refused.said or 'HTTP 401'}). Check scope and "
                "resource in Settings → Invoices from C3, or ask C3 whether this app may use its API.",
                correlation_id=refused.correlation_id,
            ) from refused

    def _short(self, path: str, token: str) -> tuple[list[Any], str]:
        response = self._call("GET", path, token, BoundedAdapter(LARGEST_LIST), self._seconds(settings.C3_CALL_TIMEOUT))
        self._judge(response)
        rows, correlation_id = envelope.data_of(response.content, _kind(response))
        _log(path, correlation_id)
        return rows, correlation_id

    def _download(self, c3_id: int, token: str, file: BinaryIO, progress: Progress, give_up_at: float) -> Download:
        file.seek(0)
        file.truncate()
        sink = _Kept(file, progress)
        self._long(c3_id, token, sink, give_up_at - time.monotonic())
        sink.envelope.close()
        progress(sink.size, sink.envelope.lines)
        _log(f"{LINES}/{c3_id}", sink.envelope.correlation_id)
        return Download(sink.size, sink.envelope.lines, sink.envelope.correlation_id)

    def _glance(self, c3_id: int, token: str, glance: _Glance) -> None:
        try:
            self._long(c3_id, token, glance, LONGEST_DOWNLOAD)
        except _Seen:
            return
        glance.envelope.close()

    def _long(self, c3_id: int, token: str, sink: _Kept | _Glance, seconds: float) -> None:
        if seconds <= 0:
            raise C3Unavailable("C3 did not send the whole period in time. Nothing was imported from it.")
        adapter = LongAnswerAdapter(sink, largest=LARGEST_PERIOD, silence=self._seconds(settings.C3_SILENCE))
        self._judge(self._call("POST", f"{LINES}/{c3_id}", token, adapter, seconds))

    def _seconds(self, usual: float) -> float:
        return usual if self.waits else min(usual, SHORT)

    def _call(self, method: str, path: str, token: str, adapter: BoundedAdapter, seconds: float) -> requests.Response:
        url, began = f"{addresses.check(self.api_url)}{path}", time.monotonic()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": USER_AGENT}
        headers["Content-Type"] = "application/json"
        status: int | str = "no answer"
        try:
            with BoundedSession(adapter) as session:
                response = session.request(
                    method, url, headers=headers, timeout=(CONNECT_SECONDS, seconds), allow_redirects=False
                )
            status = response.status_code
            return response
        except requests.RequestException as error:
            raise C3Unavailable(_why(error)) from error
        finally:
            logger.info("C3 %s %s: %s, %.2f s", method, path, status, time.monotonic() - began)

    def _judge(self, response: requests.Response) -> None:
        """Raise for what no HTTP status of a success comes with; the Status is judged by whoever reads the content."""
        status = response.status_code
        if status == 200:
            return
        said, correlation_id = _said(response)
        logger.warning("C3 refused with HTTP %d, RequestCorrelationID %s", status, correlation_id or "none")
        if status == 401:
            raise _TokenRefused(said, correlation_id)
        if status == 429 or status >= 500:
            raise C3Unavailable(
                f"C3 asks to wait (HTTP {status})." if status == 429 else _problem(status, said),
                retry_after=asked_to_wait(response.headers.get("Retry-After", "")),
                correlation_id=correlation_id,
            )
        raise C3Refused(
            f"C3 refused (HTTP {status}): {said or 'it gave no reason. Check the API address.'}",
            correlation_id=correlation_id,
        )


def _log(what: str, correlation_id: str) -> None:
    # C3's own words may name a customer: they are for the page alone.
    logger.info("C3 answered, %s, RequestCorrelationID %s", what, correlation_id or "none")


def _problem(status: int, said: str) -> str:
    return f"C3 had a problem (HTTP {status}){f': {said}' if said else '.'}"


def _said(response: requests.Response) -> tuple[str, str]:
    """Return C3's words and its id of the call from a refusal, each "" without an envelope."""
    try:
        envelope.data_of(response.content)
    except C3Refused as refused:
        return str(refused), refused.correlation_id
    except C3Error as error:
        return "", error.correlation_id
    return "", ""


def _kind(response: requests.Response) -> str:
    return envelope.words(response.headers.get("Content-Type", "").partition(";")[0])[:50]


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "C3 could not be reached, or did not answer in time. Check the API address, or try again later."
    return "C3's answer broke off before it was complete. Nothing was imported from it."


def _period(row: Any, correlation_id: str) -> C3Period:
    if isinstance(row, dict):
        c3_id, billing_id = str(row.get("ID")), envelope.words(row.get("BillingId"))
        if c3_id.isascii() and c3_id.isdecimal() and len(c3_id) < 10 and billing_id:
            starts, ends = _moment(row.get("StartDate")), _moment(row.get("EndDate"))
            if starts and ends:
                return C3Period(int(c3_id), billing_id[:50], starts, ends, correlation_id)
    raise envelope.not_readable("a billing period has no ID, BillingId or dates", correlation_id)


def _moment(value: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None


class _Kept:
    """Keeps what comes in a file, and reads the envelope as it passes."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self.envelope, self.size = PassingEnvelope(), 0
        self._file, self._progress = file, progress

    def write(self, data: bytes) -> None:
        self.envelope.read(data)
        self._file.write(data)
        self.size += len(data)
        self._progress(self.size, self.envelope.lines)


class _Seen(Exception):
    """Enough was read."""


class _Glance:
    """Reads until the first line is there."""

    def __init__(self, enough: int) -> None:
        self.envelope, self.names = PassingEnvelope(), list[str]()
        self._enough, self._content = enough, bytearray()

    def write(self, data: bytes) -> None:
        self.envelope.read(data)
        self._content += data
        self.names = envelope.first_names(bytes(self._content))
        if self.names or len(self._content) > self._enough:
            raise _Seen
