"""How long to wait for Xero, by the settings."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

# Settings, not constants, so that trials against a sandbox pass in seconds what takes minutes in production.
LONGEST_CONNECT = 5.0
LONGEST_READ = 60.0
LONGEST_SIGN_IN = 30.0


def write_timeouts() -> tuple[float, float]:
    """Return connect and read time-out, in seconds."""
    return min(LONGEST_CONNECT, settings.XERO_CALL_TIMEOUT), settings.XERO_CALL_TIMEOUT


def read_timeouts() -> tuple[float, float]:
    """Return connect and read time-out."""
    connect, read = write_timeouts()
    return connect, min(LONGEST_READ, read)


def sign_in_timeouts() -> tuple[float, float]:
    """Return connect and read time-out."""
    connect, read = write_timeouts()
    return connect, min(LONGEST_SIGN_IN, read)


def call_lease() -> dt.timedelta:
    """A dead process's permit: as long as its call can have taken."""
    return dt.timedelta(seconds=sum(write_timeouts()) + 1)


def refresh_lease() -> dt.timedelta:
    """A refresh of tokens: as long as it can take."""
    return dt.timedelta(seconds=sum(sign_in_timeouts()) + 5)


def row_lease() -> dt.timedelta:
    """A silent worker's rows: longer than any task, so that only dead workers lose them."""
    return dt.timedelta(seconds=settings.XERO_LEASE)


def retry_pause() -> dt.timedelta:
    """How long to pause after Xero could not be reached or read."""
    return dt.timedelta(seconds=settings.XERO_RETRY_AFTER)


def lookup_delay() -> dt.timedelta:
    """How long after a lost answer to look in Xero, and to look again."""
    return dt.timedelta(seconds=settings.XERO_LOOK_AFTER)


def departs_within() -> dt.timedelta:
    """How long after its bytes were stored a call may still leave, and they may travel."""
    return dt.timedelta(seconds=settings.XERO_DEPARTS_WITHIN)


def settles_after() -> dt.timedelta:
    """How long after its bytes were stored a call has left or never will, and Xero finished with it."""
    return dt.timedelta(seconds=settings.XERO_SETTLES_AFTER)
