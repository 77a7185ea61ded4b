"""How a call to C3 can fail; `str(error)` is fit for a page."""

from __future__ import annotations

import datetime as dt
import enum


class Problem(enum.StrEnum):
    """Fix before posting, for whoever must decide what to do next."""

    SETTINGS = "settings"
    SIGN_IN = "sign_in"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    # What C3 sent cannot be used.
    DATA = "data"
    # The process that fetched stopped.
    STOPPED = "stopped"
    # The portal's own disk, database or program.
    PORTAL = "portal"


class C3Error(Exception):
    """Any end of a call but a readable success; a call changes nothing in C3."""

    problem = Problem.REFUSED

    def __init__(self, message: str, *, correlation_id: str = "") -> None:
        super().__init__(message)
        self.correlation_id = correlation_id


class C3NotSetUp(C3Error):
    """The settings lack something, or hold an address that the portal does not call."""

    problem = Problem.SETTINGS


class C3SignInRefused(C3Error):
    """Microsoft gave no token, or C3 does not take the one that it gave."""

    problem = Problem.SIGN_IN


class C3Refused(C3Error):
    """C3 answered that it will not do this, in its own words, and would answer so again."""


class C3Unavailable(C3Error):
    """C3 could not be reached or read now. `retry_after`: how long it asks to wait, None when it does not say."""

    problem = Problem.UNAVAILABLE

    def __init__(self, message: str, *, retry_after: dt.timedelta | None = None, correlation_id: str = "") -> None:
        super().__init__(message, correlation_id=correlation_id)
        self.retry_after = retry_after
