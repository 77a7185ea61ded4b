"""Posting to other people's addresses: signed by https://www.standardwebhooks.com, never into a private network."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import certifi
import requests
from django.conf import settings
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from c3portal.models.notices import SECRET_PREFIX
from c3portal.outgoing.addresses import is_public
from c3portal.outgoing.http_client import BoundedHTTPConnection, BoundedHTTPSConnection

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
USER_AGENT = f"C3-portal-webhooks/{settings.PORTAL_VERSION}"
NOT_POSTED_TO = "The portal does not post to {host}: its name is not known, or it is no address of the internet."
NOT_REACHED = "No connection could be made, or its certificate could not be verified. The portal's log says why."


class WebhookFailed(Exception):
    """The message was not received, now; `str(error)` is fit for a page."""


class WebhookRefused(WebhookFailed):
    """The portal does not post to this address."""


@dataclass(frozen=True)
class Target:
    """A URL in its parts; `path` includes the query, percent-encoded."""

    is_https: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def signed(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the Standard Webhooks headers for `body`; `at` is in epoch seconds."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def check(url: str) -> None:
    """Raise WebhookRefused for an address that is not posted to, WebhookFailed for an unknown name."""
    _addresses(_target(url))


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post `body` (JSON), follow no redirect, return the status. Raises WebhookRefused and WebhookFailed."""
    target = _target(url)
    give_up_at = time.monotonic() + TIMEOUT_SECONDS
    failure = WebhookFailed(NOT_REACHED)
    # The name is looked up once and only checked addresses are connected to: a second, different answer leads nowhere.
    for address in _addresses(target):
        left = give_up_at - time.monotonic()
        if left <= 0:
            break
        try:
            connection = _connect(target, address, left)
        except WebhookFailed as error:
            failure = error
            continue
        return _answer(connection, target, body, headers, give_up_at - time.monotonic())
    raise failure


def _target(url: str) -> Target:
    try:
        parts = urlsplit(url)
        host = _spelled_out((parts.hostname or "").rstrip(".").encode("idna").decode())
        port = parts.port
    except ValueError as error:
        raise WebhookRefused("That is not an address.") from error
    if not host:
        raise WebhookRefused("The address has no host.")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("The address holds a user name or password; the signature takes their place.")
    is_https = parts.scheme == "https"
    if not is_https and not (parts.scheme == "http" and host == "localhost" and settings.WEBHOOK_ALLOW_PRIVATE):
        raise WebhookRefused("The address must begin with https://.")
    return Target(is_https, host, port or (443 if is_https else 80), _path(parts))


def _spelled_out(host: str) -> str:
    """Return an old spelling of an IPv4 address, such as 127.1, in four parts; a name as it is."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return host


def _path(parts: SplitResult) -> str:
    path = requests.utils.requote_uri(parts.path or "/")
    return f"{path}?{requests.utils.requote_uri(parts.query)}" if parts.query else path


def _addresses(target: Target) -> list[str]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise WebhookFailed(NOT_POSTED_TO.format(host=target.host)) from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(is_public(address) for address in addresses):
        logger.warning("A webhook's name %s stands for an address that is not posted to.", target.host)
        raise WebhookRefused(NOT_POSTED_TO.format(host=target.host))
    return addresses


def _connect(target: Target, address: str, timeout: float) -> HTTPConnection:
    # To the checked address, with the certificate held against the name, and past any proxy.
    connection = (
        BoundedHTTPSConnection(
            address, target.port, timeout=timeout, server_hostname=target.host, ssl_context=_trust(target)
        )
        if target.is_https
        else BoundedHTTPConnection(address, target.port, timeout=timeout)
    )
    try:
        connection.connect()
    except (HTTPError, OSError) as error:
        connection.close()
        # In the log alone: the page would tell which of a network's ports are open.
        logger.warning("A webhook could not be posted to %s: %s", target.host, _why_not(error, target))
        raise WebhookFailed(NOT_REACHED) from error
    return connection


def _why_not(error: Exception, target: Target) -> str:
    if isinstance(error, ssl.SSLError):
        return f"The certificate of {target.host} could not be verified."
    # urllib3 counts a refused connection among its time-outs.
    if isinstance(error, TimeoutError | ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return "It did not answer in time."
    return "It could not be reached."


def _trust(target: Target) -> ssl.SSLContext:
    # The authorities that calls to Xero trust: those of requests, or of REQUESTS_CA_BUNDLE.
    with requests.Session() as session:
        verify = session.merge_environment_settings(f"https://{target.host}", {}, None, None, None)["verify"]
    return ssl.create_default_context(cafile=verify if isinstance(verify, str) else certifi.where())


def _answer(connection: HTTPConnection, target: Target, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
    sent = {
        "Host": target.authority,
        "User-Agent": USER_AGENT,
        "Content-Type": "application/json",
        "Connection": "close",
        **headers,
    }
    with _cut_off_after(connection, seconds) as cut_off:
        try:
            # Nothing of the answer but its status is read.
            connection.request("POST", target.path, body=body, headers=sent, preload_content=False)
            return connection.getresponse().status
        except (HTTPError, http.client.HTTPException, OSError) as error:
            late = cut_off.is_set() or isinstance(error, TimeoutError)
            words = "It did not answer in time." if late else "The connection broke before its answer came."
            raise WebhookFailed(words) from error


@contextmanager
def _cut_off_after(connection: HTTPConnection, seconds: float) -> Iterator[threading.Event]:
    """Close the connection after `seconds` in all; the event tells that it was closed so."""
    is_over = threading.Event()

    def cut_off() -> None:
        is_over.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    # A socket's own time-out begins anew with every byte that drips in.
    timer = threading.Timer(max(seconds, 0.01), cut_off)
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        connection.close()
