"""What tests of the pages share: pressing UPLOAD TO XERO, and what a page says then."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from c3portal.tests.markup import markup

if TYPE_CHECKING:
    from invoices.models import BillingPeriod


def press(client: Client, period: BillingPeriod, **fields: Any) -> HttpResponse:
    """Press UPLOAD TO XERO and come to the preflight page."""
    return client.post(reverse("upload_to_xero"), {"period": period.billing_id, **fields}, follow=True)  # type: ignore[return-value]


def ready_form(html: str) -> tuple[str, dict[str, str]]:
    """Return where *Post N invoices* of a preflight page goes, and what its form holds."""
    html = markup(html)
    (action,) = set(re.findall(r'action="(/invoices/preflight/[^"]+/post/)"', html))
    form = html[html.index(action) :].partition("</form>")[0]
    return action, dict(re.findall(r'name="(organisation|taken|known_notes)" value="([^"]*)"', form))


def post_ready(client: Client, page: HttpResponse, **headers: Any) -> HttpResponse:
    """Press *Post N invoices* as the page stands open, and come to what follows."""
    return client.post(*ready_form(page.content.decode()), follow=True, **headers)  # type: ignore[return-value]


def message_of(response: HttpResponse) -> str:
    """Return the page's messages, with the links in them."""
    notes = re.findall(r'<div class="note[^"]*" role="\w+">(.*?)</div>', markup(response.content.decode()))
    return unescape(" ".join(notes))
