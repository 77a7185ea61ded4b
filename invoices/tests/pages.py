"""What tests of the pages share: pressing UPLOAD TO XERO, and what a page says then."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from invoices.models import BillingPeriod


def press(client: Client, period: BillingPeriod, **fields: Any) -> HttpResponse:
    """Press UPLOAD TO XERO and come to the preflight page."""
    return client.post(reverse("upload_to_xero"), {"period": period.billing_id, **fields}, follow=True)  # type: ignore[return-value]


def said(response: HttpResponse) -> str:
    """Return the page's messages, with the links in them."""
    notes = re.findall(r'<div class="note[^"]*" role="\w+">(.*?)</div>', response.content.decode(), re.DOTALL)
    return unescape(" ".join(notes))
