"""The page that says what will happen to each document, asks, and shows what became of it."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from invoices.models import DocumentChange, Invoice, Posting, Upload
from invoices.tests import makers
from invoices.tests.makers import Status


def an_upload(user: User) -> Upload:
    period = makers.a_period()
    invoices = makers.invoices(period, 3)
    return makers.uploaded(makers.connected(), user, *invoices, to=Status.POSTED)


def test_it_says_what_will_happen_and_asks_before_anything_is_done(
    client: Client, finance_admin: User, woken: list[int]
) -> None:
    upload = an_upload(finance_admin)
    Posting.objects.filter(invoice__number="INV-003").update(xero_status="PAID")
    client.force_login(finance_admin)

    page = client.get(reverse("upload_take_back", args=[upload.pk]))

    assert [(each.fate.value, each.count) for each in page.context["shares"]] == [("deleted", 2), ("settled", 1)]
    assert "Left: it is paid or credited" in page.content.decode()
    assert not DocumentChange.objects.exists()
    assert woken == []


def test_pressing_asks_xero_once_and_leaves_its_record(client: Client, finance_admin: User, woken: list[int]) -> None:
    upload = an_upload(finance_admin)
    client.force_login(finance_admin)
    address = reverse("upload_take_back", args=[upload.pk])

    client.post(address, {"reason": "Wrong account"})
    page = client.post(address, {"reason": "Wrong account"}, follow=True)

    assert DocumentChange.objects.count() == 3
    assert woken == [upload.connection_id]
    entry = AuditEntry.objects.get(action="withdraw")
    assert (entry.after["To be taken back"], entry.after["Reason"]) == (3, "Wrong account")
    assert "Nothing is left to take back" in page.content.decode()
    assert len(page.context["asked"]) == 3
    assert {each.request.upload for each in page.context["asked"]} == {upload}


def test_one_invoice_is_taken_back_alone(client: Client, finance_admin: User, woken: list[int]) -> None:
    an_upload(finance_admin)
    client.force_login(finance_admin)
    invoice = Invoice.objects.get(number="INV-002")
    client.post(reverse("invoice_take_back", args=[invoice.pk]))
    assert DocumentChange.objects.get().posting.invoice == invoice
    assert reverse("invoice_take_back", args=[invoice.pk]) in client.get(invoice.get_absolute_url()).content.decode()


def test_who_may_only_look_cannot_take_back(client: Client, finance_admin: User, system_reader: User) -> None:
    upload = an_upload(finance_admin)
    client.force_login(system_reader)
    assert client.post(reverse("upload_take_back", args=[upload.pk])).status_code == 403
    assert not DocumentChange.objects.exists()
