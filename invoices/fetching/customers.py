"""What C3 knows of customers beside their invoices: kept for suggestions and for new contacts."""

from __future__ import annotations

import itertools
import json
import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from c3_integration.client.calls import C3
from c3_integration.client.envelope import words
from c3_integration.client.errors import C3Error
from c3_integration.models import C3Settings
from c3_integration.tokens import KeptTokens
from invoices.importing import locks
from invoices.models import Customer, ImportRun

logger = logging.getLogger(__name__)

AT_ONCE = 500
LONGEST = 255
MOST_TAGS = 50
ADDRESS = {"line1": "Line1", "line2": "Line2", "city": "City", "state": "State", "zip": "Zip", "country": "Country"}


def enrich(c3: C3) -> int:
    """Keep what C3 says of the customers that we have, by tenant id, and when it did; return how many changed. Raises
    C3Error."""
    active = {_key(row.get("TenantId")): row for row in c3.customers()}
    details = {_key(row.get("TenantId")): row for row in c3.customer_details()}
    resellers = {_text(row.get("CustomerID")): _text(row.get("Name")) for row in details.values()}
    changed, read_at = 0, timezone.now()
    for batch in itertools.batched(Customer.objects.order_by("pk").iterator(AT_ONCE), AT_ONCE):
        known = {each.pk: key for each in batch if (key := _key(each.tenant_id)) in active or key in details}
        with transaction.atomic():
            locks.hold_customers(known)
            Customer.objects.filter(pk__in=known).update(c3_read_at=read_at)
        for customer in batch:
            if customer.pk in known:
                key = known[customer.pk]
                changed += _keep(customer, _known(active.get(key, {}), details.get(key, {}), resellers))
    return changed


def enrich_after(run_id: int) -> int:
    """Read what C3 knows of the customers whom an import of C3's invoices brought; return how many changed. Without it
    their first contacts in Xero would have neither e-mail nor address."""
    run = ImportRun.objects.filter(pk=run_id, source=ImportRun.Source.C3, state=ImportRun.State.IMPORTED)
    new = Customer.objects.filter(c3_read_at=None, invoices__import_run__in=run)
    app = C3Settings.load()
    if not (app.is_complete and new.exists()):
        return 0
    try:
        return enrich(C3(app.api_url, KeptTokens(app)))
    except C3Error as error:
        # Invoices do not need it, and the next fetch reads it.
        logger.warning("C3's customers could not be read after import %s: %s", run_id, type(error).__name__)
        return 0


def _keep(customer: Customer, known: dict[str, Any]) -> int:
    if known == customer.c3_details:
        return 0
    return Customer.objects.filter(pk=customer.pk).update(c3_details=known)


def _known(active: dict[str, Any], details: dict[str, Any], resellers: dict[str, str]) -> dict[str, Any]:
    reseller = _text(details.get("ResellerC3Id"))
    return {
        "name": _text(active.get("Name")) or _text(details.get("Name")),
        "email": _email(active.get("EmailAddresses")),
        "address": {name: _text(active.get(field)) for name, field in ADDRESS.items()},
        "country": _text(active.get("Country")) or _text(details.get("MarketCode")),
        "tags": _tags(details.get("Tags")),
        "reseller": resellers.get(reseller, reseller) if reseller else "",
        "domain": _text(details.get("DomainName")) or _text(active.get("ProviderReferenceName")),
        "currency": _text(details.get("CurrencyCode")),
    }


def _key(value: Any) -> str:
    return _text(value).casefold()


def _text(value: Any) -> str:
    return words(value)[:LONGEST] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _email(value: Any) -> str:
    """Return the first address, of a text with commas or semicolons, or of a list."""
    parts = value if isinstance(value, list) else str(value or "").replace(";", ",").split(",")
    return next((text for part in parts if "@" in (text := _text(part))), "")


def _tags(value: Any) -> list[str]:
    """Return tags as "key: value"; C3 sends their JSON as text."""
    try:
        rows = json.loads(value) if isinstance(value, str) and value.strip() else value
    except (ValueError, RecursionError):
        return [_text(value)] if _text(value) else []
    rows = rows if isinstance(rows, list) else []
    tags = [(_text(row.get("TagKey")), _text(row.get("TagValue"))) for row in rows if isinstance(row, dict)]
    return [": ".join(part for part in tag if part) for tag in tags if any(tag)][:MOST_TAGS]
