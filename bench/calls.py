"""How many calls a period costs, beside the usual way: one call an invoice through Xero's own Python client."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import invoices
from bench.environment import Stage

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

KNOWN, NEW, COUNT = 3000, 300, 2000


@dataclass(frozen=True)
class Calls:
    """Calls and seconds of both ways on the same work, and the most calls that the portal may need."""

    portal: int
    allowed: float
    portal_seconds: float
    usual: int
    usual_seconds: float


def measure(stage: Stage) -> Calls:
    """Post 2,000 invoices of 3,000 customers, 300 of them new to Xero, both ways."""
    stage.control.set_limits(minute=100_000, day=1_000_000, app_minute=1_000_000)
    (connection,) = stage.connect()
    invoices.make(COUNT, customers=COUNT, prefix="C", credit_notes=False)
    # The last 300 customers are new; the others' contacts and 1,300 more are there already.
    known = [{"name": f"C Customer {n}", "contact_number": f"C-customer-{n}"} for n in range(COUNT - NEW)]
    others = [{"name": f"Someone else {n}"} for n in range(KNOWN - len(known) - _contacts(stage))]
    stage.control.put_contacts([*known, *others])
    stage.control.forget()
    began = time.monotonic()
    _post(connection)
    seconds = time.monotonic() - began
    calls = len(stage.control.calls())
    from django.conf import settings

    batch = settings.XERO_MAX_BATCH
    allowed = 1.05 * (math.ceil(COUNT / batch) + math.ceil(NEW / batch) + math.ceil(KNOWN / 1000)) + 6
    usual_calls, usual_seconds = _measure_calls_by_hand(stage, connection)
    return Calls(calls, allowed, seconds, usual_calls, usual_seconds)


def _contacts(stage: Stage) -> int:
    return int(stage.control.organisations()[0]["contacts"])


def _post(connection: XeroConnection) -> None:
    from invoices.models import Invoice, Posting
    from invoices.posting import queueing, worker

    queueing.enqueue(Invoice.objects.all(), connection=connection, user=None, invoice_status="DRAFT")
    with worker.waiting_rows(connection):
        worker.reconcile_and_link_contacts(connection)
        worker.advance(connection, until=time.monotonic() + 3600)
    posted = Posting.objects.filter(status="posted").count()
    if posted != COUNT:
        raise RuntimeError(f"Only {posted} of {COUNT} were posted.")


def _measure_calls_by_hand(stage: Stage, connection: XeroConnection) -> tuple[int, float]:
    """Create the same invoices (under other numbers) one by one; the client names the contact, which Xero finds or
    makes. Returns calls and seconds."""
    from xero_python.accounting import AccountingApi
    from xero_python.api_client import ApiClient
    from xero_python.api_client.configuration import Configuration
    from xero_python.api_client.oauth2 import OAuth2Token

    from xero_integration import connections

    tokens = connections.fresh_tokens(connection)
    held: dict[str, Any] = {
        "access_token": tokens.access_token,
        "expires_in": 1800,
        "token_type": "Bearer",
        "scope": "",
    }
    client = ApiClient(Configuration(oauth2_token=OAuth2Token(client_id="", client_secret="")))
    client.oauth2_token_getter(lambda: held)
    client.oauth2_token_saver(held.update)
    client.set_oauth2_token(held)
    api = AccountingApi(client, base_url=f"{stage.control.url}/api.xro/2.0")
    wanted = _as_sdk_models()
    stage.control.forget()
    began = time.monotonic()
    for one in wanted:
        api.create_invoices(connection.tenant_id, one, unitdp=4)
    return len(stage.control.calls()), time.monotonic() - began


def _as_sdk_models() -> list[Any]:
    from xero_python.accounting import Contact, Invoice, Invoices, LineItem

    from invoices.models import Invoice as Ours

    return [
        Invoices(
            invoices=[
                Invoice(
                    type="ACCREC",
                    invoice_number=f"U{ours.xero_number}",
                    contact=Contact(name=ours.customer.name),
                    date=ours.issued_on,
                    due_date=ours.due_on,
                    line_items=[
                        LineItem(
                            description=line.name,
                            quantity=float(line.quantity),
                            unit_amount=float(line.unit_price),
                            account_code="4010",
                            tax_type="OUTPUT",
                        )
                        for line in ours.lines.all()
                    ],
                )
            ]
        )
        for ours in Ours.objects.select_related("customer").prefetch_related("lines")
    ]
