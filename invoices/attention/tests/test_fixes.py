"""What needs attention is mended where it stands, and exactly its invoices are checked again and posted."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.attention import causes, counting
from invoices.attention.causes import Cause, Kind
from invoices.conftest import MakeInvoice, Work
from invoices.models import AccountOverride, BillingPeriod, InvoiceLine, Posting, UploadDraft
from invoices.posting import transitions
from invoices.preflight import upload_drafts
from invoices.selection import periods
from invoices.tests import makers
from invoices.tests.pages import message_of, post_ready
from xero_integration import connections, contacts
from xero_integration.models import XeroConnection, XeroSettings

pytestmark = [pytest.mark.usefixtures("woken"), pytest.mark.both_databases]
Status = Posting.Status
Action = AuditEntry.Action
PAGE = "/needs-attention/"
LOCKED = "The document date cannot be before the period lock date, currently set at 31/08/2026."


def of_kind(kind: Kind, connection: XeroConnection) -> list[Cause]:
    return [each for each in causes.find(connection) if each.kind == kind]


def archive(sandbox: Any, connection: XeroConnection, code: str = "4010") -> Cause:
    """Archive an account in Xero, and return the cause that this is."""
    sandbox.put_account(code, status="ARCHIVED")
    connections.read_reference(connection)
    counting.refresh()
    (cause,) = of_kind(Kind.BLOCKED, connection)
    return cause


def mend(client: Client, cause: Cause, account: str = "4030", **more: str) -> HttpResponse:
    assert cause.problem is not None
    form = {**cause.again, "instead_of": cause.problem.subject, "account": account, **more}
    return client.post(reverse("attention_account"), form, follow=True)  # type: ignore[return-value]


def numbers(draft: UploadDraft) -> set[str]:
    return set(upload_drafts.invoices_of(draft).values_list("number", flat=True))


def test_one_choice_mends_an_archived_account_for_all_its_invoices_and_they_are_posted(
    admin: Client, sandbox: Any, connected: XeroConnection, make_invoice: MakeInvoice, work: Work
) -> None:
    fine = make_invoice("Fine")
    InvoiceLine.objects.filter(invoice=fine).update(kind=InvoiceLine.Kind.AZURE)
    for number in range(5):
        make_invoice(f"INV-{number}")
    cause = archive(sandbox, connected)
    assert cause.count == 5
    assert of_kind(Kind.DRIFT, connected) == [], "One cause is one row"
    assert counting.known(periods.offered()) == 5
    page = mend(admin, cause)
    assert "Account 4030 is used in place of 4010, in 1 place." in message_of(page)
    assert numbers(UploadDraft.objects.get()) == {f"INV-{number}" for number in range(5)}
    post_ready(admin, page)
    work()
    assert Posting.objects.filter(status=Status.POSTED).count() == Posting.objects.count() == 5
    assert of_kind(Kind.BLOCKED, connected) == []
    assert counting.known(periods.offered()) == 0
    assert AuditEntry.objects.get(action=Action.SETTINGS).after == {"License based SKUs": "4030"}


def test_a_finance_admin_mends_what_is_overridden_and_no_general_setting(
    finance: Client, sandbox: Any, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    make_invoice("INV-1")
    InvoiceLine.objects.update(sku="SKU-1")
    AccountOverride.objects.create(sku="SKU-1", account_code="4020")
    cause = archive(sandbox, connected, "4020")
    assert "Account in place of 4020" not in markup(finance.get(PAGE).content.decode()), "Azure goes there too"
    assert "ask a System Admin" in message_of(mend(finance, cause))

    XeroSettings.objects.update(azure_account_code="4030")
    assert "Account in place of 4020" in markup(finance.get(PAGE).content.decode())
    mend(finance, cause)
    assert AccountOverride.objects.get().account_code == "4030"
    assert AuditEntry.objects.get(action=Action.MAPPING).after == {"SKU SKU-1": "4030"}


def test_an_account_that_takes_no_sales_is_not_taken_for_another(
    admin: Client, sandbox: Any, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    make_invoice("INV-1")
    cause = archive(sandbox, connected)
    for wrong in ("4010", "nowhere", ""):
        mend(admin, cause, wrong)
    assert XeroSettings.load().license_account_code == "4010"
    assert not UploadDraft.objects.exists()


def test_pressing_twice_changes_nothing_more(
    admin: Client, sandbox: Any, connected: XeroConnection, make_invoice: MakeInvoice, work: Work
) -> None:
    make_invoice("INV-1")
    cause = archive(sandbox, connected)
    page = mend(admin, cause)
    again = mend(admin, cause)
    post_ready(admin, page)
    assert again.status_code == 200
    work()
    mend(admin, cause)
    assert (Posting.objects.count(), AuditEntry.objects.filter(action=Action.SETTINGS).count()) == (1, 1)


def test_the_list_of_a_cause_has_exactly_its_invoices(
    finance: Client, sandbox: Any, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    fine = make_invoice("Fine")
    InvoiceLine.objects.filter(invoice=fine).update(kind=InvoiceLine.Kind.AZURE)
    make_invoice("INV-1")
    page = markup(finance.get(archive(sandbox, connected).show).content.decode())
    assert "INV-1" in page
    assert "Fine" not in page
    assert "is archived" in page, "The filter is named"
    gone = finance.get(reverse("invoice_list"), {"period": "20260918", "cause": "b0123456789ab"})
    assert "INV-1" not in markup(gone.content.decode())


def test_what_was_rejected_since_its_period_is_locked_goes_as_drafts(
    finance: Client, sandbox: Any, connected: XeroConnection, finance_admin: User, period: BillingPeriod, work: Work
) -> None:
    XeroSettings.objects.update(invoice_status="AUTHORISED")
    upload = makers.uploaded(connected, finance_admin, *makers.invoices(period, 3))
    rows = Posting.objects.filter(upload=upload, invoice__number__in=["INV-001", "INV-002"])
    transitions.mark_rejected(rows, dict.fromkeys(rows.values_list("pk", flat=True), LOCKED))
    makers.bring(upload, Status.REJECTED, "INV-003")
    sandbox.change_organisation(period_lock_date="2026-10-31")
    connections.read_reference(connected)
    locked = next(each for each in of_kind(Kind.REJECTED, connected) if each.detail == LOCKED)
    assert "Post as drafts" in markup(finance.get(PAGE).content.decode())
    counting.refresh()
    assert of_kind(Kind.BLOCKED, connected) == [], "It is counted once"
    page = finance.post(reverse("attention_post"), {**locked.again, "as_drafts": "1"}, follow=True)
    draft = UploadDraft.objects.get()
    assert (draft.locked_as_drafts, numbers(draft)) == (True, {"INV-001", "INV-002"})
    post_ready(finance, page)  # type: ignore[arg-type]
    work()
    posted = Posting.objects.filter(status=Status.POSTED)
    assert set(posted.values_list("xero_status", flat=True)) == {"DRAFT"}
    assert set(posted.values_list("invoice__number", flat=True)) == {"INV-001", "INV-002"}


def test_what_was_voided_in_xero_is_posted_again(
    finance: Client, connected: XeroConnection, finance_admin: User, period: BillingPeriod
) -> None:
    makers.uploaded(connected, finance_admin, *makers.invoices(period, 2), to=Status.POSTED)
    voided = Posting.objects.get(invoice__number="INV-001")
    Posting.objects.update(edits={"status": {"sent": "DRAFT", "now": "AUTHORISED"}}, xero_status="AUTHORISED")
    Posting.objects.filter(pk=voided.pk).update(xero_status="VOIDED")
    (cause,) = of_kind(Kind.GONE, connected)
    (other,) = of_kind(Kind.CHANGED, connected)
    assert (cause.count, other.count) == (1, 1)
    for each, shown in ((cause, "INV-001"), (other, "INV-002")):
        listed = finance.get(each.show).context["selection"].invoices()
        assert [row.number for row in listed] == [shown]
    assert "Post again…" in markup(finance.get(PAGE).content.decode())
    finance.post(reverse("post_again"), dict(cause.again))
    assert numbers(UploadDraft.objects.get()) == {"INV-001"}
    assert set(Posting.objects.values_list("status", flat=True)) == {Status.UNDONE, Status.POSTED}


def test_contacts_that_cannot_be_used_or_may_be_the_same_are_causes_of_their_own(
    sandbox: Any, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    archived, near = make_invoice("INV-1"), make_invoice("INV-2")
    near.customer.name = "Woodgrove Bank Pty Ltd"
    near.customer.save()
    sandbox.put_contacts(
        [
            {"name": "Old", "number": archived.customer.tenant_id, "status": "ARCHIVED"},
            {"name": "Woodgrove Bank Pty. Limited"},
        ]
    )
    connections.call(connected, lambda gateway: contacts.refresh_listing(connected, gateway), click=True)
    counting.refresh(anew=True)
    for kind in (Kind.CONTACT, Kind.NEAR_CONTACT):
        (cause,) = of_kind(kind, connected)
        assert cause.count == 1
        assert cause.problem is not None


@pytest.mark.parametrize("name", ["attention_post", "attention_account"])
def test_a_reader_mends_nothing_and_a_form_without_a_cause_is_refused(
    name: str, client_for: Any, system_reader: User, finance: Client, period: BillingPeriod
) -> None:
    form = {"period": period.billing_id, "cause": "b0123456789ab", "instead_of": "4010", "account": "4030"}
    assert client_for(system_reader).post(reverse(name), form).status_code == 403
    assert finance.post(reverse(name), {"period": period.billing_id}).status_code == 400
