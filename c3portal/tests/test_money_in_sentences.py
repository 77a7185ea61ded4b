"""What Python says of money (messages, problems, reasons, notices, the audit record) has its currency's code and its
separators, as pages have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from c3portal.formats import amounts
from c3portal.tests.imports import ALL, PACKAGES

# The one place that writes an amount.
HERE = "c3portal.formats.amounts"
# What amounts are called. A count of that name has its separators: {now.total:,}.
NAMES = {
    *("amount", "amount_due", "difference", "exact", "in_xero", "invoiced", "net", "owed", "subtotal", "tax", "total"),
    *("total_difference", "xero_total"),
}
# These quote the cells of a file digit by digit, so that they are found there, or are a row's name for who looks into
# the database.
QUOTES = {
    *(("invoices.importing.parser", f"line.{name}") for name in ("subtotal", "tax", "total")),
    ("invoices.models.posting", "self.amount"),
    ("invoices.models.readback", "self.amount"),
    # Megabytes.
    ("invoices.documents.size", "size / 1000000"),
}


def own_forms(source: str) -> Iterator[str]:
    """Yield what a module writes as an amount in a form of its own."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FormattedValue):
            continue
        form = ast.unparse(node.format_spec) if node.format_spec else ""
        is_amount = isinstance(node.value, ast.Attribute) and node.value.attr in NAMES
        if ".2f" in form or (is_amount and not form):
            yield ast.unparse(node.value)


def test_no_sentence_writes_an_amount_in_a_form_of_its_own() -> None:
    found = {
        (module, own) for module, path in ALL.items() if module != HERE for own in own_forms(Path(path).read_text())
    }
    assert found - QUOTES == set(), "amounts.written and amounts.signed say the currency"
    assert found >= QUOTES, "These do not quote any more"
    assert {module.partition(".")[0] for module in ALL} == set(PACKAGES)


@pytest.mark.parametrize("source", ['f"Total {row.total:,.2f}"', 'f"{code} {x:+,.2f}"', 'f"of {found.total}"'])
def test_an_amount_in_a_form_of_its_own_is_found(source: str) -> None:
    assert list(own_forms(source))


def test_an_amount_is_written_after_its_currency() -> None:
    assert amounts.written(Decimal("-1234567.5"), "AUD") == "AUD -1,234,567.50"
    assert amounts.signed(Decimal("0.05"), "NZD") == "NZD +0.05"
    assert amounts.signed(Decimal("-1234.5"), "NZD") == "NZD -1,234.50"
