"""Which address of C3's API is called."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from django.conf import settings

from c3_integration.client.errors import C3NotSetUp, C3Unavailable
from c3portal.outgoing.addresses import is_public

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def has_stand_in() -> bool:
    """Whether whoever runs the portal has it sign in at this machine: then C3 may be here too."""
    return urlsplit(settings.C3_LOGIN_URL).hostname in THIS_MACHINE


def checked_form(url: str) -> str:
    """Return the address without a slash at its end. Raises C3NotSetUp for one that is not called."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise C3NotSetUp("That is not an address.") from error
    if not host or parts.scheme not in ("http", "https"):
        raise C3NotSetUp("The address must begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise C3NotSetUp("The address may hold a host, a port and a path, and nothing else.")
    is_stand_in = host in THIS_MACHINE and has_stand_in()
    if parts.scheme != "https" and not is_stand_in:
        raise C3NotSetUp("The address must begin with https://.")
    return parts._replace(path=parts.path.rstrip("/")).geturl()


def check(url: str) -> str:
    """Return the address to call. Raises C3NotSetUp for one in a private network, C3Unavailable for an unknown name."""
    address = checked_form(url)
    parts = urlsplit(address)
    if parts.hostname in THIS_MACHINE and has_stand_in():
        return address
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise C3Unavailable(f"The name {parts.hostname} of C3's API is not known. Check the API address.") from error
    # Another answer to the same question would have to show the name's own certificate.
    if not all(is_public(str(each[4][0])) for each in found):
        raise C3NotSetUp(f"The portal does not call {parts.hostname}: it is no address of the internet.")
    return address
