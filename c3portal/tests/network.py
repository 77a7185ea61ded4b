"""Keeps the tests on this machine: whatever a test's process looks up or connects to elsewhere is stopped and told.

It hangs at Python's own audit events, so that no test and no library gets around it by another name of `socket`; a
process that a test starts has it by the tests' settings.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What was tried, in this process and by all its threads.
tried: list[str] = []
_CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKING_UP = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class LeftTheMachine(OSError):
    """A test asked for something outside this machine, which did not happen."""


def stay_here() -> None:
    """Stop whatever leaves the machine, from now to the end of the process. Once is enough."""
    if not hasattr(sys, "_tests_stay_here"):
        sys._tests_stay_here = True  # type: ignore[attr-defined]
        sys.addaudithook(_judge)


@contextmanager
def watched() -> Iterator[None]:
    """Raise AssertionError at the end when something was tried meanwhile: code that catches all hides the error."""
    before = len(tried)
    yield
    assert tried[before:] == [], "This was about to leave the machine."


def _judge(event: str, details: tuple[Any, ...]) -> None:
    if event in _LOOKING_UP:
        _judge_name(details[0])
    elif event in _CONNECTING and details[0].family in (socket.AF_INET, socket.AF_INET6) and details[1]:
        host = details[1][0]
        if not (_is_local_name(host) or _is_here(host)):
            _stop(f"{event} to {host}")


def _judge_name(given: Any) -> None:
    """Let through what needs no question to anyone: this machine's names, and addresses in figures."""
    name = given.decode("ascii", "replace") if isinstance(given, bytes | bytearray) else given
    if _is_local_name(name) or _address(name) is not None:
        return
    if name.rstrip(".").endswith(".invalid"):
        # Reserved to lead nowhere (RFC 6761), so it is answered here.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    _stop(f"look-up of {name}")


def _is_local_name(name: Any) -> bool:
    return name in (None, "", "localhost", socket.gethostname()) or str(name).endswith(".localhost")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None


def _is_here(name: str) -> bool:
    address = _address(name)
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified


def _stop(what: str) -> None:
    tried.append(what)
    raise LeftTheMachine(f"The tests stay on this machine: {what} was stopped.")
