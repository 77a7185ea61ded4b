"""The pages that approve documents and have Xero send them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from invoices.changes import transitions
from invoices.models import BillingPeriod, DocumentChange, Invoice, Posting, Upload
from invoices.tests import makers
from invoices.tests.makers import Status
from xero_integration.models import Contact, XeroConnection, XeroSettings
from xero_sandbox.testing import SandboxControl


@pytest.fixture
def draft_upload(finance_admin: User, client: Client, woken: list[int]) -> Upload:
    client.force_login(finance_admin)
    upload = makers.uploaded(
        makers.connected(), finance_admin, *makers.invoices(makers.a_period(), 3), to=Status.POSTED
    )
    for number, row in enumerate(Posting.objects.filter(upload=upload).order_by("pk"), 1):
        contact = Contact.objects.create(
            connection=upload.connection, contact_id=f"contact-{number}", name="x", email=f"c{number}@example.com"
        )
        Posting.objects.filter(pk=row.pk).update(sent_facts={"contact": contact.contact_id}, sent_to_contact=False)
    return upload


def approved(upload: Upload) -> None:
    Posting.objects.filter(upload=upload).update(xero_status="AUTHORISED")


def done(change: DocumentChange) -> None:
    """Bring a queued change to its end, as a worker does."""
    call = transitions.claim(change.connection)
    assert call is not None
    transitions.mark_done(transitions.answered_by(call), {change.pk: {"SentToContact": True}})


def test_it_says_what_will_be_approved_and_asks(client: Client, draft_upload: Upload, woken: list[int]) -> None:
    Posting.objects.filter(invoice__number="INV-003").update(xero_status="PAID")
    address = reverse("upload_approve", args=[draft_upload.pk])

    page = client.get(address)
    assert [(each.fate.value, each.count) for each in page.context["shares"]] == [
        ("approved", 2),
        ("approved_already", 1),
    ]
    assert not DocumentChange.objects.exists()

    client.post(address)
    page = client.post(address, follow=True)
    assert DocumentChange.objects.filter(kind="approve", request__upload=draft_upload).count() == 2
    assert woken == [draft_upload.connection_id]
    entry = AuditEntry.objects.get(action="upload")
    assert entry.after["To be approved"] == 2
    assert "Nothing was left to ask Xero for" in page.content.decode()


def test_two_people_are_asked_for_where_the_setting_says_so(
    client: Client, draft_upload: Upload, system_admin: User
) -> None:
    XeroSettings.objects.update(two_people=True)
    address = reverse("upload_approve", args=[draft_upload.pk])
    assert "uploaded or updated by you, another person approves" in client.get(address).content.decode()
    client.post(address)
    assert not DocumentChange.objects.exists()
    client.force_login(system_admin)
    client.post(address)
    assert DocumentChange.objects.count() == 3


def test_it_says_how_many_mails_are_left_and_where_each_goes(client: Client, draft_upload: Upload) -> None:
    approved(draft_upload)
    XeroConnection.objects.update(organisation_class="TRIAL")
    page = client.get(reverse("upload_send", args=[draft_upload.pk])).content.decode()
    assert "c1@example.com" in page
    assert "20 of 20 mails left today" in " ".join(page.split())


def test_a_mail_is_sent_again_only_on_purpose_and_once(client: Client, draft_upload: Upload) -> None:
    approved(draft_upload)
    invoice = Invoice.objects.get(number="INV-001")
    address = reverse("invoice_send", args=[invoice.pk])
    client.post(address, {"seen": "0"})
    change = DocumentChange.objects.get()
    assert change.details == {"address": "c1@example.com", "was_sent": False}
    done(change)
    for page in (client.get(invoice.get_absolute_url()), client.get(reverse("invoice_list"))):
        assert "c1@example.com" in page.content.decode()
    page = client.get(address)
    assert [each.fate.value for each in page.context["rows"]] == ["sent_already"]

    client.post(address, {"seen": str(change.pk)})
    assert DocumentChange.objects.count() == 1
    client.post(address, {"seen": str(change.pk), "again": "1"})
    again = DocumentChange.objects.latest("pk")
    assert again.details["was_sent"] is True
    assert AuditEntry.objects.latest("pk").after["Of them sent before"] == 1
    done(again)
    told = client.post(address, {"seen": str(change.pk), "again": "1"}, follow=True)
    assert DocumentChange.objects.count() == 2
    assert "Something was sent since this page was shown" in told.content.decode()


def test_what_may_have_been_sent_is_told_on_the_page(client: Client, draft_upload: Upload) -> None:
    approved(draft_upload)
    address = reverse("invoice_send", args=[Invoice.objects.get(number="INV-001").pk])
    client.post(address)
    DocumentChange.objects.update(status="untold", message="It may have been sent: look in Xero.")
    page = " ".join(client.get(address).content.decode().split())
    assert "May have been sent" in page
    assert "Left: may have been sent" in page
    assert 'name="again"' in page


def test_ticked_invoices_are_asked_about_together(client: Client, draft_upload: Upload) -> None:
    approved(draft_upload)
    ticked = [str(each.pk) for each in Invoice.objects.filter(number__in=["INV-001", "INV-002"])]
    chosen = {"period": Invoice.objects.first().period.billing_id, "invoice": ticked}  # type: ignore[union-attr]
    page = client.post(reverse("selected_send"), chosen)
    assert [each.posting.invoice.number for each in page.context["rows"]] == ["INV-001", "INV-002"]
    assert not DocumentChange.objects.exists()
    client.post(reverse("selected_send"), chosen | {"confirmed": "1"})
    assert DocumentChange.objects.count() == 2


def test_who_may_only_look_cannot_ask(client: Client, draft_upload: Upload, system_reader: User) -> None:
    client.force_login(system_reader)
    for name in ("upload_approve", "upload_send"):
        assert client.post(reverse(name, args=[draft_upload.pk])).status_code == 403
    assert not DocumentChange.objects.exists()


def test_the_online_address_is_asked_for_once_and_kept(
    client: Client, finance_admin: User, posted: object, sandbox: SandboxControl, settings: object
) -> None:
    (row,) = posted("100.00")  # type: ignore[operator]
    client.force_login(finance_admin)
    before = len(sandbox.calls())
    first = client.get(reverse("online_invoice", args=[row.invoice_id]))
    second = client.get(reverse("online_invoice", args=[row.invoice_id]))
    row.refresh_from_db()
    assert first.url == second.url == row.online_url != ""  # type: ignore[attr-defined]
    assert len(sandbox.calls()) == before + 1
    assert row.online_url in client.get(row.invoice.get_absolute_url()).content.decode()


def test_nothing_is_approved_that_the_page_did_not_show(
    client: Client, finance_admin: User, draft_upload: Upload
) -> None:
    client.force_login(finance_admin)
    address = reverse("upload_approve", args=[draft_upload.pk])
    Posting.objects.filter(invoice__number="INV-001").update(xero_status="")
    shown = client.get(address).context["shown"]
    Posting.objects.filter(invoice__number="INV-001").update(xero_status="DRAFT")
    page = client.post(address, {"shown": shown})
    assert "Nothing was asked of Xero" in page.content.decode()
    assert not DocumentChange.objects.exists()


@pytest.mark.parametrize("name", ["upload_approve", "upload_send", "upload_take_back", "upload_withdraw"])
def test_a_page_of_an_upload_asks_the_database_as_often_for_sixty_as_for_three(
    client: Client, draft_upload: Upload, finance_admin: User, name: str
) -> None:
    approved(draft_upload)
    more = makers.invoices(BillingPeriod.objects.get(), 60, "MORE")
    many = makers.uploaded(draft_upload.connection, finance_admin, *more, to=Status.POSTED)
    few, many_of = (makers.queries_of(client, reverse(name, args=[each.pk])) for each in (draft_upload, many))
    assert many_of == few <= 15


@pytest.mark.parametrize("name", ["invoice_approve", "invoice_send", "invoice_take_back"])
def test_a_page_of_an_invoice_asks_the_database_seldom(client: Client, draft_upload: Upload, name: str) -> None:
    approved(draft_upload)
    posting = Posting.objects.filter(upload=draft_upload).first()
    assert posting is not None
    assert makers.queries_of(client, reverse(name, args=[posting.invoice_id])) <= 15
