"""A portal that comes back from a backup goes on posting without a duplicate: Xero knows what it does not."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from c3portal.models import User
from c3portal.tests.conftest import Lose, restore
from invoices import journey, posting, sending, tasks
from invoices.importing import import_file
from invoices.models import Invoice, Posting, Submission
from invoices.tests.c3_files import SEPTEMBER, a_row, of_customer, write
from xero_integration import connections
from xero_integration.gateway import Gateway
from xero_integration.models import ContactLink, XeroConnection, XeroSettings
from xero_integration.testing import connect, consent
from xero_sandbox.testing import SandboxControl

Status = Posting.Status
pytestmark = pytest.mark.usefixtures("transactional_db", "postgres_programs")
NEW_CUSTOMERS = 3


class Killed(BaseException):
    """As if the process had ended here."""


def upload(connection: XeroConnection, **which: Any) -> None:
    chosen = Invoice.objects.filter(**which)
    posting.queue(chosen, connection=connection, user=None, invoice_status="AUTHORISED")


def some_of_each_state(connection: XeroConnection) -> None:
    """Post a call's worth, lose the worker of another before its bytes are stored, and of a third in its call."""
    journey.link_contacts(connection)
    sending.send_next(connection)
    posting.claim(connection)
    die_in_the_call(connection)


def work_until_posted(connection: XeroConnection) -> None:
    """Do what workers and sweeps do, until nothing is on its way any more."""
    for _ in range(20):
        tasks.recovery.free_the_dead()
        tasks.work(connection.pk, spread=False)
        if not Posting.objects.exclude(status__in=[Status.POSTED, Status.REJECTED]).exists():
            return
    raise AssertionError(f"Stuck: {sorted(set(Posting.objects.values_list('status', 'message')))}")


def states() -> dict[str, int]:
    return dict(Counter(Posting.objects.values_list("status", flat=True)))


def die_in_the_call(connection: XeroConnection) -> None:
    """A worker's call arrives, and the worker is gone before the answer."""
    create = Gateway.create_documents

    def die(self: Gateway, *arguments: Any) -> None:
        create(self, *arguments)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gateway, "create_documents", die)
        with pytest.raises(Killed):
            sending.send_next(connection)


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
    assert sandbox.sins() == []


@pytest.fixture
def later_file(tmp_path: Path) -> Path:
    """Invoices and a credit note of customers that nobody knew before."""
    rows = [of_customer(index, CustomerName=f"Newcomer {index}") for index in range(NEW_CUSTOMERS)]
    rows.append(
        a_row(
            InvoiceNumber="Credit_1",
            Quantity="-1",
            SubTotal="-9.00",
            TaxAmount="-0.90",
            Total="-9.90",
        )
    )
    return write(tmp_path, *rows, name="later.csv")


@pytest.mark.both_databases
@pytest.mark.usefixtures("look_at_once")
def test_a_restored_portal_goes_on_without_a_duplicate(
    sandbox: SandboxControl, finance_admin: User, tmp_path: Path, later_file: Path, settings: Any, lose: Lose
) -> None:
    """Xero takes the same number of a credit note as often as it is sent, so only the portal's own care helps there."""
    sandbox.change_organisation(unique_credit_notes=False)
    original = connect(sandbox)
    import_file(SEPTEMBER, name=SEPTEMBER.name)
    upload(original, total__gt=0)
    settings.XERO_BATCH = 20
    some_of_each_state(original)
    upload(original)
    settings.XERO_BATCH = 1
    some_of_each_state(original)
    contacts = ContactLink.objects.count()
    call_command("backup", str(tmp_path / "backups"))

    settings.XERO_BATCH = 50
    Submission.objects.update(lease_until=timezone.now())
    import_file(later_file, name=later_file.name)
    upload(original)
    work_until_posted(original)
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
    import_file(later_file, name=later_file.name)
    upload(again)
    work_until_posted(again)

    assert {each["id"] for each in sandbox.documents()} == documents
    assert_exactly_once(sandbox)
    assert sandbox.organisations()[0]["contacts"] == in_xero
    assert [call for call in sandbox.calls() if call["method"] == "PUT"] == []
    # 120 and 4 rows: looked up in lots of up to 50 numbers, never one by one.
    assert len(sandbox.calls()) < 30
