"""Withdrawing and unlinking ask before they act, and say what it is about."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice
from invoices.models import Posting
from xero_integration.models import ContactLink, XeroConnection

pytestmark = pytest.mark.usefixtures("woken")


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return markup(answer.content.decode())


def test_withdrawing_says_how_many_and_how_much_before_it_is_done(
    finance: Client, upload: Any, make_invoice: MakeInvoice
) -> None:
    make_invoice(amount="100")
    make_invoice(amount="50")
    queued = upload().upload
    address = f"{queued.get_absolute_url()}withdraw/"
    assert f'href="{address}"' in text(finance.get(queued.get_absolute_url()))
    page = text(finance.get(address))
    assert "2 invoices of" in page
    assert "AUD 165.00" in page
    assert set(Posting.objects.values_list("status", flat=True)) == {"queued"}
    finance.post(address, {"sure": "1"})
    assert set(Posting.objects.values_list("status", flat=True)) == {"withdrawn"}


def test_unlinking_names_the_contacts_before_it_is_done(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice
) -> None:
    customer = make_invoice().customer
    ContactLink.objects.create(
        connection=connected,
        customer_key=customer.tenant_id,
        contact_id="c-1",
        contact_name="Fabrikam",
        matched_by="name",
    )
    form = {"action": "unlink", "customer": customer.pk, "back": "q=i"}
    page = text(finance.post("/contacts/do/", form))
    assert "Unlink 1 customer?" in page
    assert f"{customer.name}: Fabrikam" in page
    assert ContactLink.objects.exists()
    finance.post("/contacts/do/", form | {"sure": "1"})
    assert not ContactLink.objects.exists()
