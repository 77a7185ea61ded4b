"""The test draft: one draft in Xero at most, whatever becomes of an answer, shown, and deleted again by a click."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.database import clock
from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.home import figures
from invoices.home.tests.test_home import TODAY
from invoices.home.trial_document import CONTACT
from invoices.models import ImportRun, Posting, Submission, TrialDraft, Upload
from invoices.tests.faults import CALL_TIMEOUT, LIMITS, SECONDS
from invoices.tests.makers import a_period, an_invoice
from xero_integration.models import XeroConnection, XeroSettings

pytestmark = pytest.mark.both_databases
State = TrialDraft.State
PAGE, POST, DELETE = (f"/test-draft/{what}" for what in ("", "post/", "delete/"))
# Each leaves it open whether anything was written, and these did write.
WRITTEN = ("commit_then_drop", "commit_then_500", "504_after_commit", "garbled_json_after_commit")
NOT_WRITTEN = ("drop_before", "500_before", "503_text")


@pytest.fixture
def at_once(settings: Any) -> None:
    """What is not in Xero right after a lost answer never will be."""
    settings.XERO_LOOK_AFTER = settings.XERO_SETTLES_AFTER = 0


def drafts(sandbox: Any) -> list[dict[str, Any]]:
    """Return the test drafts that Xero has, deleted ones included."""
    return [each for each in sandbox.documents() if each["number"].startswith("C3-TEST-")]


def live(sandbox: Any) -> list[dict[str, Any]]:
    return [each for each in drafts(sandbox) if each["status"] == "DRAFT"]


def page(client: Client) -> str:
    return markup(client.get(PAGE).content.decode())


def pressed(client: Client, address: str = POST) -> TrialDraft:
    client.post(address)
    return TrialDraft.objects.latest("created_at")


def test_it_is_posted_shown_with_account_tax_and_total_and_deleted_again(
    finance: Client, sandbox: Any, connected: XeroConnection, finance_admin: User
) -> None:
    before = page(finance)
    for words in (CONTACT, "4010", "GST", "AUD 1.10", "Post a test draft"):
        assert words in before
    trial = pressed(finance)
    assert (trial.state, trial.total, trial.matches, trial.created_by) == (
        State.POSTED,
        Decimal("1.10"),
        True,
        finance_admin,
    )
    (draft,) = live(sandbox)
    assert (draft["number"], draft["contact"], draft["total"]) == (trial.number, CONTACT, "1.10")
    html = page(finance)
    for words in (trial.number, "In Xero", "Total matches", "Delete it in Xero", trial.xero_id):
        assert words in html
    assert "Post a test draft" not in html

    trial = pressed(finance, DELETE)
    assert (trial.state, trial.xero_status) == (State.DELETED, "DELETED")
    assert [each["status"] for each in drafts(sandbox)] == ["DELETED"]
    assert "Deleted again" in page(finance)
    assert sandbox.violations() == []


def test_it_counts_in_no_period_figure_upload_or_list(
    finance: Client, sandbox: Any, connected: XeroConnection, finance_admin: User
) -> None:
    period = a_period()
    an_invoice(period, "INV-1")
    before = figures.of(period, TODAY)
    trial = pressed(finance)
    assert figures.of(period, TODAY) == before
    assert (Posting.objects.count(), Upload.objects.count(), Submission.objects.count()) == (0, 0, 0)
    for address in ("/analyze/business/invoices/", "/invoices/logs/"):
        assert trial.number not in finance.get(address).content.decode()


def test_the_audit_record_has_who_asked_and_what_became_of_it(
    finance: Client, sandbox: Any, connected: XeroConnection, finance_admin: User
) -> None:
    connecting = list(AuditEntry.objects.values_list("pk", flat=True))
    trial = pressed(finance)
    pressed(finance, DELETE)
    entries = AuditEntry.objects.exclude(pk__in=connecting).order_by("pk")
    assert {each.actor for each in entries} == {finance_admin.email}
    assert [each.subject for each in entries] == [
        f"Test draft for {connected.name}",
        f"Test draft {trial.number}",
        f"Test draft {trial.number}",
    ]
    assert entries[0].after["Account"].startswith("4010")
    assert [each.after.get("State") for each in entries] == [None, "In Xero", "Deleted again"]


def test_pressed_again_there_is_still_one(finance: Client, sandbox: Any, connected: XeroConnection) -> None:
    for _ in range(3):
        pressed(finance)
    assert len(drafts(sandbox)) == TrialDraft.objects.count() == 1
    for _ in range(3):
        pressed(finance, DELETE)
    assert TrialDraft.objects.get().state == State.DELETED
    assert pressed(finance).state == State.POSTED
    assert (len(drafts(sandbox)), len(live(sandbox))) == (2, 1)
    assert sandbox.violations() == []


@pytest.mark.parametrize("fault", WRITTEN)
def test_a_lost_answer_is_looked_for_and_nothing_sent_twice(
    finance: Client, sandbox: Any, connected: XeroConnection, fault: str
) -> None:
    sandbox.place_fault(fault, method="PUT", path="^Invoices$")
    trial = pressed(finance)
    assert (trial.state, bool(trial.message)) == (State.POSTING, True)
    html = page(finance)
    assert "Confirming with Xero" in html
    assert "Look in Xero" in html
    trial = pressed(finance)
    assert (trial.state, trial.total) == (State.POSTED, Decimal("1.10"))
    assert len(drafts(sandbox)) == 1


@pytest.mark.parametrize("fault", NOT_WRITTEN)
def test_what_never_came_to_xero_is_sent_again_once_it_cannot_come_any_more(
    finance: Client, sandbox: Any, connected: XeroConnection, fault: str, settings: Any
) -> None:
    sandbox.place_fault(fault, method="PUT", path="^Invoices$")
    first = pressed(finance)
    assert first.state == State.POSTING
    early = pressed(finance)
    assert (early.state, early.key) == (State.POSTING, first.key), "It may still be on its way"
    assert "look again in a minute" in page(finance)
    assert drafts(sandbox) == []

    settings.XERO_SETTLES_AFTER = 0
    late = pressed(finance)
    assert late.state == State.POSTED
    assert late.key != first.key, "Xero answers a key with what it answered first"
    assert len(drafts(sandbox)) == 1


def test_an_answer_that_is_late_is_found(
    finance: Client, sandbox: Any, connected: XeroConnection, settings: Any
) -> None:
    settings.XERO_CALL_TIMEOUT = CALL_TIMEOUT
    sandbox.place_fault("hang_after_commit", method="PUT", path="^Invoices$", seconds=SECONDS["hang_after_commit"])
    assert pressed(finance).state == State.POSTING
    settings.XERO_CALL_TIMEOUT = 10
    assert pressed(finance).state == State.POSTED
    assert len(drafts(sandbox)) == 1


@pytest.mark.parametrize("fault", LIMITS)
def test_where_xero_takes_no_call_nothing_was_sent_and_it_is_offered_again(
    finance: Client, sandbox: Any, connected: XeroConnection, fault: str
) -> None:
    sandbox.place_fault(fault, method="PUT", path="^Invoices$")
    trial = pressed(finance)
    assert (trial.state, trial.called_at) == (State.NEW, None)
    html = page(finance)
    assert "Nothing was sent" in html
    assert LIMITS[fault] in html
    XeroConnection.objects.update(paused_until=None)
    assert pressed(finance).state == State.POSTED
    assert (TrialDraft.objects.count(), len(drafts(sandbox))) == (1, 1)


def test_a_refusal_is_shown_in_xeros_words_with_where_it_is_mended(
    finance: Client, admin: Client, sandbox: Any, connected: XeroConnection
) -> None:
    sandbox.put_account("4010", status="ARCHIVED")
    trial = pressed(finance)
    assert trial.state == State.REJECTED
    html = page(finance)
    assert "Rejected by Xero" in html
    assert "4010" in trial.message
    assert trial.message.replace("'", "&#x27;") in html
    assert "Ask a System Admin" in html
    assert reverse("settings_general") in page(admin)
    assert drafts(sandbox) == []

    sandbox.put_account("4010", status="ACTIVE")
    again = pressed(finance)
    assert (again.state, again.number != trial.number) == (State.POSTED, True)


def test_without_a_usable_account_nothing_is_posted(finance: Client, sandbox: Any, connected: XeroConnection) -> None:
    XeroSettings.objects.update(license_account_code="999")
    html = page(finance)
    assert "999" in html
    assert "Post a test draft" not in html
    finance.post(POST)
    XeroSettings.objects.update(license_account_code="", azure_account_code="", custom_account_code="")
    finance.post(POST)
    assert not TrialDraft.objects.exists()


def test_without_a_connection_it_says_so(finance: Client, db: None) -> None:
    assert "No organisation in Xero is connected" in page(finance)
    finance.post(POST)
    finance.post(DELETE)
    assert not TrialDraft.objects.exists()


@pytest.mark.parametrize("fault", [*WRITTEN, *NOT_WRITTEN, *LIMITS])
def test_a_deletion_that_failed_is_said_and_offered_again(
    finance: Client, sandbox: Any, connected: XeroConnection, fault: str
) -> None:
    pressed(finance)
    sandbox.place_fault(fault, method="POST", path="^Invoices$")
    trial = pressed(finance, DELETE)
    assert (trial.state, bool(trial.message)) == (State.POSTED, True)
    html = page(finance)
    assert "Not deleted" in html
    assert "Try to delete it again" in html
    XeroConnection.objects.update(paused_until=None)
    assert pressed(finance, DELETE).state == State.DELETED
    assert [each["status"] for each in drafts(sandbox)] == ["DELETED"]
    again = [each for each in sandbox.violations() if each["kind"] == "move_already_made"]
    assert again == [], "Nothing is deleted that is deleted already"


def test_what_someone_deleted_in_xero_is_deleted(finance: Client, sandbox: Any, connected: XeroConnection) -> None:
    sandbox.void(pressed(finance).number)
    assert pressed(finance, DELETE).state == State.DELETED


def test_what_someone_approved_in_xero_is_not_deleted_and_says_why(
    finance: Client, sandbox: Any, connected: XeroConnection
) -> None:
    number = pressed(finance).number
    sandbox.change(number, Status="AUTHORISED")
    trial = pressed(finance, DELETE)
    assert (trial.state, trial.xero_status) == (State.POSTED, "AUTHORISED")
    assert "Void it there" in page(finance)
    sandbox.void(number)
    assert pressed(finance, DELETE).state == State.DELETED


def test_a_process_that_died_at_it_holds_it_up_no_longer_than_a_call_takes(
    finance: Client, sandbox: Any, connected: XeroConnection, at_once: None
) -> None:
    trial = pressed(finance)
    now = clock.now()
    dead = {"state": State.POSTING, "called_at": now, "holder": trial.pk, "xero_id": ""}
    TrialDraft.objects.update(**dead, held_until=now.replace(year=now.year + 1))
    assert pressed(finance).state == State.POSTING
    TrialDraft.objects.update(held_until=now)
    assert pressed(finance).state == State.POSTED
    assert len(drafts(sandbox)) == 1


def test_home_asks_for_it_until_it_was_done(finance: Client, sandbox: Any, connected: XeroConnection) -> None:
    asks = "Posts one draft for a test contact"
    assert asks in markup(finance.get("/").content.decode()), "In the checklist"
    an_invoice(a_period(), "INV-1")
    ImportRun.objects.create(file_name="lines.csv", size=1)
    home = markup(finance.get("/").content.decode())
    assert "Portal against Xero" in home
    assert asks in home
    pressed(finance)
    assert asks in markup(finance.get("/").content.decode())
    pressed(finance, DELETE)
    assert asks not in markup(finance.get("/").content.decode())


def test_a_reader_has_no_such_page(system_reader: User, connected: XeroConnection) -> None:
    client = Client()
    client.force_login(system_reader)
    assert [client.get(PAGE).status_code, client.post(POST).status_code, client.post(DELETE).status_code] == [403] * 3
