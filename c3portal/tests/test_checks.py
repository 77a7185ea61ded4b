"""Mistakes in the settings are told at start, with what to do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks

from c3portal import checks
from c3portal.settings import mailer


def ids(found: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in found]


def test_it_has_nothing_to_say_about_the_defaults(db: None) -> None:
    assert [message for message in run_checks() if (message.id or "").startswith("c3portal")] == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8000", []),
        ("https://portal.example.com", []),
        ("http://127.0.0.1:8000", ["c3portal.E001"]),
        ("http://[::1]:8000", ["c3portal.E001"]),
        ("http://portal.example.com", ["c3portal.E002"]),
        ("portal.example.com", ["c3portal.E002", "c3portal.E003"]),
        ("", ["c3portal.E002"]),
        ("https://example.com/portal", ["c3portal.E003"]),
        ("https://xero.contoso.example", ["c3portal.W001"]),
    ],
)
def test_it_wants_an_address_that_xero_takes(settings: Any, url: str, expected: list[str]) -> None:
    settings.PORTAL_URL = url
    assert ids(checks.portal_url()) == expected


def test_it_says_which_address_to_use_instead_of_127_0_0_1(settings: Any) -> None:
    settings.PORTAL_URL = "http://127.0.0.1:8123"
    (error,) = checks.portal_url()
    assert "PORTAL_URL=http://localhost:8123" in str(error.hint)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (["portal.example.com"], []),
        ([".example.com"], []),
        (["*"], []),
        (["localhost"], ["c3portal.E004"]),
        ([".other.example"], ["c3portal.E004"]),
    ],
)
def test_it_wants_the_portals_own_host_allowed(settings: Any, allowed: list[str], expected: list[str]) -> None:
    settings.PORTAL_URL = "https://portal.example.com"
    settings.ALLOWED_HOSTS = allowed
    assert ids(checks.hosts()) == expected


def point(settings: Any, login: str, identity: str, api: str) -> None:
    settings.XERO_LOGIN_URL, settings.XERO_IDENTITY_URL, settings.XERO_API_URL = login, identity, api


def test_it_refuses_a_mixture_of_xero_and_its_stand_in(settings: Any) -> None:
    point(settings, "http://localhost:8100", "https://identity.xero.com", "http://localhost:8100")
    (error,) = checks.xero_origins()
    assert error.id == "c3portal.E005"
    assert "XERO_LOGIN_URL and XERO_API_URL point at a stand-in, XERO_IDENTITY_URL at the real Xero" in error.msg


def test_it_takes_all_of_xero_or_all_of_a_stand_in(settings: Any) -> None:
    point(settings, "https://login.xero.com", "https://identity.xero.com", "https://api.xero.com")
    assert checks.xero_origins() == []
    point(settings, *["http://localhost:8100"] * 3)
    assert checks.xero_origins() == []


def test_it_wants_origins_without_a_path(settings: Any) -> None:
    point(settings, "http://localhost:8100", "http://localhost:8100/identity", "localhost:8100")
    assert ids(checks.xero_origins()) == ["c3portal.E006", "c3portal.E006"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["", " "], ["c3portal.E007"]),
        (["the-key-that-signs-the-cookies"], ["c3portal.E008"]),
        (["a-fresh-encryption-key", "short"], ["c3portal.E009"]),
        (["a-fresh-encryption-key", "an-older-encryption-key"], []),
    ],
)
def test_it_wants_usable_encryption_keys(settings: Any, keys: list[str], expected: list[str]) -> None:
    settings.SECRET_KEY = "the-key-that-signs-the-cookies"
    settings.ENCRYPTION_KEYS = keys
    assert ids(checks.encryption_keys()) == expected


def test_it_never_shows_a_key(settings: Any) -> None:
    settings.SECRET_KEY = "the-key-that-signs-the-cookies"
    settings.ENCRYPTION_KEYS = ["the-key-that-signs-the-cookies", "short"]
    text = " ".join(f"{message.msg} {message.hint}" for message in checks.encryption_keys())
    assert "the-key" not in text
    assert "'short'" not in text


@pytest.mark.parametrize("url", ["filesystem://", "sqla+sqlite:///broker.db", "memory://", "amqp://localhost"])
def test_it_refuses_brokers_that_lose_what_a_dead_worker_held(settings: Any, url: str) -> None:
    settings.CELERY_BROKER_URL = url
    (error,) = checks.broker()
    assert "redis://host:6379/0" in str(error.hint)


@pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://cache", "redis+socket:///var/broker.sock"])
def test_it_takes_redis(settings: Any, url: str) -> None:
    settings.CELERY_BROKER_URL = url
    assert checks.broker() == []


def test_a_refused_brokers_password_is_not_shown(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "amqp://user:hunter2@host"
    assert "hunter2" not in checks.broker()[0].msg


Check = Callable[..., list[CheckMessage]]


@pytest.mark.parametrize(("deploy", "expected"), [(False, 0), (True, 1)])
def test_sqlite_is_remarked_upon_only_when_asked_about_deployment(db: None, deploy: bool, expected: int) -> None:
    found = run_checks(include_deployment_checks=deploy, databases=["default"])
    assert ids(found).count("c3portal.W002") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.xero.com", 0),
        ("http://localhost:8100", 0),
        ("http://127.0.0.1:8100", 0),
        ("http://api.xero.com", 1),
        ("HTTP://10.0.0.5", 1),
    ],
)
def test_nothing_secret_leaves_the_machine_in_clear(settings: Any, url: str, expected: int) -> None:
    for name in ("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL", "C3_LOGIN_URL", "SENTRY_DSN"):
        settings.SENTRY_DSN = ""
        settings.C3_LOGIN_URL = "https://login.microsoftonline.com"
        for each in checks.XERO_ORIGINS:
            setattr(settings, each, "https://api.xero.com")
        setattr(settings, name, url)
        found = checks.outgoing()
        assert ids(found) == ["c3portal.E013"] * expected
        assert all(str(each.msg).startswith(name) for each in found)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp+tls://u:p@mail.example.com:587", []),
        ("smtp+ssl://u:p@mail.example.com:465", []),
        ("smtp://localhost:25", []),
        ("", []),
        ("smtp://u:p@mail.example.com:25", ["c3portal.W003"]),
    ],
)
def test_mail_is_handed_over_encrypted(settings: Any, url: str, expected: list[str]) -> None:
    settings.MAILERS = {"default": mailer(url)}
    assert ids(checks.mail_server()) == expected
