"""System checks of the settings; each says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection

from c3portal.context_processors import REAL_XERO
from c3portal.encryption import key_rotation
from c3portal.encryption.cipher import KeyMissing, cipher

XERO_ORIGINS = ("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL")
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
SHORTEST_ENCRYPTION_KEY = 16
SAFE_BROKERS = ("redis", "rediss", "redis+socket", "sentinel")


@register(Tags.urls)
def portal_url(**kwargs: Any) -> list[CheckMessage]:
    """PORTAL_URL is an origin that Xero takes as a redirect URI.

    Source: https://developer.xero.com/documentation/guides/oauth2/auth-flow/.
    """
    url = settings.PORTAL_URL
    parts = urlsplit(url)
    found: list[CheckMessage] = []
    if parts.hostname in ("127.0.0.1", "::1"):
        found.append(
            Error(
                f"PORTAL_URL is {url}, which Xero refuses as a redirect URI.",
                hint=f"Set PORTAL_URL=http://localhost:{parts.port or 8000} and open the portal at that address.",
                id="c3portal.E001",
            )
        )
    elif not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_localhost(url))):
        found.append(
            Error(
                f"PORTAL_URL is {url!r}; Xero sends people back to https:// addresses, or to http://localhost.",
                hint="Set PORTAL_URL to the address people open, such as https://portal.example.com.",
                id="c3portal.E002",
            )
        )
    if parts.path or parts.query or parts.fragment:
        found.append(
            Error(
                f"PORTAL_URL is {url}: it must be an origin, with nothing after the host and port.",
                hint=f"Set PORTAL_URL={parts.scheme}://{parts.netloc}; the portal answers at its root.",
                id="c3portal.E003",
            )
        )
    if "xero" in url.lower():
        found.append(
            Warning(
                f"PORTAL_URL is {url}: Xero refuses links on invoices whose address contains “xero”.",
                hint="Choose a host name without that word, or invoices go to Xero without a link to the portal.",
                id="c3portal.W001",
            )
        )
    return found


def _is_localhost(url: str) -> bool:
    return urlsplit(url).hostname == "localhost"


@register(Tags.urls)
def hosts(**kwargs: Any) -> list[CheckMessage]:
    """The portal accepts its own host: it would answer every page with 400."""
    host = urlsplit(settings.PORTAL_URL).hostname or ""
    allowed = settings.ALLOWED_HOSTS
    matches = "*" in allowed or host in allowed or any(a.startswith(".") and f".{host}".endswith(a) for a in allowed)
    if matches or not host:
        return []
    return [
        Error(
            f"ALLOWED_HOSTS ({', '.join(allowed)}) does not have {host}, the host of PORTAL_URL.",
            hint=f"Set ALLOWED_HOSTS={','.join([host, *allowed])}.",
            id="c3portal.E004",
        )
    ]


@register(Tags.urls)
def xero_origins(**kwargs: Any) -> list[CheckMessage]:
    """The three origins are all Xero's or all a stand-in's: no token of one is ever sent to the other."""
    urls = [getattr(settings, name) for name in XERO_ORIGINS]
    stand_ins = [name for name, url, real in zip(XERO_ORIGINS, urls, REAL_XERO, strict=True) if url != real]
    real = [name for name in XERO_ORIGINS if name not in stand_ins]
    if stand_ins and real:
        return [
            Error(
                f"{' and '.join(stand_ins)} point at a stand-in, {' and '.join(real)} at the real Xero.",
                hint=f"Set all three of {', '.join(XERO_ORIGINS)} for a stand-in, or none of them for Xero.",
                id="c3portal.E005",
            )
        ]
    return [
        Error(
            f"{name} is {url!r}, which is not an origin.",
            hint=f"Set {name} to scheme, host and port alone, such as http://localhost:8100.",
            id="c3portal.E006",
        )
        for name, url in zip(XERO_ORIGINS, urls, strict=True)
        if not _is_origin(url)
    ]


@register(Tags.security)
def outgoing(**kwargs: Any) -> list[CheckMessage]:
    """What is sent to Xero, to C3's sign-in or to monitoring is encrypted, unless it stays on this machine."""
    names = (*XERO_ORIGINS, "C3_LOGIN_URL", "SENTRY_DSN")
    return [
        Error(
            f"{name} begins with http://, by which everybody on the way reads what is sent there.",
            hint=f"Set {name} to an https:// address; http:// is for what runs on this machine (localhost).",
            id="c3portal.E013",
        )
        for name in names
        if not _stays_secret(getattr(settings, name, ""))
    ]


@register(Tags.security, deploy=True)
def mail_server(**kwargs: Any) -> list[CheckMessage]:
    """Mail, which holds links to new passwords, is handed over encrypted."""
    options = settings.MAILERS["default"].get("OPTIONS", {})
    host = options.get("host")
    if not host or host in THIS_MACHINE or options["use_tls"] or options["use_ssl"]:
        return []
    return [
        Warning(
            f"EMAIL_URL hands mail to {host} without encryption: links to new passwords can be read on the way.",
            hint="Set EMAIL_URL=smtp+tls://user:password@host:587, or smtp+ssl://user:password@host:465.",
            id="c3portal.W003",
        )
    ]


def _stays_secret(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "http" or parts.hostname in THIS_MACHINE


def _is_origin(url: str) -> bool:
    parts = urlsplit(url)
    rest = parts.path or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest


@register(Tags.security)
def encryption_keys(**kwargs: Any) -> list[CheckMessage]:
    """The encryption keys are there, hard to guess, and not the key that signs cookies."""
    keys = [key.strip() for key in settings.ENCRYPTION_KEYS if key.strip()]
    advice = (
        "Put a fresh one in front (`make secrets` prints one) and keep the old ones behind it, separated by commas."
    )
    try:
        cipher()
    except KeyMissing as error:
        return [Error(str(error), hint=advice, id="c3portal.E007")]
    found: list[CheckMessage] = []
    if settings.SECRET_KEY in keys:
        found.append(Error("ENCRYPTION_KEYS contains SECRET_KEY.", hint=advice, id="c3portal.E008"))
    if any(len(key) < SHORTEST_ENCRYPTION_KEY for key in keys):
        found.append(
            Error(
                f"A key in ENCRYPTION_KEYS is shorter than {SHORTEST_ENCRYPTION_KEY} characters.",
                hint=advice,
                id="c3portal.E009",
            )
        )
    return found


@register()
def broker(**kwargs: Any) -> list[CheckMessage]:
    """The broker gives a dead worker's message to another worker (measured; docs/dependencies.md)."""
    scheme = settings.CELERY_BROKER_URL.partition("://")[0]
    if scheme in SAFE_BROKERS:
        return []
    return [
        Error(
            f"CELERY_BROKER_URL begins with {scheme}://, which is not a broker the portal can rely on: "
            "brokers on files or SQL lose for good what a worker held when it died, and memory:// reaches no worker.",
            hint="Set CELERY_BROKER_URL=redis://host:6379/0, or leave it out for the embedded broker.",
            id="c3portal.E010",
        )
    ]


@register(Tags.database)
def stored_secrets(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Every stored secret can be read: a lost key is reported at start, not by the first call that needs it."""
    try:
        found = key_rotation.tally() if databases else []
    except DatabaseError:
        return []
    lost = [f"{each.unreadable} of {each.place}" for each in found if each.unreadable]
    if not lost:
        return []
    return [
        Error(
            f"Stored secrets cannot be read with the ENCRYPTION_KEYS in force: {', '.join(lost)}.",
            hint="Find the key that wrote them and put the key behind the others. "
            "docs/operations/keys.md says what to do when it is lost for good.",
            id="c3portal.E011",
        )
    ]


@register(Tags.database, deploy=True)
def database(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """SQLite serves one machine; more than one needs PostgreSQL."""
    if settings.DEBUG or connection.vendor != "sqlite":
        return []
    return [
        Warning(
            "The database is SQLite, which serves web and worker on one machine only.",
            hint="Set DATABASE_URL=postgres://user:password@host/name to run on several, or to have online backups.",
            id="c3portal.W002",
        )
    ]
