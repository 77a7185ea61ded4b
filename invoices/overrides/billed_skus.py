"""The SKUs of the imported lines, read along an index: as quick with a million lines as with a thousand."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection
from django.db.models import Count

from invoices.models import InvoiceLine

# From each SKU and kind to the next, where a grouping would read every line. Of the newest line is the name.
_EACH = """
WITH RECURSIVE newest(id) AS (
    SELECT (SELECT id FROM {lines} ORDER BY sku DESC, kind DESC, id DESC LIMIT 1)
    UNION ALL
    SELECT COALESCE(
        (SELECT id FROM {lines} WHERE sku = line.sku AND kind < line.kind ORDER BY kind DESC, id DESC LIMIT 1),
        (SELECT id FROM {lines} WHERE sku < line.sku ORDER BY sku DESC, kind DESC, id DESC LIMIT 1)
    )
    FROM newest JOIN {lines} line ON line.id = newest.id
)
SELECT line.sku, line.kind, line.name
FROM newest JOIN {lines} line ON line.id = newest.id
ORDER BY line.sku, line.kind
"""


def skus() -> list[tuple[str, str, str]]:
    """Return each SKU and kind of the lines with what its newest line is called, by SKU and kind."""
    with connection.cursor() as cursor:
        cursor.execute(_EACH.format(lines=InvoiceLine._meta.db_table))
        return [(sku, kind, name) for sku, kind, name in cursor.fetchall()]


def counts(of: Collection[str]) -> dict[tuple[str, str], int]:
    """Return how many lines have each of these SKUs, by SKU and kind."""
    rows = InvoiceLine.objects.filter(sku__in=of).order_by().values_list("sku", "kind").annotate(Count("pk"))
    return {(sku, kind): count for sku, kind, count in rows}
