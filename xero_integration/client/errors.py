"""The four errors that a call to Xero ends in; `str(error)` is fit for a page."""

from __future__ import annotations

import datetime as dt
import enum


class Problem(enum.StrEnum):
    """Why no call can be made, or is of use, now."""

    # The values of the header X-Rate-Limit-Problem.
    # https://developer.xero.com/documentation/guides/oauth2/limits/
    MINUTE = "minute"
    DAY = "day"
    CONCURRENT = "concurrent"
    APP_MINUTE = "appminute"

    UNREACHABLE = "unreachable"
    # The answer came, and is too large or no answer of Xero's.
    UNREADABLE = "unreadable"
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
    # This process stalled; others go on with the work.
    STALLED = "stalled"
    # This machine's clock is too far off to claim anything.
    CLOCK = "clock"


# Whatever is none of these propagates: an unforeseen case stops where it can be seen, and is taken neither for a
# success nor for a failure.
class XeroError(Exception):
    """Any end of a call but a readable success."""

    def __init__(self, message: str, *, correlation_id: str = "", status_code: int | None = None) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id
        self.status_code = status_code


class XeroRejected(XeroError):
    """Xero refused the whole request, and would again. Nothing was recorded, unless `elements` tell otherwise.
    `is_number_taken`: another document has the number."""

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
    """A person must connect again. Nothing was recorded. `token_expired`: one refresh may still help (HTTP 401)."""

    def __init__(self, message: str, *, token_expired: bool = False, **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.token_expired = token_expired


class XeroUnavailable(XeroError):
    """Nothing was recorded, and the connection pauses for `retry_after`."""

    def __init__(self, message: str, *, retry_after: dt.timedelta, problem: Problem, **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]
        self.retry_after = retry_after
        self.problem = problem


class XeroOutcomeUnknown(XeroError):
    """The call left and no readable answer came: only a lookup in Xero tells whether it was recorded."""
