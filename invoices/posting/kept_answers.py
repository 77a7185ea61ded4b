"""What Xero last answered about each document: its element of the answer, for whoever asks why."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from invoices.models import Posting, Submission, XeroAnswer
from xero_integration.client import shapes

# What of an element is kept. Of the contact nothing but who it is: Xero adds its addresses and telephone numbers.
FIELDS = (
    *(name for name in shapes.DOCUMENT if name != "Contact"),
    "TotalTax",
    "LineAmountTypes",
    "CurrencyRate",
    "BrandingThemeID",
    "HasErrors",
    "StatusAttributeString",
)
OF_LINES = (
    "LineItemID",
    "Description",
    "Quantity",
    "UnitAmount",
    "LineAmount",
    "TaxType",
    "TaxAmount",
    "AccountCode",
    "ValidationErrors",
)
# An invoice of Azure usage may have thousands.
MOST_LINES = 50
# Characters of JSON, before it is packed.
LARGEST = 64_000
Element = Mapping[str, Any]


def keep(submission: Submission, elements: Mapping[int, Element]) -> None:
    """Keep Xero's elements (by posting id) as its last word on those postings that are this submission's, in whose
    transaction it is called."""
    if not elements:
        return
    mine = Posting.objects.filter(pk__in=elements, submission=submission).order_by("pk").values_list("pk", flat=True)
    rows = [XeroAnswer(posting_id=pk, submission=submission, content=packed(elements[pk])) for pk in mine]
    XeroAnswer.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["posting"], update_fields=["submission", "content"]
    )


def packed(element: Element) -> bytes:
    """Return what is kept of an element, JSON in zlib: without its lines where those make it too large."""
    lines = shapes.objects(element.get("LineItems"))
    kept = {name: element[name] for name in FIELDS if name in element}
    contact = element.get("Contact")
    if isinstance(contact, dict):
        kept["Contact"] = _only(contact, ("ContactID", "Name"))
    whole = _written(kept | {"LineItems": [_only(each, OF_LINES) for each in lines[:MOST_LINES]]})
    text = whole if len(whole) <= LARGEST else _written(kept)
    return zlib.compress(text[:LARGEST].encode(), 9)


def readable(row: XeroAnswer) -> str:
    """Return the element as people read it, as it is kept where it was cut."""
    text = zlib.decompress(row.content).decode()
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _only(row: Element, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _written(value: object) -> str:
    return json.dumps(value, default=_number, ensure_ascii=False, separators=(",", ":"))


def _number(value: object) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)
