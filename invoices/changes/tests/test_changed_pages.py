"""The pages that show what was sent beside what is now, and bring one or all of them in line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.conftest import Upload, Work
from invoices.importing.importer import import_file
from invoices.models import DocumentChange, Invoice, Posting
from invoices.tests import makers
from invoices.tests.c3_files import of_customer, write
from xero_integration.models import XeroSettings

Post = Callable[..., list[Posting]]
DEARER = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}
BY_SETTINGS = {"period": "20260918", "compare": "settings"}


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup(html)).split())


@pytest.fixture
def drafts(posted: Post) -> list[Posting]:
    """Two drafts and an approved invoice, all with an account that is another one by now."""
    rows = posted("100.00", "50.00", "20.00", invoice_status="DRAFT")
    Posting.objects.filter(pk=rows[2].pk).update(xero_status="AUTHORISED")
    XeroSettings.objects.update(license_account_code="200")
    return rows


@pytest.mark.usefixtures("woken")
def test_all_drafts_with_a_wrong_account_are_listed_counted_and_asked_for_once(
    drafts: list[Posting], finance: Client, woken: list[int]
) -> None:
    assert finance.get(reverse("changed_invoices"), {"period": "20260918"}).context["count"] == 0
    page = finance.get(reverse("changed_invoices"), BY_SETTINGS)
    assert [(each.words, each.count, each.change) for each in page.context["shares"]] == [
        ("Can be updated in place", 2, 0),
        ("Can be taken back and posted again", 3, 0),
    ]
    assert "Update all 2 drafts" in words_of(page.content.decode())
    assert {each["what"] for each in page.context["rows"]} == {"account"}

    asks = finance.get(reverse("update_changed"), BY_SETTINGS)
    assert "account on 2" in words_of(asks.content.decode())
    assert not DocumentChange.objects.exists()
    form = {**BY_SETTINGS, "seen": asks.context["seen"], "reason": "Wrong account"}
    for _ in range(2):
        finance.post(reverse("update_changed"), form)

    assert DocumentChange.objects.filter(kind="update").count() == 2
    entry = AuditEntry.objects.get(subject="Billing period 20260918: drafts in Xero to be updated")
    assert (entry.after["To be updated"], entry.after["Reason"]) == (2, "Wrong account")
    assert woken == [drafts[0].connection_id]


def test_what_was_asked_for_is_what_the_page_showed(drafts: list[Posting], finance: Client) -> None:
    seen = finance.get(reverse("update_changed"), BY_SETTINGS).context["seen"]
    XeroSettings.objects.update(license_account_code="260")
    page = finance.post(reverse("update_changed"), {**BY_SETTINGS, "seen": seen}, follow=True)
    assert "It has changed since the page was shown" in words_of(page.content.decode())
    assert not DocumentChange.objects.exists()


def test_one_invoice_is_shown_line_by_line_with_each_way_open_or_closed(
    tmp_path: Path, upload: Upload, work: Work, finance: Client, finance_admin: User, connected: Any
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(1, SubscriptionName="Visio")))
    upload(invoice_status="DRAFT")
    work()
    import_file(write(tmp_path, of_customer(1, **DEARER), of_customer(1, SubscriptionName="Project")))
    invoice = Invoice.objects.get()
    assert reverse("invoice_changed", args=[invoice.pk]) in finance.get(invoice.get_absolute_url()).content.decode()

    page = finance.get(reverse("invoice_changed", args=[invoice.pk]))

    html = page.content.decode()
    shown = page.context["page"]
    assert [row.change for row in shown["changed"]] == ["Changed", "Changed"]
    assert [str(each) for each in shown["totals"][2][1:]] == ["198.00", "209.00"]
    assert "<del>" in html
    assert "<ins>" in html
    text = words_of(html)
    assert "Changed As sent" in text
    assert "Not possible: In Xero it is: Draft. A correction is for what was approved or paid." in text
    assert dict(page.context["ways"])["update"] == ""

    finance.post(reverse("invoice_changed", args=[invoice.pk]), {"seen": page.context["seen"]})
    work()
    assert Posting.objects.get().xero_total == Invoice.objects.get().total == 209
    after = words_of(finance.get(reverse("invoice_changed", args=[invoice.pk])).content.decode())
    assert "Nothing differs" in after
    assert "1 done" in after


def test_the_pages_ask_the_database_as_often_for_sixty_as_for_three(
    tmp_path: Path, upload: Upload, work: Work, finance: Client, finance_admin: User, connected: Any
) -> None:
    import_file(write(tmp_path, *(of_customer(n) for n in range(1, 61))))
    upload(invoice_status="AUTHORISED")
    while Posting.objects.in_progress().exists():
        work()
    one = Invoice.objects.order_by("number")[0]
    period = {"period": one.period.billing_id}
    addresses = [
        f"{reverse('changed_invoices')}?{urlencode(period)}",
        f"{reverse('update_changed')}?{urlencode(period | {'way': 'credit'})}",
        reverse("invoice_changed", args=[one.pk]),
    ]
    asked = {}
    for count in (3, 60):
        import_file(write(tmp_path, *(of_customer(n, **DEARER) for n in range(1, count + 1))))
        page = finance.get(addresses[0])
        assert (page.context["count"], page.context["creditable"]) == (count, count)
        asked[count] = [makers.queries_of(finance, each) for each in addresses]
    assert asked[3] == asked[60]
    assert max(asked[3]) <= 15, asked


def test_the_list_has_a_filter_of_what_a_later_file_changed(drafts: list[Posting], finance: Client) -> None:
    Invoice.objects.filter(posting=drafts[0]).update(difference="total 1.00 → 2.00")
    page = finance.get(reverse("invoice_list"), {"period": "20260918", "state": "amended"})
    assert [row.record.pk for row in page.context["table"].page.object_list] == [drafts[0].invoice_id]
    assert "Changed after posting 1" in words_of(page.content.decode())


def test_who_may_only_look_can_update_nothing(drafts: list[Posting], client: Client, system_reader: User) -> None:
    client.force_login(system_reader)
    assert client.post(reverse("update_changed"), BY_SETTINGS).status_code == 403
    assert not DocumentChange.objects.exists()


def test_all_that_cannot_be_updated_are_taken_back_together(drafts: list[Posting], finance: Client) -> None:
    page = finance.get(reverse("changed_invoices"), BY_SETTINGS)
    approved = drafts[2]
    assert page.context["undoable"] == [approved.invoice_id]
    assert "Take back 1…" in words_of(page.content.decode())
    form = {"period": BY_SETTINGS["period"], "invoice": [str(each) for each in page.context["undoable"]]}
    asks = finance.post(reverse("selected_take_back"), form)
    assert [(each.fate.value, each.count) for each in asks.context["shares"]] == [("voided", 1)]
