"""What happened to a document: Xero's own history, read when someone opens the page, and what the portal did."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.testing import at_once
from invoices.changes import asking
from invoices.models import DocumentEvent, Invoice, Posting
from invoices.readback import history, schedule
from invoices.readback.tests.conftest import Post
from xero_sandbox.testing import SandboxControl

Source = DocumentEvent.Source
LATER = dt.timedelta(minutes=2)


def asked(sandbox: SandboxControl) -> int:
    return sum(1 for each in sandbox.calls() if each["path"].endswith("/History"))


def opened(client: Client, invoice: Invoice) -> str:
    """Return what the page asks for as soon as it is there."""
    page = client.get(invoice.get_absolute_url()).content.decode()
    address = reverse("document_history", args=[invoice.pk])
    if f'hx-get="{address}"' not in page:
        return page
    answer = client.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def told(posting: Posting, source: str = Source.XERO) -> list[tuple[str, str]]:
    rows = DocumentEvent.objects.filter(posting=posting, source=source).order_by("at", "pk")
    return [(each.facts[0], each.who) for each in rows]


def test_who_did_what_in_xero_is_read_when_the_invoice_is_opened_and_asked_once_a_minute(
    post: Post, sandbox: SandboxControl, finance: Client
) -> None:
    (posting,) = post("100.00")
    sandbox.void(posting.invoice.xero_number)
    assert asked(sandbox) == 0
    page = opened(finance, posting.invoice)
    assert "Voided" in page
    assert "Dana Sandbox" in page
    found = told(posting)
    assert [words.split(":")[0] for words, _ in found] == ["Created", "Voided"]
    assert found[-1][1] == "Dana Sandbox"
    opened(finance, posting.invoice)
    assert asked(sandbox) == 1
    with time_machine.travel(timezone.now() + LATER):
        assert history.read(Posting.objects.select_related("connection__token_set").get()) == ""
    assert asked(sandbox) == 2
    # Whole each time, and kept once.
    assert told(posting) == found


def test_a_credit_notes_history_is_read_too(post: Post, sandbox: SandboxControl) -> None:
    (posting,) = post("-100.00")
    assert history.read(posting) == ""
    assert [words.split(":")[0] for words, _ in told(posting)] == ["Created"]


def test_what_cannot_be_read_is_told_and_harms_nothing(post: Post, sandbox: SandboxControl, finance: Client) -> None:
    (posting,) = post("100.00")
    sandbox.place_fault("500_before", method="GET", path="History$")
    page = opened(finance, posting.invoice)
    assert "could not be read" in page
    assert told(posting) == []
    assert posting.connection.__class__.objects.get().is_usable


def test_posting_goes_first_when_the_days_calls_are_short(
    post: Post, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    (posting,) = post("100.00")
    monkeypatch.setattr(schedule, "has_calls_to_spare", lambda *_: False)
    assert "kept for posting" in history.read(posting)
    assert asked(sandbox) == 0


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_several_who_open_it_at_once_one_asks_xero(post: Post, sandbox: SandboxControl) -> None:
    (posting,) = post("100.00")
    at_once(4, lambda _: history.read(Posting.objects.select_related("connection__token_set").get(pk=posting.pk)))
    assert asked(sandbox) == 1
    assert len(told(posting)) == 1


def test_without_javascript_a_link_reads_it(post: Post, finance: Client) -> None:
    (posting,) = post("100.00")
    answer = finance.get(reverse("document_history", args=[posting.invoice_id]), follow=True)
    assert answer.redirect_chain[-1][0] == posting.invoice.get_absolute_url()
    assert "Created" in answer.content.decode()


def test_what_was_taken_back_stays_in_the_history(
    post: Post, finance: Client, finance_admin: Any, work: Any, sandbox: SandboxControl
) -> None:
    (posting,) = post("100.00")
    history.read(posting)
    rows = Posting.objects.filter(pk=posting.pk)
    asking.undo(rows, connection=posting.connection, user=finance_admin, reason="A wrong account")
    work()
    assert Posting.objects.get().status == Posting.Status.UNDONE
    ((words, who),) = told(posting, Source.US)
    assert words == "Voided, as the portal was asked to: A wrong account"
    assert who == str(finance_admin)
    page = " ".join(finance.get(posting.invoice.get_absolute_url()).content.decode().split())
    assert words in page
    assert f"Earlier: {posting.invoice.xero_number}, Voided, until" in page
    assert told(posting)[0][0].startswith("Created")
