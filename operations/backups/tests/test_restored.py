"""A portal that comes back from a backup goes on posting without a duplicate: Xero knows what it does not."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.models import User
from invoices import tasks
from invoices.changes import asking
from invoices.changes import transitions as changes
from invoices.importing.importer import import_file
from invoices.models import DocumentChange, Invoice, Posting, PostLog, Submission
from invoices.posting import contact_step, queueing, reconciliation, sender, transitions
from invoices.tests import makers
from invoices.tests.c3_files import NEW_CUSTOMERS, SEPTEMBER
from operations.backups.restore import require_lookups_after_restore
from operations.conftest import Lose, restore
from xero_integration import connections
from xero_integration.client import oauth
from xero_integration.models import ContactLink, XeroConnection, XeroSettings
from xero_integration.testing import connect, consent
from xero_integration.tests.deaths import killed_in_the_call
from xero_sandbox.testing import SandboxControl

Status = Posting.Status
pytestmark = pytest.mark.usefixtures("transactional_db", "postgres_programs")


def upload(connection: XeroConnection, **which: Any) -> None:
    chosen = Invoice.objects.filter(**which)
    queueing.enqueue(chosen, connection=connection, user=None, invoice_status="AUTHORISED")


def some_of_each_state(connection: XeroConnection) -> None:
    """Post a call's worth, lose the worker of another before its bytes are stored, and of a third in its call."""
    contact_step.link_contacts(connection)
    sender.send_next(connection)
    transitions.claim(connection)
    die_in_the_call(connection)


def work_until_posted(connection: XeroConnection) -> None:
    """Do what workers and sweeps do, until nothing is on its way any more."""
    for _ in range(20):
        reconciliation.release_expired_leases()
        tasks.work(connection.pk, spread=False)
        if not Posting.objects.exclude(status__in=[Status.POSTED, Status.REJECTED]).exists():
            return
    raise AssertionError(f"Stuck: {sorted(set(Posting.objects.values_list('status', 'message')))}")


def states() -> dict[str, int]:
    return dict(Counter(Posting.objects.values_list("status", flat=True)))


def die_in_the_call(connection: XeroConnection) -> None:
    """A worker's call arrives, and the worker is gone before the answer."""
    with killed_in_the_call():
        sender.send_next(connection)


def reconnect(sandbox: SandboxControl) -> XeroConnection:
    connection = consent(sandbox, XeroSettings.load().client_id)
    connections.choose(connection)
    connection.refresh_from_db()
    return connection


def assert_exactly_once(sandbox: SandboxControl) -> None:
    documents = sandbox.documents()
    rows = Posting.objects.select_related("invoice")
    assert {row.status for row in rows} == {Status.POSTED}
    assert {row.xero_id: row.invoice.xero_number for row in rows} == {each["id"]: each["number"] for each in documents}
    assert sandbox.organisations()[0]["duplicates"] == {"number": {}, "url": {}, "reference": {}}
    assert sum(Decimal(each["total"]) for each in documents) == sum(abs(row.invoice.total) for row in rows)
    assert {row.total_difference for row in rows} == {0}
    assert sandbox.violations() == []


def post_a_part(connection: XeroConnection, settings: Any) -> None:
    """Import September, and leave invoices and then credit notes of it in each state."""
    import_file(SEPTEMBER, name=SEPTEMBER.name)
    upload(connection, total__gt=0)
    settings.XERO_BATCH = 20
    some_of_each_state(connection)
    upload(connection)
    settings.XERO_BATCH = 1
    some_of_each_state(connection)
    settings.XERO_BATCH = 50


def post_the_rest(connection: XeroConnection, later_file: Path) -> None:
    import_file(later_file, name=later_file.name)
    upload(connection)
    work_until_posted(connection)


@pytest.mark.both_databases
@pytest.mark.usefixtures("no_lookup_delay")
def test_a_restored_portal_goes_on_without_a_duplicate(
    sandbox: SandboxControl, finance_admin: User, tmp_path: Path, later_file: Path, settings: Any, lose: Lose
) -> None:
    """Xero takes the same number of a credit note as often as it is sent, so only the portal's own care helps there."""
    sandbox.change_organisation(unique_credit_notes=False)
    original = connect(sandbox)
    post_a_part(original, settings)
    contacts = ContactLink.objects.count()
    call_command("backup", str(tmp_path / "backups"))
    Submission.objects.update(lease_until=timezone.now())
    post_the_rest(original, later_file)
    assert_exactly_once(sandbox)
    documents = {each["id"] for each in sandbox.documents()}
    assert len(documents) == 120 + NEW_CUSTOMERS + 1
    in_xero = sandbox.organisations()[0]["contacts"]

    lose()
    assert "Connect to Xero again (Contoso Cloud (AU))" in restore(tmp_path / "backups")
    assert ContactLink.objects.count() == contacts
    assert states() == {"posted": 21, "sending": 42, "queued": 57}
    again = reconnect(sandbox)
    sandbox.forget()
    work_until_posted(again)
    post_the_rest(again, later_file)

    assert {each["id"] for each in sandbox.documents()} == documents
    assert_exactly_once(sandbox)
    assert sandbox.organisations()[0]["contacts"] == in_xero
    assert [call for call in sandbox.calls() if call["method"] == "PUT"] == []
    # Looked up in lots of up to 50 numbers, never one by one.
    assert len(sandbox.calls()) < 30


@pytest.mark.usefixtures("no_lookup_delay")
def test_contacts_made_since_the_backup_are_found_by_their_number(
    sandbox: SandboxControl, finance_admin: User, tmp_path: Path, later_file: Path, lose: Lose
) -> None:
    original = connect(sandbox)
    import_file(SEPTEMBER, name=SEPTEMBER.name)
    upload(original)
    work_until_posted(original)
    call_command("backup", str(tmp_path / "backups"))
    import_file(later_file, name=later_file.name)
    upload(original)
    contact_step.link_contacts(original)
    in_xero = sandbox.organisations()[0]["contacts"]

    lose()
    restore(tmp_path / "backups")
    again = reconnect(sandbox)
    import_file(later_file, name=later_file.name)
    upload(again)
    work_until_posted(again)
    assert_exactly_once(sandbox)
    assert len(sandbox.documents()) == 120 + NEW_CUSTOMERS + 1
    assert sandbox.organisations()[0]["contacts"] == in_xero


@pytest.fixture
def restored(sandbox: SandboxControl, later_file: Path) -> XeroConnection:
    """A connected organisation of a portal that came back from a backup a moment ago, with invoices to upload."""
    connection = connect(sandbox)
    import_file(later_file, name=later_file.name)
    now = timezone.now()
    XeroConnection.objects.update(restored_at=now)
    XeroSettings.objects.update(restored_at=now)
    connection.refresh_from_db()
    return connection


def test_what_is_not_there_is_not_sent_before_the_lost_portals_last_call_must_be_over(
    restored: XeroConnection, sandbox: SandboxControl, settings: Any, time_machine: Any
) -> None:
    settings.XERO_LOOK_AFTER, settings.XERO_SETTLES_AFTER = 10, 120
    assert restored.restored_at
    upload(restored)
    for seconds in (1, 15, 60, 115):
        time_machine.move_to(restored.restored_at + dt.timedelta(seconds=seconds))
        tasks.work(restored.pk, spread=False)
        assert states() == {"uncertain": 4}
    assert not [call for call in sandbox.calls() if call["method"] == "PUT"]
    time_machine.move_to(restored.restored_at + dt.timedelta(seconds=130))
    work_until_posted(restored)
    assert_exactly_once(sandbox)


@pytest.mark.usefixtures("no_lookup_delay")
def test_each_upload_is_looked_for_once_more(restored: XeroConnection, sandbox: SandboxControl) -> None:
    """What was refused here may have been mended and posted by the portal that was lost."""
    sandbox.put_account("4010", status="ARCHIVED")
    upload(restored)
    work_until_posted(restored)
    refused = Posting.objects.filter(status=Status.REJECTED)
    assert refused.exists()
    sandbox.put_account("4010", status="ACTIVE")
    upload(restored)
    assert not refused.exists()
    assert set(Posting.objects.filter(status=Status.QUEUED).values_list("looked_at", flat=True)) == {None}
    assert sender.send_next(restored) == 0


def test_an_organisation_that_the_backup_does_not_know_is_looked_at_too(
    restored: XeroConnection, sandbox: SandboxControl, finance_admin: User
) -> None:
    restored.delete()
    tokens = sandbox.tokens(XeroSettings.load().client_id, ["Contoso Cloud (AU)"])
    (tenant,) = tokens["connections"]
    found = oauth.Tenant(tenant["id"], tenant["tenantId"], "Contoso Cloud (AU)", "ORGANISATION")
    read = oauth.Tokens(
        access_token="a",
        refresh_token="b",
        life=dt.timedelta(0),
        scopes="",
        xero_user_id="",
        authentication_event_id="",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "exchange_code", create_autospec(oauth.exchange_code, return_value=read))
        patch.setattr(oauth, "list_tenants", create_autospec(oauth.list_tenants, return_value=[found]))
        (connection,) = connections.finish_consent("code", oauth.Consent("s", "v", "r"), finance_admin)
    assert connection.restored_at == XeroSettings.load().restored_at is not None


def test_who_was_never_restored_is_asked_nothing_more(
    sandbox: SandboxControl, later_file: Path, django_assert_num_queries: Any
) -> None:
    connection = connect(sandbox)
    import_file(later_file, name=later_file.name)
    upload(connection)
    with django_assert_num_queries(0):
        assert reconciliation.require_lookups(connection) == 0
        assert not transitions.not_looked_up(connection).exists()
    work_until_posted(connection)
    assert [call["method"] for call in sandbox.calls() if call["path"] in ("Invoices", "CreditNotes")] == ["PUT", "PUT"]


@pytest.mark.usefixtures("no_lookup_delay")
def test_the_log_says_why_it_was_looked_for(restored: XeroConnection, sandbox: SandboxControl) -> None:
    upload(restored)
    work_until_posted(restored)
    lines = PostLog.objects.filter(invoice=Invoice.objects.first()).order_by("pk")
    assert [line.status for line in lines] == ["queued", "uncertain", "queued", "sending", "posted"]
    assert lines[1].message == transitions.RESTORED


@pytest.mark.usefixtures("no_lookup_delay")
def test_a_portal_that_begins_anew_without_any_backup_adopts_the_credit_notes_that_the_preflight_saw(
    sandbox: SandboxControl, finance_admin: User, later_file: Path, client_for: Callable[[User], Client]
) -> None:
    sandbox.change_organisation(unique_credit_notes=False)
    connection = connect(sandbox)
    import_file(later_file, name=later_file.name)
    upload(connection)
    work_until_posted(connection)
    documents = {each["id"] for each in sandbox.documents()}

    PostLog.objects.all().delete()
    Posting.objects.all().delete()
    client = client_for(finance_admin)
    period = Invoice.objects.values_list("period__billing_id", flat=True)[0]
    page = client.post(reverse("upload_to_xero"), {"period": period, "all": "1"}, follow=True)
    form = {name: page.context[name] for name in ("taken", "known_notes")}
    form["organisation"] = str(connection.pk)
    assert form["known_notes"] == str(Invoice.objects.get(number="Credit_1").pk)
    client.post(reverse("preflight_post", args=[page.context["draft"].pk]), form)
    work_until_posted(connection)
    assert {each["id"] for each in sandbox.documents()} == documents
    assert_exactly_once(sandbox)


def test_what_was_asked_of_documents_is_looked_up_too(finance_admin: User) -> None:
    connection = makers.connected(finance_admin)
    makers.uploaded(connection, None, makers.an_invoice(makers.a_period(), "INV-1"), to=Status.POSTED)
    asking.undo(Posting.objects.all(), connection=connection, user=None)
    DocumentChange.objects.update(looked_at=timezone.now())
    require_lookups_after_restore(timezone.now())
    connection.refresh_from_db()
    assert changes.not_looked_up(connection).count() == 1
    assert not changes.sendable(connection).exists()
