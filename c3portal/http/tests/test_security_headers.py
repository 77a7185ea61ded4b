"""What browsers are told not to do, on every page and with every status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client

from c3portal.models import User
from c3portal.testing import BASE_DIR
from c3portal.tests.addresses import every_address, paths

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]
INLINE = ("'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:")


@pytest.fixture(autouse=True)
def static_files(settings: Any) -> None:
    """Have the assets served as they lie in the source."""
    settings.WHITENOISE_USE_FINDERS = True


def policy_of(answer: HttpResponseBase) -> dict[str, list[str]]:
    directives = (part.split() for part in answer.headers["Content-Security-Policy"].split("; "))
    return {name: sources for name, *sources in directives}


def is_guarded(answer: HttpResponseBase) -> None:
    """Assert all that must stand on any answer."""
    policy = policy_of(answer)
    assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert not [source for sources in policy.values() for source in sources if source in INLINE]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


@pytest.mark.parametrize("name", [address.name for address in every_address()])
def test_every_page_is_guarded_for_whoever_opens_it(name: str, client_for: ClientFor, system_admin: User) -> None:
    path = paths(kind="lines")[name]
    for client in (Client(), client_for(system_admin)):
        client.raise_request_exception = False
        for method in (client.get, client.post):
            is_guarded(method(path))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing/here", 404),
        ("/static/portal.css", 200),
        ("/static/nothing.css", 404),
        ("/health/live", 200),
        ("/invoices/upload/", 405),
        ("/settings/general/", 403),
        ("/accounts/login/?next=//evil.example/", 302),
        ("/analyze/business/invoices/?state=unheard-of", 400),
    ],
)
def test_every_status_is_guarded(path: str, status: int, client_for: ClientFor, system_reader: User) -> None:
    reader = client_for(system_reader)
    answer = reader.get(path)
    if path == "/invoices/upload/":
        assert answer.headers["Allow"] == "POST"
    assert answer.status_code == status
    is_guarded(answer)


def test_a_host_that_is_not_ours_is_refused_and_named_nowhere() -> None:
    answer = Client().get("/accounts/login/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert b"evil.example" not in answer.content
    is_guarded(answer)


def test_a_broken_page_is_guarded_too(client_for: ClientFor, system_reader: User) -> None:
    client = client_for(system_reader)
    client.raise_request_exception = False
    with mock.patch("invoices.views.listing.Selection.from_query", autospec=True, side_effect=RuntimeError):
        answer = client.get("/analyze/business/invoices/")
    assert answer.status_code == 500
    is_guarded(answer)


def test_a_form_without_its_token_is_refused_and_guarded(system_reader: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(system_reader)
    answer = client.post("/accounts/logout/")
    assert answer.status_code == 403
    assert "The form is too old" in answer.content.decode()
    is_guarded(answer)


def test_nothing_that_signed_in_people_see_is_kept(client_for: ClientFor, system_reader: User, sample: Any) -> None:
    client = client_for(system_reader)
    for path in (
        "/analyze/business/invoices/",
        "/invoices/logs/",
        "/invoices/download/lines.csv?period=20260918",
        "/settings/accounts/",
        "/nothing/here",
        "/settings/general/",
    ):
        assert client.get(path).headers["Cache-Control"] == "no-store, private", path
    assert client.post("/accounts/logout/").headers["Cache-Control"] == "no-store, private"


def test_static_files_are_kept() -> None:
    assert "no-store" not in Client().get("/static/portal.css").headers.get("Cache-Control", "")


AT_HTTPS = """
import json, django
django.setup()
from django.test import Client
# It was on for static files without `collectstatic`.
django.conf.settings.DEBUG = False
client = Client(enforce_csrf_checks=False)
page = client.get("/accounts/login/", secure=True, headers={"Host": "portal.example.com"})
sent = client.post("/invoices/upload/", secure=True, headers={"Host": "portal.example.com"})
plain = Client().get("/accounts/login/", headers={"Host": "portal.example.com"})
foreign = Client().get("/accounts/login/", headers={"Host": "evil.example"})
print(json.dumps({
    "headers": dict(page.headers),
    "cookies": {name: {key: str(value) for key, value in each.items()} for name, each in client.cookies.items()},
    "plain": [plain.status_code, plain.headers["Location"]],
    "foreign": [foreign.status_code, foreign.headers.get("Content-Security-Policy", ""),
                foreign.headers.get("X-Content-Type-Options")],
    "session": django.conf.settings.SESSION_COOKIE_NAME,
}))
"""


def test_at_https_the_portal_is_reached_by_https_alone_and_so_are_its_cookies(tmp_path: Any) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "c3portal.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "a-secret-key-for-the-tests-which-signs-nothing-of-value",
        "ENCRYPTION_KEYS": "an-encryption-key-for-the-tests",
        "VAR_DIR": str(tmp_path),
        # The sign-in page reads from it; there is nothing in it but the tables.
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "PORTAL_URL": "https://portal.example.com",
        "ALLOWED_HOSTS": "portal.example.com",
        "DEBUG": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", AT_HTTPS], env=environment, cwd=BASE_DIR, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["headers"]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert measured["plain"] == [301, "https://portal.example.com/accounts/login/"]
    assert measured["foreign"][0] == 400
    assert measured["foreign"][1].startswith("default-src 'none'")
    assert measured["foreign"][2] == "nosniff"
    assert measured["session"] == "__Host-sessionid"
    assert set(measured["cookies"]) == {"__Host-csrftoken", "messages"}
    for cookie in measured["cookies"].values():
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == ("True", "True", "Lax")
