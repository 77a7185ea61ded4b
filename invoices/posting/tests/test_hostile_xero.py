"""Someone between the portal and Xero hands every call on and answers with nonsense: each page says so in words, the
workers wait, and once Xero is heard again each document is there once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.urls import reverse

from c3portal.tests.attack.breadth import part
from invoices.conftest import MakeInvoice, Work
from invoices.models import BillingPeriod
from invoices.models import Upload as UploadRow
from invoices.posting.tests.test_faults import PostingRun, State
from invoices.tests.pages import post_ready, press
from xero_integration.models import XeroConnection
from xero_integration.tests.odd_answers import REPLIES, TELLING
from xero_integration.tests.scripted import Received, Reply, ScriptedServer, scripted_server
from xero_sandbox.testing import SandboxControl

pytestmark = [pytest.mark.attack, pytest.mark.both_databases]
HOPS = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding", "content-encoding"}


class Between(ScriptedServer):
    """Hands each call on to `xero` and gives the answer, or for the methods that are `garbled` the scripted one."""

    xero = ""
    garbled: tuple[str, ...] = ()

    def take(self, request: Received) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        url = f"{self.xero}{request.path}"
        answer = requests.request(request.method, url, headers=headers, data=request.body, timeout=20)
        scripted = super().take(request)
        if request.method in self.garbled:
            return scripted
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOPS}
        return Reply(answer.status_code, answer.content, headers)


@pytest.fixture
def between(connected: XeroConnection, sandbox: SandboxControl, settings: Any) -> Iterator[Between]:
    """Someone between the portal and the sandbox from the moment on that the organisation was connected."""
    with scripted_server(Between) as server:
        server.xero = sandbox.url
        settings.XERO_LOGIN_URL = settings.XERO_IDENTITY_URL = settings.XERO_API_URL = server.url
        yield server


@pytest.fixture
def posting_run(
    between: Between, sandbox: SandboxControl, connected: XeroConnection, sweep: Work, state: State, time_machine: Any
) -> PostingRun:
    return PostingRun(sandbox, connected, lambda: None, sweep, state, time_machine)  # type: ignore[arg-type, return-value]


def words(answer: Any) -> str:
    """Return what a page says, which is one."""
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def walk(client: Client, upload: UploadRow, deaf: bool) -> None:
    """Press what asks Xero, and open what shows what came of it; `deaf` is who can read nothing that Xero says."""
    words(client.post(reverse("upload_check", args=[upload.pk]), follow=True))
    read = words(client.post(reverse("xero_refresh"), follow=True))
    assert "Nothing was changed: " in read or not deaf
    state = parse_qs(urlsplit(client.post(reverse("xero_connect"))["Location"]).query)["state"][0]
    assert "Not connected: " in words(client.get("/", {"state": state, "code": "a-code"}, follow=True))
    for page in (reverse("invoice_list"), reverse("post_logs"), upload.get_absolute_url(), reverse("customers")):
        words(client.get(page))
    words(client.post(reverse("xero_try_now"), follow=True))


@pytest.mark.parametrize("odd", TELLING[:2] + part([odd for odd in REPLIES if odd not in TELLING[:2]], 0, 1))
@pytest.mark.parametrize("garbled", [("GET", "POST", "PUT"), ("PUT", "POST")])
def test_no_answer_breaks_a_page_posts_twice_or_stops_the_worker_for_good(
    finance: Client,
    between: Between,
    posting_run: PostingRun,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
    odd: str,
    garbled: tuple[str, ...],
) -> None:
    for amount in ("100.00", "250.00", "-50.00", "-70.00"):
        make_invoice(amount=amount)
    page = press(finance, period, all="1")
    between.garbled = garbled
    between.will(REPLIES[odd])
    deaf = "GET" in garbled
    words(finance.get(reverse("invoice_list")))
    words(press(finance, period, all="1"))
    words(post_ready(finance, page))
    upload = UploadRow.objects.get()
    for _ in range(3):
        posting_run.go()
        assert "rejected" not in posting_run.state()
        assert "posted" not in posting_run.state() or not deaf
        walk(finance, upload, deaf)
        posting_run.until_next()

    between.garbled = ()
    posting_run.settle()
    posting_run.assert_exactly_once()
    words(finance.get(upload.get_absolute_url()))
