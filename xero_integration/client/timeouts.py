"""How long everything that has to do with Xero waits: the settings XERO_*, as the code needs them.

They are settings, not constants, so that trials against a sandbox pass in seconds what takes minutes in production.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings

LONGEST_CONNECT = 5.0
LONGEST_READ = 60.0
LONGEST_SIGN_IN = 30.0


def write_timeouts() -> tuple[float, float]:
    """Return the connect and read time-outs, in seconds, of a call that writes."""
    return min(LONGEST_CONNECT, settings.XERO_CALL_TIMEOUT), settings.XERO_CALL_TIMEOUT


def read_timeouts() -> tuple[float, float]:
    """Return the time-outs of a call that reads."""
    connect, read = write_timeouts()
    return connect, min(LONGEST_READ, read)


def sign_in_timeouts() -> tuple[float, float]:
    """Return the time-outs of a call to the sign-in service."""
    connect, read = write_timeouts()
    return connect, min(LONGEST_SIGN_IN, read)


def call_lease() -> dt.timedelta:
    """How long a permit is held for a process that died in its call: as long as the call can have taken."""
    return dt.timedelta(seconds=sum(write_timeouts()) + 1)


def refresh_lease() -> dt.timedelta:
    """How long a refresh of tokens is left to the one process that began it: as long as it can take."""
    return dt.timedelta(seconds=sum(sign_in_timeouts()) + 5)


def row_lease() -> dt.timedelta:
    """How long a worker that holds rows may say nothing: longer than a task may run: only the dead lose them."""
    return dt.timedelta(seconds=settings.XERO_LEASE)


def retry_pause() -> dt.timedelta:
    """How long the connection pauses after Xero could not be reached or read."""
    return dt.timedelta(seconds=settings.XERO_RETRY_AFTER)


def lookup_delay() -> dt.timedelta:
    """How long after a lost answer Xero is looked at, and again while it is too early to say that a document is not
    there."""
    return dt.timedelta(seconds=settings.XERO_LOOK_AFTER)


def departs_within() -> dt.timedelta:
    """How long after its bytes were stored a call may still leave, and its bytes be on their way."""
    return dt.timedelta(seconds=settings.XERO_DEPARTS_WITHIN)


def settles_after() -> dt.timedelta:
    """How long after its bytes were stored a call has certainly left or never will, and Xero finished with it."""
    return dt.timedelta(seconds=settings.XERO_SETTLES_AFTER)
