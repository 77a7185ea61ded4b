"""When the certificate that browsers are shown ends."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings

PATIENCE_SECONDS = 10


def is_shown() -> bool:
    """Whether people reach the portal by HTTPS."""
    url: str = settings.PORTAL_URL
    return url.startswith("https://")


def end() -> dt.datetime:
    """Return its end, aware, in UTC, whoever signed it. Raises OSError without an answer."""
    address = urlsplit(settings.PORTAL_URL)
    host = address.hostname or ""
    context = ssl.create_default_context()
    # It is read and nothing is sent: whether a browser would believe it is not asked here.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, address.port or 443), timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        shown = encrypted.getpeercert(binary_form=True)
    if not shown:
        raise OSError(f"{host} showed no certificate.")
    return x509.load_der_x509_certificate(shown).not_valid_after_utc
