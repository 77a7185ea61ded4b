"""The same cause has the same count and the same money on every page that shows it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.attention import causes, counting, of_upload
from invoices.attention.causes import Kind
from invoices.models import AttentionCheck, BillingPeriod, HeldBackInvoice, ImportRun, Posting, Upload, UploadDraft
from invoices.posting import progress
from invoices.preflight import upload_drafts
from invoices.readback import states
from invoices.tests.makers import a_period, an_invoice, bring, connected, fill_settings, queries_of, uploaded
from xero_integration.models import Account, XeroConnection, XeroSettings

ClientFor = Callable[[User], Client]
Status = Posting.Status
PAGE = "/needs-attention/"
# Every cause of the period below: its chip, how many have it, and what they come to.
CAUSES = {
    ("Blocked", "Account 999"): (3, "AUD 110.00, NZD 440.00"),
    ("Rejected", "Account 999"): (2, "AUD 550.00"),
    ("Differs", ""): (1, "AUD 110.00"),
}


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


@pytest.fixture
def mixed(period: BillingPeriod, finance_admin: User) -> Upload:
    """An upload of which two were rejected, three taken off again and one differs; licences go to an account that is
    not there. Of the same period is one of Azure, which goes to one that is."""
    connection = connected()
    for code in ("210", "220"):
        Account.objects.create(connection=connection, code=code, name=code, type="REVENUE", status="ACTIVE")
    ways = {
        "REJ-1": "220.00",
        "REJ-2": "330.00",
        "OFF-1": "110.00",
        "OFF-2": "220.00",
        "OFF-3": "220.00",
        "DIFF": "110.00",
    }
    several = {
        number: an_invoice(period, number, total=total, currency="NZD" if number in ("OFF-2", "OFF-3") else "AUD")
        for number, total in ways.items()
    }
    upload = uploaded(connection, finance_admin, *several.values())
    bring(upload, Status.REJECTED, "REJ-1", "REJ-2")
    bring(upload, Status.WITHDRAWN, "OFF-1", "OFF-2", "OFF-3")
    bring(upload, Status.POSTED)
    Posting.objects.filter(invoice__number="DIFF").update(total_difference=Decimal("0.05"))
    fine = an_invoice(period, "FINE")
    fine.lines.update(kind="azure")
    fill_settings(license_account_code="999")
    counting.refresh()
    return upload


def text_of(html: str) -> str:
    """Return the words of a page or a part of it, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^<>]+>", " ", markup(html))).split())


def rows_of(html: str) -> dict[tuple[str, str], tuple[int, str]]:
    """Return what a page's table of causes says: count and money, by chip and account or currency named."""
    table = markup(html).partition('<table class="table causes">')[2].partition("</table>")[0]
    found = {}
    for row in re.findall(r"<tr.*?</tr>", table.partition("<tbody>")[2]):
        cells = [text_of(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        if len(cells) == 4:
            chip, words, sums, _ = cells
            count = re.match(r"([\d,]+) invoices?", sums)
            money = re.findall(r"[A-Z]{3} [\d,.]+", sums)
            named = "Account 999" if "account" in words.lower() else ""
            found[chip, named] = (int(count[1]) if count else 0, ", ".join(money))
    return found


def line_of(html: str) -> dict[tuple[str, str], tuple[int, str]]:
    """Return the same of the line above the list."""
    line = text_of(markup(html).partition('<p class="line">')[2].partition("</p>")[0]).partition(" : ")[2]
    found = {}
    for count, label, topic, money in re.findall(r"(\d+) ([\w ]+?)(?:: ([\w ]+?))? \(([^()]+)\)", line):
        found[label, topic] = (int(count), money)
    return found


def test_home_page_and_list_say_the_same_of_each_cause(finance: Client, mixed: Upload, period: BillingPeriod) -> None:
    home = finance.get("/").content.decode()
    page = finance.get(PAGE).content.decode()
    listed = finance.get(reverse("invoice_list")).content.decode()
    assert rows_of(page) == CAUSES
    assert rows_of(home) == CAUSES
    assert line_of(listed) == CAUSES
    assert "6 need attention" in text_of(listed)
    assert '<span class="count">6</span>' in markup(listed)


def test_the_preflight_says_the_same_as_the_page(
    client_for: ClientFor, system_admin: User, mixed: Upload, settings: Any
) -> None:
    settings.XERO_API_URL = "http://127.0.0.1:9"
    client = client_for(system_admin)
    (blocked_by,) = (each for each in causes.find(mixed.connection) if each.kind == Kind.BLOCKED)
    preflight = client.post(reverse("attention_post"), dict(blocked_by.again), follow=True)
    html = preflight.content.decode()  # type: ignore[attr-defined]
    assert rows_of(html) == {key: CAUSES[key] for key in (("Blocked", "Account 999"),)}
    heading = f'<th scope="row">{escape(blocked_by.words)}'
    assert heading in markup(html)
    assert heading in markup(client.get(PAGE).content.decode())
    assert "Use it and check 3" in markup(html)


def test_an_upload_says_the_same_of_its_own(finance: Client, mixed: Upload, period: BillingPeriod) -> None:
    expected = {key: sums for key, sums in CAUSES.items() if key[0] != "Differs"}
    html = finance.get(mixed.get_absolute_url()).content.decode()
    assert rows_of(html) == expected
    assert "Check again and post 2" in markup(html)
    assert "Check again and post 3" in markup(html)
    # What is blocked besides is of no upload yet.
    an_invoice(period, "NEW")
    counting.refresh(anew=True)
    assert rows_of(finance.get(PAGE).content.decode())["Blocked", "Account 999"] == (4, "AUD 220.00, NZD 440.00")
    assert rows_of(finance.get(mixed.get_absolute_url()).content.decode()) == expected


def test_an_upload_lists_and_posts_the_invoices_of_one_cause(finance: Client, mixed: Upload) -> None:
    found = of_upload.find(mixed, progress.in_full(mixed, states.gone()).progress)
    assert [(each.kind, each.count) for each in found] == [(Kind.REJECTED, 2), (Kind.BLOCKED, 3)]
    numbers = {Kind.REJECTED: {"REJ-1", "REJ-2"}, Kind.BLOCKED: {"OFF-1", "OFF-2", "OFF-3"}}
    for each in found:
        page = finance.get(each.show.removesuffix("#invoices"))
        assert {row.record.invoice.number for row in page.context["table"].page.object_list} == numbers[each.kind]
        finance.post(reverse("upload_again", args=[mixed.pk]), {"cause": each.key})
        draft = UploadDraft.objects.latest("created_at")
        assert draft.again_of == mixed
        assert {row.number for row in upload_drafts.invoices_of(draft)} == numbers[each.kind]
    refused = finance.post(reverse("upload_again", args=[mixed.pk]), {"cause": "no key"})
    assert refused.status_code == 400


def test_an_account_is_chosen_on_an_upload_for_its_invoices_alone(
    client_for: ClientFor, system_admin: User, mixed: Upload, period: BillingPeriod
) -> None:
    an_invoice(period, "NEW")
    counting.refresh(anew=True)
    found = of_upload.find(mixed, progress.in_full(mixed, states.gone()).progress)
    form = {"upload": mixed.pk, "cause": found[1].key, "instead_of": "999", "account": "220"}
    client_for(system_admin).post(reverse("attention_account"), form)
    assert XeroSettings.load().license_account_code == "220"
    draft = UploadDraft.objects.get()
    assert {each.number for each in upload_drafts.invoices_of(draft)} == {"OFF-1", "OFF-2", "OFF-3"}


def test_an_account_is_chosen_on_the_preflight_which_checks_again(
    client_for: ClientFor, system_admin: User, mixed: Upload, settings: Any
) -> None:
    settings.XERO_API_URL = "http://127.0.0.1:9"
    client = client_for(system_admin)
    (blocked_by,) = (each for each in causes.find(mixed.connection) if each.kind == Kind.BLOCKED)
    client.post(reverse("attention_post"), dict(blocked_by.again))
    draft = UploadDraft.objects.get()
    form = {"draft": str(draft.pk), "instead_of": "999", "account": "220"}
    page = client.post(reverse("attention_account"), form, follow=True)
    assert page.redirect_chain == [(draft.get_absolute_url(), 302)]  # type: ignore[attr-defined]
    assert rows_of(page.content.decode()) == {}  # type: ignore[attr-defined]
    assert UploadDraft.objects.count() == 1


@pytest.mark.parametrize(("name", "status"), [("draft", 400), ("upload", 400)])
def test_a_form_about_nothing_is_refused(finance: Client, mixed: Upload, name: str, status: int) -> None:
    form = {name: "x", "instead_of": "999", "account": "220"}
    assert finance.post(reverse("attention_account"), form).status_code == status


def test_each_of_the_line_lists_exactly_its_invoices(finance: Client, mixed: Upload, period: BillingPeriod) -> None:
    shown = AttentionCheck.objects.get().in_short["first"]
    assert [each["count"] for each in shown] == [2, 3, 1]
    for each in shown:
        page = finance.get(each["show"])
        assert page.context["selection"].invoices().count() == each["count"]


def test_what_is_held_back_shares_the_line(finance: Client, mixed: Upload) -> None:
    HeldBackInvoice.objects.create(run=ImportRun.objects.create(file_name="a.csv", size=1), number="INV-9")
    html = finance.get(reverse("invoice_list")).content.decode()
    assert "7 need attention" in text_of(html)
    assert "1 invoice held back" in text_of(html)
    assert markup(html).count('<p class="line">') == 1


def test_the_line_shares_the_banner_of_the_connection(finance: Client, mixed: Upload) -> None:
    XeroConnection.objects.update(status="needs_reconnecting", status_reason="It was disconnected in Xero.")
    html = markup(finance.get(reverse("invoice_list")).content.decode())
    banner = html.partition('<aside class="banner bad"')[2].partition("</aside>")[0]
    assert "6 need attention" in text_of(banner)
    assert html.count('<p class="line">') == 1


def test_another_period_has_a_line_of_its_own_and_one_without_causes_has_none(
    finance: Client, mixed: Upload, finance_admin: User
) -> None:
    later = a_period("20261018", dt.date(2026, 10, 15))
    counting.refresh()
    address = reverse("invoice_list")
    assert "need attention" not in text_of(finance.get(f"{address}?period={later.billing_id}").content.decode())
    assert line_of(finance.get(f"{address}?period=20260918").content.decode()) == CAUSES


def test_a_period_that_is_all_posted_keeps_what_changed_in_it(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, an_invoice(period, "DIFF"), to=Status.POSTED)
    Posting.objects.update(total_difference=Decimal("0.05"))
    for month in (10, 11):
        an_invoice(a_period(f"2026{month}18", dt.date(2026, month, 15)), f"LATER-{month}")
    assert len(counting.refresh()) == 2
    html = finance.get(f"{reverse('invoice_list')}?period=20260918").content.decode()
    assert line_of(html) == {("Differs", ""): (1, "AUD 110.00")}
    Posting.objects.update(total_difference=0)
    counting.refresh()
    assert not AttentionCheck.objects.filter(period=period).exists()


def test_the_line_asks_the_database_for_nothing(finance: Client, mixed: Upload) -> None:
    with_line = queries_of(finance, reverse("invoice_list"))
    AttentionCheck.objects.update(in_short={})
    assert queries_of(finance, reverse("invoice_list")) == with_line
