"""What people are told: found in the rows, said once, with the right counts."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import pytest
import standardwebhooks
import time_machine
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from c3portal.models import Delivery, Notice, User, Webhook
from c3portal.models.notices import Kind
from c3portal.notifications import delivery
from c3portal.notifications import tasks as notifications_tasks
from c3portal.testing import WorkerProcess, at_once, wait_until
from c3portal.tests.receivers import MailServer, Receiver
from invoices import notifications
from invoices.conftest import MakeInvoice, Work
from invoices.conftest import Upload as MakeUpload
from invoices.models import Invoice, Posting, Upload
from invoices.posting import transitions
from invoices.tasks import find_notices
from invoices.tests import makers
from xero_integration import connections
from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.models import Account, BrandingTheme, TokenSet, XeroConnection, XeroSettings
from xero_integration.testing import consent
from xero_sandbox.testing import SandboxControl

Status = Posting.Status


def published(kind: str) -> list[Notice]:
    """What was told of this kind, oldest first."""
    return list(Notice.objects.filter(kind=kind, deliveries__isnull=False).distinct().order_by("pk"))


def about(connection: XeroConnection) -> XeroConnection:
    connection.refresh_from_db()
    return connection


# Uploads


@pytest.fixture
def organisation(system_admin: User) -> XeroConnection:
    """A connected organisation, without Xero behind it."""
    return makers.connected(system_admin)


def test_a_finished_upload_is_told_once_by_mail_and_webhook_with_the_right_counts(
    sandbox: SandboxControl,
    connected: XeroConnection,
    make_invoice: MakeInvoice,
    upload: MakeUpload,
    work: Work,
    finance_admin: User,
    system_admin: User,
    system_reader: User,
    mail_server: MailServer,
    receiver: Receiver,
) -> None:
    webhook = Webhook.objects.create(url=receiver.url)
    for _ in range(3):
        make_invoice()
    make_invoice(currency="NZD")
    refused = [make_invoice(currency="XTS") for _ in range(2)]
    upload()
    assert notifications.find() == 0
    work()
    assert notifications.find() == 1
    assert notifications.find() == 0
    delivery.deliver_due(20)

    posted = Posting.objects.filter(status=Status.POSTED).count()
    assert posted == 3 + (Posting.objects.filter(invoice__currency="NZD", status=Status.POSTED).count())
    assert sorted(str(mail["To"]) for mail in mail_server.mails) == [system_admin.email, finance_admin.email]
    _mail_is_right(mail_server.of(finance_admin.email), connected, posted, 6 - posted)
    data = _data_of(receiver, webhook)
    _data_is_right(data, connected, posted, 6 - posted)
    assert all(each.number not in json.dumps(data) for each in refused)


def _mail_is_right(mails: list[EmailMessage], connection: XeroConnection, posted: int, stopped: int) -> None:
    (mail,) = mails
    text = mail.get_content()
    assert mail["Subject"] == f"[C3 portal] {connection.name}: {posted} invoices in Xero, {stopped} rejected"
    assert f"In Xero: {posted} invoices, AUD 330.00" in text
    assert "XTS 220.00" in text
    assert "- 2 invoices: " in text


def _data_of(receiver: Receiver, webhook: Webhook) -> dict[str, Any]:
    (post,) = receiver.posts
    data: dict[str, Any] = standardwebhooks.Webhook(str(webhook.secret)).verify(post.body, post.headers)["data"]
    return data


def _data_is_right(data: dict[str, Any], connection: XeroConnection, posted: int, stopped: int) -> None:
    assert data["posted"]["count"] == posted
    assert data["posted"]["totals"]["AUD"] == "330.00"
    assert data["refused"]["count"] == stopped
    assert data["refused"]["totals"]["XTS"] == "220.00"
    assert data["organisation"] == {"name": connection.name, "tenant_id": connection.tenant_id}
    assert sum(reason["count"] for reason in data["reasons"]) == stopped


def test_what_is_uploaded_again_is_told_as_an_upload_of_its_own(
    organisation: XeroConnection, finance_admin: User
) -> None:
    invoices = makers.invoices(makers.a_period(), 3)
    first = makers.uploaded(organisation, finance_admin, *invoices)
    makers.bring(first, Status.REJECTED, invoices[0].number)
    makers.bring(first, Status.POSTED)
    assert notifications.find() == 1
    second = makers.uploaded(organisation, finance_admin, invoices[0])
    assert notifications.find() == 0
    makers.bring(second, Status.POSTED)
    assert notifications.find() == 1
    assert [notice.subject for notice in published(Kind.UPLOAD_FINISHED)] == [
        f"{organisation.name}: 2 invoices in Xero, 1 rejected",
        f"{organisation.name}: 1 invoice in Xero",
    ]
    assert [notice.path for notice in published(Kind.UPLOAD_FINISHED)] == [
        first.get_absolute_url(),
        second.get_absolute_url(),
    ]


def test_the_mail_tells_what_to_do(organisation: XeroConnection, finance_admin: User) -> None:
    invoices = makers.invoices(makers.a_period(), 8)
    upload = makers.uploaded(organisation, finance_admin, *invoices)
    for number, invoice in enumerate(invoices[:6]):
        submission_reason = f"Reason {number}" + " with many words" * 30
        transitions.mark_rejected(Posting.objects.filter(invoice=invoice), _reason(invoice, submission_reason))
    transitions.withdraw(Posting.objects.filter(invoice=invoices[6]), finance_admin)
    makers.bring(upload, Status.POSTED)
    Posting.objects.filter(invoice=invoices[7]).update(total_difference=Decimal("0.01"))
    notifications.find()
    (notice,) = published(Kind.UPLOAD_FINISHED)
    assert "In Xero: 1 invoice, AUD 110.00." in notice.body
    assert "Of these, 1 with another total in Xero" in notice.body
    assert "Rejected by Xero: 6 invoices, AUD 660.00. Not in Xero." in notice.body
    assert "Withdrawn: 1 invoice." in notice.body
    assert "- 1 invoice: 1 more reasons" not in notice.body
    assert notice.body.count("\n- 1 invoice: Reason") == 5
    assert "- 1 invoice: another reason" in notice.body
    assert "press “Upload again” on the upload's page. Nothing is sent twice" in notice.body
    assert max(map(len, notice.body.splitlines())) < 260


def _reason(invoice: Invoice, words: str) -> dict[int, str]:
    return {Posting.objects.get(invoice=invoice).pk: words}


def test_lost_answers_are_told_when_they_stay_open_and_once_more_when_they_are_settled(
    organisation: XeroConnection, finance_admin: User
) -> None:
    invoices = makers.invoices(makers.a_period(), 2)
    upload = makers.uploaded(organisation, finance_admin, *invoices)
    makers.bring(upload, Status.UNCERTAIN, invoices[0].number)
    makers.bring(upload, Status.POSTED)
    assert notifications.find() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61)):
        assert notifications.find() == 1
        assert notifications.find() == 0
        row = Posting.objects.get(invoice=invoices[0])
        assert row.submission
        transitions.mark_posted(row.submission, {row.pk: transitions.Recorded("an-id", "DRAFT", Decimal("110.00"))})
        assert notifications.find() == 1
    doubtful, settled = published(Kind.UPLOAD_FINISHED)
    assert doubtful.subject == f"{organisation.name}: 1 invoice in Xero, 1 confirming with Xero"
    assert "nothing is sent twice" in doubtful.body
    assert settled.subject == f"{organisation.name}: 2 invoices in Xero"
    assert settled.body.endswith("Nothing is left to do.")


def test_an_upload_that_was_taken_back_whole_is_no_news(organisation: XeroConnection, finance_admin: User) -> None:
    makers.uploaded(organisation, finance_admin, *makers.invoices(makers.a_period(), 2), to=Status.WITHDRAWN)
    assert notifications.find() == 0


def test_uploads_of_before_the_update_are_no_news(organisation: XeroConnection, finance_admin: User) -> None:
    with time_machine.travel(timezone.now() - dt.timedelta(days=4)):
        makers.uploaded(organisation, finance_admin, *makers.invoices(makers.a_period(), 2), to=Status.POSTED)
    assert notifications.find() == 0


def test_an_upload_that_waited_for_weeks_is_told_when_it_ends(
    organisation: XeroConnection, finance_admin: User
) -> None:
    with time_machine.travel(timezone.now() - dt.timedelta(days=30)):
        upload = makers.uploaded(organisation, finance_admin, *makers.invoices(makers.a_period(), 2))
    makers.bring(upload, Status.POSTED)
    assert notifications.find() == 1


def test_the_number_of_invoices_costs_no_queries(organisation: XeroConnection, finance_admin: User) -> None:
    period = makers.a_period()

    def queries_for(count: int) -> tuple[int, int]:
        """Return how many queries it takes to tell of an upload, and then to find nothing new."""
        some = makers.invoices(period, count, prefix=f"N{count}")
        makers.uploaded(organisation, finance_admin, *some, to=Status.POSTED)
        with CaptureQueriesContext(database) as telling:
            assert notifications.find() == 1
        with CaptureQueriesContext(database) as nothing_new:
            assert notifications.find() == 0
        # So that the next upload is the only one that may be news.
        Upload.objects.update(created_at=timezone.now() - 2 * notifications.LONGEST_UPLOAD)
        return len(telling), len(nothing_new)

    queries_for(1)
    assert queries_for(3) == queries_for(60)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_once(organisation: XeroConnection, finance_admin: User, system_admin: User) -> None:
    makers.uploaded(organisation, finance_admin, *makers.invoices(makers.a_period(), 5), to=Status.REJECTED)
    XeroConnection.objects.update(paused_until=timezone.now() + dt.timedelta(hours=3), pause_problem=Problem.DAY)
    counts = at_once(3, lambda _: notifications.find())
    assert sum(counts) == 2
    assert sorted(Notice.objects.values_list("kind", flat=True)) == [Kind.DAY_LIMIT, Kind.UPLOAD_FINISHED]
    assert Delivery.objects.count() == 4


# The connection


def test_each_time_that_the_connection_breaks_is_told_once_in_xeros_words(
    sandbox: SandboxControl, connected: XeroConnection, make_invoice: MakeInvoice, upload: MakeUpload
) -> None:
    make_invoice()
    upload()
    connections.needs_reconnecting(
        connected, connected.token_set, "Xero did not accept the sign-in (401). Connect again to go on."
    )
    assert [notifications.find(), notifications.find()] == [1, 0]
    consent(sandbox, XeroSettings.load().client_id)
    assert notifications.find() == 0
    connected.refresh_from_db()
    connections.needs_reconnecting(connected, connected.token_set, "It was disconnected in Xero")
    assert [notifications.find(), notifications.find()] == [1, 0]
    first, second = published(Kind.NEEDS_RECONNECTING)
    assert first.subject == f"{connected.name}: the connection to Xero needs reconnecting"
    assert "Xero did not accept the sign-in (401). Connect again to go on." in first.body
    assert "1 invoice waits: none is lost or sent twice" in first.body
    assert "Reconnect to Xero" in first.body
    assert "It was disconnected in Xero." in second.body


def test_each_restore_is_told(connected: XeroConnection) -> None:
    for _ in range(2):
        XeroConnection.objects.update(status="needs_reconnecting", token_set=None, restored_at=timezone.now())
        assert [notifications.find(), notifications.find()] == [1, 0]


def test_a_token_that_nobody_renews_is_told_at_seven_and_at_two_days(organisation: XeroConnection) -> None:
    ends = TokenSet.objects.get().dies_at
    for days, expected in ((8, 0), (6.9, 1), (6, 0), (2.1, 0), (1.9, 1), (0.1, 0), (-1, 0)):
        with time_machine.travel(ends - dt.timedelta(days=days), tick=False):
            assert notifications.ending_tokens() == expected, days
    seven, two = published(Kind.TOKEN_DIES)
    assert seven.data["dies_at"] == two.data["dies_at"] == ends.isoformat()
    assert seven.subject == f"{organisation.name}: the sign-in to Xero ends within 7 days"
    assert two.subject == f"{organisation.name}: the sign-in to Xero ends within 2 days"
    TokenSet.objects.update(generation=1, refreshed_at=ends)
    with time_machine.travel(ends + dt.timedelta(days=55), tick=False):
        assert notifications.ending_tokens() == 1


def test_two_days_alone_are_told_once_when_the_portal_was_down_at_seven(organisation: XeroConnection) -> None:
    with time_machine.travel(TokenSet.objects.get().dies_at - dt.timedelta(days=1), tick=False):
        assert [notifications.ending_tokens(), notifications.ending_tokens()] == [1, 0]


def test_the_daily_limit_is_told_once_a_day_and_says_when_it_goes_on(
    sandbox: SandboxControl, connected: XeroConnection, make_invoice: MakeInvoice, upload: MakeUpload, work: Work
) -> None:
    make_invoice()
    upload()
    sandbox.set_limits(day=0)
    with pytest.raises(XeroUnavailable):
        connections.read_reference(connected)
    assert [notifications.find(), notifications.find()] == [1, 0]
    (notice,) = published(Kind.DAY_LIMIT)
    until = about(connected).paused_until
    assert until
    assert notice.data["goes_on_at"] == until.isoformat()
    assert notice.data["waiting"] == 1
    assert f"<{until:%Y-%m-%dT%H:%M:%S}+00:00>" in notice.body
    XeroConnection.objects.update(paused_until=until + dt.timedelta(days=1))
    assert notifications.find() == 1


def test_a_short_pause_is_not_told(organisation: XeroConnection) -> None:
    XeroConnection.objects.update(paused_until=timezone.now() + dt.timedelta(minutes=1), pause_problem=Problem.MINUTE)
    assert notifications.find() == 0


# Drift


@pytest.fixture
def drifting(connected: XeroConnection, system_admin: User) -> XeroConnection:
    assert notifications.find() == 0
    return connected


def archive(*codes: str) -> None:
    Account.objects.update(status="ACTIVE")
    Account.objects.filter(code__in=codes).update(status="ARCHIVED")


def test_each_new_set_of_findings_is_told_once(drifting: XeroConnection) -> None:
    archive("4010")
    assert [notifications.find(), notifications.find()] == [1, 0]
    archive("4010", "4020")
    assert [notifications.find(), notifications.find()] == [1, 0]
    first, second = published(Kind.MAPPING_DRIFT)
    assert first.subject == f"{drifting.name}: 1 chosen thing no longer fits"
    assert second.subject == f"{drifting.name}: 2 chosen things no longer fit"
    assert "4010" in first.body
    assert "Used in: Settings → General, License based SKUs." in first.body


def test_another_reason_at_the_same_account_is_told(drifting: XeroConnection) -> None:
    archive("4010")
    assert notifications.find() == 1
    Account.objects.filter(code="4010").update(status="ACTIVE", type="EXPENSE")
    assert [notifications.find(), notifications.find()] == [1, 0]
    Account.objects.filter(code="4010").delete()
    assert [notifications.find(), notifications.find()] == [1, 0]


def test_mending_a_part_is_not_told_and_what_comes_back_is(drifting: XeroConnection) -> None:
    archive("4010", "4020")
    assert notifications.find() == 1
    archive("4010")
    notifications.find()
    archive()
    notifications.find()
    assert len(published(Kind.MAPPING_DRIFT)) == 1
    archive("4010")
    assert notifications.drifts() == 1
    assert len(published(Kind.MAPPING_DRIFT)) == 2


def test_a_renamed_theme_stops_nothing_and_is_not_told(drifting: XeroConnection) -> None:
    XeroSettings.objects.update(theme_id=BrandingTheme.objects.get(name="Cloud services").theme_id)
    BrandingTheme.objects.filter(name="Cloud services").update(name="Cloud")
    assert notifications.find() == 0


def test_one_check_that_fails_does_not_silence_the_others(
    organisation: XeroConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notifications, "_finished_uploads", None)
    connections.needs_reconnecting(organisation, organisation.token_set, "Gone.")
    assert notifications.find() == 1
    assert "Looking for notices failed in uploads" in caplog.text


# The tasks


def test_a_real_worker_finds_and_delivers(
    organisation: XeroConnection,
    receiver: Receiver,
    start_worker: Callable[..., WorkerProcess],
    finance_admin: User,
) -> None:
    Webhook.objects.create(url=receiver.url)
    makers.uploaded(organisation, finance_admin, *makers.invoices(makers.a_period(), 2), to=Status.POSTED)
    start_worker(WEBHOOK_ALLOW_PRIVATE="1")
    find_notices.delay()
    wait_until(lambda: bool(receiver.posts), "The webhook is posted")
    assert json.loads(receiver.posts[0].body)["type"] == "upload.finished"


def test_a_delivery_that_nobody_was_woken_for_is_found_by_the_next_round(
    organisation: XeroConnection, receiver: Receiver, finance_admin: User
) -> None:
    Webhook.objects.create(url=receiver.url)
    makers.uploaded(organisation, finance_admin, *makers.invoices(makers.a_period(), 2), to=Status.POSTED)
    notifications.find()
    notifications_tasks.deliver_notices()
    assert len(receiver.posts) == 1
