"""The one place that classifies how a call to Xero ended.

Four errors decide what happens to an invoice; anything that is none of them propagates, so that an unforeseen case
stops where it can be seen instead of being taken for a success or a failure. `str(error)` is fit for a page and says
what to do next; the technical cause travels in the exception's chain.
"""

from __future__ import annotations

import datetime as dt
import enum


class Problem(enum.StrEnum):
    """What keeps a call from being made, or from being of use, just now."""

    # The values of the header X-Rate-Limit-Problem.
    # https://developer.xero.com/documentation/guides/oauth2/limits/
    MINUTE = "minute"
    DAY = "day"
    CONCURRENT = "concurrent"
    APP_MINUTE = "appminute"

    UNREACHABLE = "unreachable"
    # The answer left out a part of what was asked for.
    INCOMPLETE = "incomplete"
    # What became of new contacts is to be looked up.
    CONTACTS = "contacts"
    # Xero's sign-in service asks to wait.
    IDENTITY = "identity"
    # The sign-in is being renewed, or could not be.
    REFRESH = "refresh"
    # A pause is in force already.
    PAUSED = "paused"
    # Others hold all permits, and go on with the work.
    ALL_TAKEN = "taken"
    # This process stood still; others go on with the work.
    STOOD_STILL = "stood still"
    # This machine's clock is too far off to claim anything.
    CLOCK = "clock"


class XeroError(Exception):
    """Any call to Xero that did not end in a readable success."""

    def __init__(self, message: str, *, correlation_id: str = "", status_code: int | None = None) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id
        self.status_code = status_code


class XeroRejected(XeroError):
    """Xero read the request and refused it as a whole: the same data would be refused again. Nothing was recorded
    unless `elements` is there, in which case each element says for itself.

    `is_number_taken` tells that Xero refused it for a number that another document has.
    """

    def __init__(
        self,
        message: str,
        *,
        elements: list[dict[str, object]] | None = None,
        is_number_taken: bool = False,
        **context: object,
    ) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.elements = elements or []
        self.is_number_taken = is_number_taken


class XeroAuthError(XeroError):
    """Xero no longer accepts the connection: a person must connect again. Nothing was recorded, rows wait.

    `token_expired` is True when one refresh of the access token may still help (HTTP 401).
    """

    def __init__(self, message: str, *, token_expired: bool = False, **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.token_expired = token_expired


class XeroUnavailable(XeroError):
    """Nothing was recorded, and the connection pauses for `retry_after`; `problem` says what stands in the way."""

    def __init__(self, message: str, *, retry_after: dt.timedelta, problem: Problem, **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.retry_after = retry_after
        self.problem = problem


class XeroOutcomeUnknown(XeroError):
    """The call left and its answer was lost, unreadable or a server error: it may or may not be recorded, and only a
    look in Xero can tell."""
