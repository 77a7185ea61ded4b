"""How much may be sent to a page, through the web server of the Procfile and through the pages."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.testing import PortalProcess, answers, wait_until
from xero_sandbox.testing import free_port

ClientFor = Callable[[User], Client]
FORM = "application/x-www-form-urlencoded"
FILE = "multipart/form-data; boundary=x"
pages = pytest.mark.django_db


def announce(client: Client, path: str, length: int, kind: str = FORM) -> Any:
    """Send a request that says it is `length` bytes long. Its body cannot be read: whoever tries, fails."""
    return client.generic("POST", path, b"", kind, CONTENT_LENGTH=str(length), **{"wsgi.input": Unreadable()})


class Unreadable:
    def read(self, *_: int) -> bytes:
        raise AssertionError("The body was read.")

    readline = read


@pages
@pytest.mark.parametrize("name", ["upload_to_xero", "settings_general", "account_login", "contacts_do"])
def test_a_form_too_large_is_refused_unread(name: str, client_for: ClientFor, system_admin: User) -> None:
    for client, size in ((client_for(system_admin), 1_000_001), (Client(), 65_537)):
        answer = announce(client, reverse(name), size)
        assert answer.status_code == 413
        assert "Nothing was done" in answer.content.decode()


@pages
def test_a_file_too_large_for_its_page_is_refused_unread(client_for: ClientFor, system_admin: User) -> None:
    client = client_for(system_admin)
    for name, megabytes in (("import_invoices", 500), ("account_overrides", 5)):
        answer = announce(client, reverse(name), megabytes * 1024 * 1024 + 65_537, FILE)
        assert answer.status_code == 413
        page = answer.content.decode()
        assert f"At most {megabytes}.1\xa0MB" in page
        assert ("manage.py import_invoices" in page) is (name == "import_invoices")


@pages
def test_nobody_fills_the_disk_without_signing_in() -> None:
    answer = announce(Client(), reverse("import_invoices"), 50_000_000, FILE)
    assert answer.status_code == 413
    assert "Sign in and send it again" in answer.content.decode()


@pages
def test_a_body_that_does_not_say_its_length_is_refused(client_for: ClientFor, system_admin: User) -> None:
    answer = client_for(system_admin).post(reverse("import_invoices"), headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 411
    assert "Length missing" in answer.content.decode()


@pages
def test_a_selection_of_thousands_is_taken_and_more_than_any_is_not(
    client_for: ClientFor, system_admin: User, sample: Any
) -> None:
    client = client_for(system_admin)
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(20_001)]
    form = urlencode({"period": "20260918", "invoice": ids[:10_000]}, doseq=True)
    assert client.post(reverse("upload_to_xero"), form, FORM).status_code == 302
    assert client.post(reverse("upload_to_xero"), urlencode({"invoice": ids}, doseq=True), FORM).status_code == 400


@pages
def test_a_second_file_is_refused(client_for: ClientFor, system_admin: User) -> None:
    files = {"file": SimpleUploadedFile("a.csv", b"a"), "more": SimpleUploadedFile("b.csv", b"b")}
    assert client_for(system_admin).post(reverse("import_invoices"), files).status_code == 400


# The web server itself


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the Procfile's web process, started with the tests' settings."""
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings",
        "TEST_VAR_DIR": str(folder),
        "PORT": str(port),
        "WEB_PROCESSES": "1",
    }
    with PortalProcess("web", environment, folder / "web.log"):
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"), "The web process answers")
        yield port


def ask(port: int, method: str, path: str, **options: Any) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, **options)
    return connection.getresponse()


def raw(port: int, request: bytes) -> bytes:
    """Send exactly these bytes and return what comes back until the other side closes or ten seconds are over."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


@pytest.mark.whole
def test_ten_gigabytes_are_refused_before_the_first_byte(server: int) -> None:
    began = time.monotonic()
    answer = ask(server, "POST", "/accounts/login/", headers={"Content-Length": str(10 * 1024**3)})
    assert answer.status == 413
    assert b"Too much was sent" in answer.read()
    assert time.monotonic() - began < 5


@pytest.mark.whole
def test_a_body_in_pieces_without_a_length_is_refused(server: int) -> None:
    answer = ask(
        server,
        "POST",
        "/accounts/login/",
        body=iter([b"a" * 1000] * 10),
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    assert answer.status == 411


@pytest.mark.whole
@pytest.mark.parametrize(
    ("request_line", "headers"),
    [
        ("GET /?" + "a" * 5000 + " HTTP/1.1", ""),
        ("GET / HTTP/1.1", "X-Long: " + "a" * 9000 + "\r\n"),
        ("GET / HTTP/1.1", "".join(f"X-{n}: a\r\n" for n in range(150))),
        ("POST / HTTP/1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("POST / HTTP/1.1", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("POST / HTTP/1.1", "Content-Length: -5\r\n"),
        ("GET / HTTP/1.1", "X-Folded: a\r\n b\r\n"),
    ],
    ids=["long line", "long header", "many headers", "two framings", "two lengths", "negative length", "folded"],
)
def test_a_request_out_of_shape_is_refused_by_the_server(server: int, request_line: str, headers: str) -> None:
    answer = raw(server, f"{request_line}\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 4"), answer[:100]
