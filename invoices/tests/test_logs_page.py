"""VIEW POST LOGS: the uploads, and what became of each invoice."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.models import BillingPeriod, Customer, Invoice, Posting, Upload, UploadDraft
from invoices.posting import queueing
from invoices.preflight import upload_drafts
from invoices.tests.makers import REFUSAL, a_period, an_invoice, bring, connected, invoices, queries_of, uploaded
from xero_integration.models import XeroConnection

Status = Posting.Status
LOGS = "/invoices/logs/"
ClientFor = Callable[[User], Client]
pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


@pytest.fixture
def connection(db: None) -> XeroConnection:
    return connected()


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return markup(response.content.decode())


# The uploads


def test_it_lists_uploads_newest_first_with_who_and_where(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    first, second = (uploaded(connection, finance_admin, an_invoice(period, number)) for number in ("A", "B"))
    html = text(finance, LOGS)
    assert re.findall(r'id="upload-(\d+)"', html) == [str(second.pk), str(first.pk)]
    row = html.partition(f'id="upload-{second.pk}"')[2].partition("</tr>")[0]
    assert "finance@contoso.example" in row
    assert "Contoso Cloud Pty Ltd" in row
    assert "Sep 2026" in row


def cells(html: str, upload: Upload) -> list[str]:
    """Return what the row of an upload says, cell by cell."""
    row = html.partition(f'id="upload-{upload.pk}"')[2].partition("</tr>")[0]
    return [re.sub(r"<[^>]+>", " ", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]


def test_it_counts_what_became_of_them(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 6))
    bring(upload, Status.POSTED, "INV-001", "INV-002", "INV-003")
    bring(upload, Status.REJECTED, "INV-004")
    html = text(finance, LOGS)
    total, money, in_xero, rejected, in_progress, _, result = cells(html, upload)[3:]
    assert (total, in_xero, rejected, in_progress) == ("6", "3", "1", "2")
    assert " ".join(money.split()) == "AUD 660.00"
    assert result == "Running"
    assert f'href="{upload.get_absolute_url()}?state=rejected"' in html


@pytest.mark.parametrize(
    ("states", "result"),
    [
        ({Status.POSTED: 2}, "All in Xero"),
        ({Status.POSTED: 1, Status.REJECTED: 1}, "To fix"),
        ({Status.UNCERTAIN: 1, Status.POSTED: 1}, "Confirming"),
        ({Status.POSTED: 1, Status.WITHDRAWN: 1}, "Done"),
        ({Status.WITHDRAWN: 2}, "Nothing in Xero"),
    ],
)
def test_it_says_in_two_words_how_it_went(
    finance: Client,
    period: BillingPeriod,
    connection: XeroConnection,
    finance_admin: User,
    states: dict[Status, int],
    result: str,
) -> None:
    made = invoices(period, 2)
    upload = uploaded(connection, finance_admin, *made)
    numbers = iter(each.number for each in made)
    for state, count in states.items():
        bring(upload, state, *[next(numbers) for _ in range(count)])
    assert cells(text(finance, LOGS), upload)[-1] == result


def test_it_says_that_it_is_paused(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2))
    XeroConnection.objects.update(paused_until=timezone.now() + dt.timedelta(minutes=1))
    assert cells(text(finance, LOGS), upload)[-1] == "Paused"


def test_it_says_so_while_nothing_was_uploaded(finance: Client) -> None:
    assert "Nothing was uploaded yet" in text(finance, LOGS)


def test_uploads_are_paged(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    for invoice in invoices(period, 21):
        uploaded(connection, finance_admin, invoice)
    assert text(finance, LOGS).count(' id="upload-') == 20
    assert text(finance, f"{LOGS}?page=2").count(' id="upload-') == 1


def test_it_asks_the_database_as_often_for_many_uploads_as_for_one(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    uploaded(connection, finance_admin, an_invoice(period, "A"))
    for_one = queries_of(finance, LOGS)
    for invoice in invoices(period, 15):
        uploaded(connection, finance_admin, invoice, to=Status.REJECTED)
    assert queries_of(finance, LOGS) == for_one
    assert for_one <= 15


def numbers_of(html: str) -> list[int]:
    return [int(each) for each in re.findall(r'id="upload-(\d+)"', html)]


def test_it_filters_by_result_person_period_and_day(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User, system_admin: User
) -> None:
    running = uploaded(connection, finance_admin, *invoices(period, 2))
    bring(running, Status.POSTED, "INV-001")
    rejected = uploaded(connection, finance_admin, an_invoice(period, "B"), to=Status.REJECTED)
    other = a_period("20261018", dt.date(2026, 10, 15))
    whole = uploaded(connection, system_admin, an_invoice(other, "C"), to=Status.POSTED)
    Upload.objects.filter(pk=rejected.pk).update(created_at=dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC))
    assert numbers_of(text(finance, f"{LOGS}?result=running")) == [running.pk]
    assert numbers_of(text(finance, f"{LOGS}?result=rejected")) == [rejected.pk]
    assert numbers_of(text(finance, f"{LOGS}?result=whole")) == [whole.pk]
    assert numbers_of(text(finance, f"{LOGS}?by={system_admin.pk}")) == [whole.pk]
    assert numbers_of(text(finance, f"{LOGS}?period=20261018")) == [whole.pk]
    assert numbers_of(text(finance, f"{LOGS}?since=2026-03-04&until=2026-03-04")) == [rejected.pk]
    assert numbers_of(text(finance, f"{LOGS}?until=2026-03-03")) == []
    assert "Enter a valid date" in text(finance, f"{LOGS}?since=soon")


def test_it_is_searched_by_invoice_by_person_and_by_its_own_number(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User, system_admin: User
) -> None:
    first = uploaded(connection, finance_admin, an_invoice(period, "INV-A"))
    second = uploaded(connection, system_admin, an_invoice(period, "INV-B"))
    assert numbers_of(text(finance, f"{LOGS}?q=INV-B")) == [second.pk]
    assert numbers_of(text(finance, f"{LOGS}?q={finance_admin.email[:9]}")) == [first.pk]
    assert numbers_of(text(finance, f"{LOGS}?q=upload+{second.pk}")) == [second.pk]


# One upload


def test_its_head_says_when_by_whom_to_where_and_how(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2), to=Status.POSTED)
    html = text(finance, upload.get_absolute_url())
    assert f"Upload {upload.pk} · September 2026" in html
    assert "(UTC) by finance@contoso.example · to Contoso Cloud Pty Ltd as Draft" in html
    assert "2 of 2 in Xero" in html
    assert "AUD 220.00 matches" in html
    assert "Approve 2 drafts…" in html
    assert f'href="{upload.get_absolute_url()}log.csv"' in html


def test_money_that_differs_is_no_match_and_leads_to_what_differs(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2), to=Status.POSTED)
    Posting.objects.filter(invoice__number="INV-002").update(xero_total="100.00")
    html = text(finance, upload.get_absolute_url())
    assert "matches" not in html
    assert "-10.00 from the invoices" in html
    differing = text(finance, f"{upload.get_absolute_url()}?state=differs").partition("<tbody")[2]
    assert "INV-002" in differing
    assert "INV-001" not in differing


def test_it_says_why_it_waits_and_until_when(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2))
    until = timezone.now() + dt.timedelta(minutes=1)
    XeroConnection.objects.update(paused_until=until, pause_reason="Xero's limit for a minute is used up")
    panel = text(finance, upload.get_absolute_url()).partition('aria-label="Progress"')[2].partition("</section>")[0]
    assert "limit for a minute is used up" in panel
    assert "data-countdown" in panel
    assert f"{until:%H:%M:%S}" in panel
    assert 'data-said="Xero&#x27;s limit for a minute is used up: the upload waits."' in text(
        finance, upload.get_absolute_url()
    )


def test_a_page_of_many_is_small_and_asks_little(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 120))
    bring(upload, Status.REJECTED, *[f"INV-{number:03}" for number in range(1, 61)])
    bring(upload, Status.POSTED)
    assert queries_of(finance, upload.get_absolute_url()) <= 15
    assert len(finance.get(upload.get_absolute_url()).content) < 200_000


# Downloads


def test_a_log_has_every_line_with_its_call(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "INV-A"), to=Status.REJECTED)
    call = Posting.objects.get().submission
    assert call
    call.correlation_id, call.trace_id, call.status_code = "correlation-1", "trace-1", 200
    call.save()
    answer = finance.get(f"{upload.get_absolute_url()}log.csv")
    queued, rejected = csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")))  # type: ignore[arg-type]
    assert answer["Content-Disposition"] == f'attachment; filename="upload-{upload.pk}-log.csv"'
    assert queued["State"] == Status.QUEUED.label
    assert queued["By"] == "finance@contoso.example"
    assert rejected["State"] == Status.REJECTED.label
    assert rejected["Words"] == REFUSAL
    assert rejected["IdempotencyKey"] == str(call.pk)
    assert (rejected["CorrelationID"], rejected["RequestID"], rejected["HTTPStatus"]) == (
        "correlation-1",
        "trace-1",
        "200",
    )
    assert (rejected["CurrencyCode"], rejected["Total"]) == ("AUD", "110.00")


def test_attempts_are_those_of_the_filter(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    uploaded(connection, finance_admin, *invoices(period, 2), to=Status.REJECTED)
    uploaded(connection, finance_admin, an_invoice(period, "OTHER"), to=Status.POSTED)

    def numbers(query: str) -> set[str]:
        answer = finance.get(f"/invoices/logs.csv?{query}")
        rows = csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")))  # type: ignore[arg-type]
        return {each["InvoiceNumber"] for each in rows}

    assert numbers("") == {"INV-001", "INV-002", "OTHER"}
    assert numbers("result=rejected") == {"INV-001", "INV-002"}
    assert numbers("q=INV-002") == {"INV-002"}


def test_it_shows_each_invoice_with_xeros_own_words_and_the_link(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2))
    bring(upload, Status.POSTED, "INV-001")
    bring(upload, Status.REJECTED, "INV-002")
    html = text(finance, upload.get_absolute_url())
    posted = Posting.objects.get(status=Status.POSTED)
    assert posted.xero_url.replace("&", "&amp;") in html
    assert REFUSAL.replace("'", "&#x27;") in html
    assert "finance@contoso.example" in html
    assert f"{posted.updated_at:%H:%M:%S}" in html


def test_xeros_words_are_text_and_nothing_else(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "A"), to=Status.REJECTED)
    Posting.objects.update(message="<img src=x onerror=alert(1)>")
    assert "<img" not in text(finance, upload.get_absolute_url())


def test_it_filters_by_state(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 3))
    bring(upload, Status.REJECTED, "INV-002")
    html = text(finance, f"{upload.get_absolute_url()}?state=rejected")
    assert "INV-002" in html
    assert "INV-001" not in html
    assert finance.get(f"{upload.get_absolute_url()}?state=nonsense").status_code == 400


def test_it_asks_the_database_as_often_for_sixty_rows_as_for_ten(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    few = uploaded(connection, finance_admin, *invoices(period, 10), to=Status.REJECTED)
    many = uploaded(connection, finance_admin, *invoices(period, 60, "MANY"), to=Status.REJECTED)
    assert queries_of(finance, many.get_absolute_url()) == queries_of(finance, few.get_absolute_url()) <= 15


def test_an_upload_that_is_not_there_is_not_found(finance: Client) -> None:
    assert finance.get(f"{LOGS}99/").status_code == 404


# Updating by itself


@pytest.mark.parametrize("address", [lambda upload: LOGS, Upload.get_absolute_url], ids=["uploads", "one upload"])
def test_it_updates_by_itself_until_nothing_is_in_progress(
    finance: Client,
    period: BillingPeriod,
    connection: XeroConnection,
    finance_admin: User,
    address: Callable[[Upload], str],
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 2))
    bring(upload, Status.POSTED, "INV-001")
    assert 'hx-trigger="every 2s"' in text(finance, address(upload))
    bring(upload, Status.UNCERTAIN)
    assert 'hx-trigger="every 2s"' in text(finance, address(upload))
    Posting.objects.filter(status=Status.UNCERTAIN).update(status=Status.REJECTED)
    finished = text(finance, address(upload))
    assert "hx-" not in finished.partition("<body>")[2]
    assert "Refresh" not in finished


@pytest.mark.parametrize("address", [lambda upload: LOGS, Upload.get_absolute_url], ids=["uploads", "one upload"])
def test_only_the_changing_part_is_sent_again(
    finance: Client,
    period: BillingPeriod,
    connection: XeroConnection,
    finance_admin: User,
    address: Callable[[Upload], str],
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "A"))
    html = markup(finance.get(address(upload), headers={"HX-Request": "true"}).content.decode())
    assert html.lstrip().startswith('<div id="live"')
    assert "<html" not in html
    assert f'hx-get="{address(upload)}"' in html


def test_it_asks_seldom_while_xero_makes_us_wait(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "A"))
    XeroConnection.objects.update(paused_until=timezone.now() + dt.timedelta(hours=20))
    assert 'hx-trigger="every 30s"' in text(finance, upload.get_absolute_url())


# Upload again, and taking back


def test_one_refused_invoice_is_uploaded_again(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User, woken: list[int]
) -> None:
    first, _ = refused = invoices(period, 2)
    upload = uploaded(connection, finance_admin, *refused, to=Status.REJECTED)
    response = finance.post(f"{upload.get_absolute_url()}again/", {"invoice": str(first.pk)})
    draft = UploadDraft.objects.get()
    assert response["Location"] == draft.get_absolute_url()
    assert draft.invoice_ids == [str(first.pk)]
    assert woken == []


def test_all_refused_are_uploaded_again_and_nothing_else(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 4))
    bring(upload, Status.POSTED, "INV-001")
    bring(upload, Status.REJECTED, "INV-002", "INV-003")
    finance.post(f"{upload.get_absolute_url()}again/")
    draft = UploadDraft.objects.get()
    chosen = upload_drafts.invoices_of(draft)
    assert sorted(chosen.values_list("number", flat=True)) == ["INV-002", "INV-003"]
    assert draft.invoice_status == upload.invoice_status


def test_the_earlier_upload_says_where_they_went(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 3))
    bring(upload, Status.REJECTED, "INV-001", "INV-002")
    bring(upload, Status.POSTED)
    refused = Invoice.objects.filter(posting__status=Status.REJECTED)
    queueing.enqueue(refused, connection=connection, user=finance_admin, invoice_status="DRAFT")
    later = Upload.objects.latest("pk")
    html = text(finance, upload.get_absolute_url())
    assert "2 uploaded again later" in html
    then = html.partition("In this upload")[2]
    assert "INV-001" in then
    assert "INV-002" in then
    assert then.count(Status.REJECTED.label) == 2
    assert "INV-003" not in then.partition("</table>")[0]
    assert f'<a href="{later.get_absolute_url()}">upload {later.pk}, ' in html
    assert "1 of 3 in Xero" in html


def test_uploading_again_needs_a_connection(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "A"), to=Status.REJECTED)
    XeroConnection.objects.update(status=XeroConnection.Status.DISCONNECTED, is_current=False)
    response = finance.post(f"{upload.get_absolute_url()}again/", follow=True)
    assert f"The connection to {connection.name} needs reconnecting" in response.content.decode()
    assert Upload.objects.count() == 1


def test_an_id_that_is_none_uploads_nothing(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, an_invoice(period, "A"), to=Status.REJECTED)
    assert finance.post(f"{upload.get_absolute_url()}again/", {"invoice": "none"}).status_code == 400
    assert Upload.objects.count() == 1


def test_what_still_waits_is_taken_back(
    finance: Client, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    upload = uploaded(connection, finance_admin, *invoices(period, 3))
    bring(upload, Status.POSTED, "INV-001")
    response = finance.post(f"{upload.get_absolute_url()}withdraw/", follow=True)
    assert "2 invoices were taken back" in response.content.decode()
    assert sorted(upload.postings.values_list("status", flat=True)) == ["posted", "withdrawn", "withdrawn"]


def test_a_reader_sees_the_logs_and_presses_nothing(
    client_for: ClientFor, system_reader: User, period: BillingPeriod, connection: XeroConnection, finance_admin: User
) -> None:
    reader = client_for(system_reader)
    upload = uploaded(connection, finance_admin, *invoices(period, 2))
    bring(upload, Status.REJECTED, "INV-001")
    html = text(reader, upload.get_absolute_url())
    assert REFUSAL.replace("'", "&#x27;") in html
    assert "Upload again" not in html
    assert "Undo upload" not in html
    assert reader.post(f"{upload.get_absolute_url()}again/").status_code == 403
    assert reader.post(f"{upload.get_absolute_url()}withdraw/").status_code == 403
    assert Upload.objects.count() == 1


def test_the_upload_says_which_invoices_go_to_a_reseller(finance: Client, make_invoice: Any) -> None:
    reseller = Customer.objects.create(tenant_id="reseller:contoso", key_from="reseller", name="Contoso Distribution")
    invoices = [make_invoice(bill_to=reseller), make_invoice()]
    upload = uploaded(connected(), None, *invoices)
    page = finance.get(upload.get_absolute_url()).content.decode()
    assert page.count("Bill to Contoso Distribution") == 1
