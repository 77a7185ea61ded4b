"""Nobody who sends or reads slowly keeps others from the portal: the shipped proxy, two web processes of 8 threads."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as portal_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import resolve, reverse

from c3portal.audit import downloads
from c3portal.http import concurrency, request_limits
from c3portal.http.concurrency import AtATime
from c3portal.http.tests.test_request_limits import announce
from c3portal.models import AuditEntry, User
from c3portal.testing import BASE_DIR, PortalProcess, answers, wait_until
from c3portal.tests import machine
from c3portal.tests.addresses import every_address
from c3portal.tests.slow import FILE, Crowd, crowd
from xero_sandbox.testing import free_port

ClientFor = Callable[[User], Client]
pytestmark = pytest.mark.django_db
# For how long someone innocent may wait for a page while all of them are at it, on a busy machine.
SECONDS = 8
SENDERS, READERS = 40, 48


@pytest.fixture
def slow(start_process: Callable[..., PortalProcess], tmp_path: Path, settings: Any) -> Iterator[Crowd]:
    """A crowd at the portal of two web processes behind its proxy."""
    settings.PORTAL_URL = f"https://localhost:{free_port()}"
    port = str(free_port())
    start_process("web", PORT=port, TEST_PORTAL_URL=settings.PORTAL_URL)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"), "The web processes serve", patience=60)
    proxy = machine.start_proxy(tmp_path, settings.PORTAL_URL, f"127.0.0.1:{port}")
    with crowd(settings.PORTAL_URL, tmp_path) as gathered:
        assert gathered.waits() < SECONDS
        yield gathered
    proxy.stop()


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"__Host-sessionid={client.cookies['sessionid'].value}"


@pytest.mark.attack
@pytest.mark.whole
def test_strangers_who_send_slowly_keep_nobody_out(slow: Crowd) -> None:
    for _ in range(SENDERS):
        slow.sends(reverse("account_login"), announced=2_400_000)
    assert slow.waits() < SECONDS


@pytest.mark.attack
@pytest.mark.whole
def test_users_who_send_slowly_keep_nobody_out(slow: Crowd, finance_admin: User) -> None:
    cookie = cookie_of(finance_admin)
    for _ in range(SENDERS // 2):
        slow.sends(reverse("upload_to_xero"), announced=2_400_000, cookie=cookie)
        slow.sends(reverse("import_invoices"), announced=50_000_000, kind=FILE, cookie=cookie)
    assert slow.waits() < SECONDS


@pytest.mark.attack
@pytest.mark.whole
def test_users_who_read_nothing_of_their_downloads_keep_nobody_out(slow: Crowd, system_admin: User) -> None:
    AuditEntry.objects.bulk_create(
        [AuditEntry(action="import", subject="An import", after={"Summary": "a" * 20_000}) for _ in range(1_000)]
    )
    cookie = cookie_of(system_admin)
    for _ in range(READERS):
        slow.reads_nothing(reverse("audit_jsonl"), cookie)
    assert slow.waits() < SECONDS


@pytest.mark.attack
@pytest.mark.whole
def test_whoever_reads_nothing_of_a_page_keeps_nobody_out(slow: Crowd, system_admin: User) -> None:
    cookie = cookie_of(system_admin)
    AuditEntry.objects.bulk_create(
        [AuditEntry(action="import", subject="An import", after={"Summary": "a" * 20_000}) for _ in range(50)]
    )
    for _ in range(READERS):
        slow.reads_nothing(reverse("audit_record"), cookie)
    assert slow.waits() < SECONDS


@pytest.mark.attack
@pytest.mark.whole
def test_whoever_never_hangs_up_keeps_nobody_out(start_process: Callable[..., PortalProcess]) -> None:
    port = free_port()
    start_process("web", PORT=str(port), WEB_PROCESSES="1")
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/live"), "The web process serves", patience=60)
    with ExitStack() as opened:
        for _ in range(2 * portal_settings.WEB_THREADS):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert requests.get(f"http://127.0.0.1:{port}/health/live", timeout=60).elapsed.total_seconds() < SECONDS


# The counts


def test_so_many_for_each_and_so_many_together() -> None:
    counted = AtATime(each=2, together=3)
    assert [counted.take("one") for _ in range(3)] == [0, 0, 429]
    assert [counted.take("other"), counted.take("other")] == [0, 503]
    counted.give_back("one")
    assert [counted.take("other"), counted.take("third")] == [0, 503]


def test_files_leave_threads_for_pages() -> None:
    files = concurrency.UPLOADS.together + concurrency.DOWNLOADS.together
    assert files <= portal_settings.WEB_THREADS - 3


def test_the_proxy_has_a_form_whole_before_the_portal_hears_of_it() -> None:
    (kept,) = re.findall(
        r"^\s*request_buffers (\d+)MiB$", (BASE_DIR / "deploy" / "Caddyfile").read_text(), re.MULTILINE
    )
    assert request_limits.STRANGERS_FORM < (portal_settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) < int(kept) * 1024 * 1024


def test_every_stream_is_one_of_the_few(client_for: ClientFor, system_admin: User, sample: Any) -> None:
    client, streams = client_for(system_admin), set()
    for address in every_address():
        kinds = {"download": "lines", "download_xlsx": "invoices"}
        path = address.path(**{"kind": kinds[address.name]} if address.name in kinds else {})
        answer = client.get(f"{path}?period=20260918")
        if answer.streaming:
            streams.add(address.name)
            assert getattr(resolve(path).func, "is_download", False), f"{path}: mark its view with downloads.download"
            answer.getvalue()  # type: ignore[attr-defined]
            entry = AuditEntry.objects.latest("pk")
            assert (entry.action, entry.actor) == ("download", system_admin.email), path
            assert entry.after == {"Asked for": "period=20260918"}
    assert streams >= {"download", "download_xlsx", "audit_csv", "audit_jsonl"}


def test_a_third_download_waits_until_one_is_through(client_for: ClientFor, system_admin: User) -> None:
    client = client_for(system_admin)
    begun = [client.get(reverse("audit_csv")) for _ in range(2)]
    refused = client.get(reverse("audit_csv"))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert "You have two downloads running" in refused.content.decode()
    assert b"At,Who" in begun[0].getvalue()  # type: ignore[attr-defined]
    again = client.get(reverse("audit_csv"))
    assert again.status_code == 200
    for answer in (begun[1], again):
        answer.getvalue()  # type: ignore[attr-defined]
    assert not concurrency.DOWNLOADS.take(system_admin.pk)
    concurrency.DOWNLOADS.give_back(system_admin.pk)


def test_a_download_that_is_taken_drop_by_drop_ends(
    system_admin: User, monkeypatch: pytest.MonkeyPatch, client_for: ClientFor
) -> None:
    monkeypatch.setattr(downloads, "DOWNLOAD_SECONDS", -1)
    answer = client_for(system_admin).get(reverse("audit_csv"))
    with pytest.raises(TimeoutError):
        answer.getvalue()  # type: ignore[attr-defined]


def test_one_large_file_of_a_person_comes_at_a_time(client_for: ClientFor, finance_admin: User) -> None:
    client, path = client_for(finance_admin), reverse("import_invoices")
    assert not concurrency.UPLOADS.take(finance_admin.pk)
    refused = announce(client, path, 5_000_000, FILE)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert "Nothing was done" in " ".join(refused.content.decode().split())
    concurrency.UPLOADS.give_back(finance_admin.pk)
    # What fits into the proxy's buffer is not counted, and what was counted is given back with the answer.
    for size in (1_000_000, 5_000_000, 5_000_000):
        assert client.post(path, {"file": SimpleUploadedFile("a.csv", b"a" * (size - 1_000))}).status_code == 302


def test_readers_send_no_files(client_for: ClientFor, system_reader: User) -> None:
    for name in ("import_invoices", "account_overrides"):
        assert announce(client_for(system_reader), reverse(name), 1_000_001, FILE).status_code == 413
