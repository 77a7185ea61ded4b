"""The rules that decide about money know neither Django nor the network: what goes in decides what comes out."""

from __future__ import annotations

import pytest

from c3portal.tests.imports import ALL, imports

PURE = (
    "c3portal.formats.amounts",
    "c3portal.notifications.texts",
    "c3portal.users.sign_in.user_agents",
    "invoices.documents.exact_sum",
    "invoices.documents.mapping",
    "invoices.documents.rules",
    "invoices.importing.aggregation",
    "invoices.importing.cleaning",
    "invoices.importing.contradictions",
    "invoices.importing.customer_keys",
    "invoices.importing.facts",
    "invoices.importing.fingerprint",
    "invoices.importing.first_reading",
    "invoices.importing.held_back",
    "invoices.importing.invoice_store",
    "invoices.importing.notices",
    "invoices.importing.numbers",
    "invoices.importing.opening",
    "invoices.importing.parser",
    "invoices.importing.spelling",
    "invoices.matching.agreement",
    "invoices.matching.amounts",
    "invoices.matching.arithmetic",
    "invoices.matching.column_facts",
    "invoices.matching.column_profile",
    "invoices.matching.computing",
    "invoices.matching.confirming",
    "invoices.matching.conversion",
    "invoices.matching.kinds",
    "invoices.matching.meanings",
    "invoices.matching.proposal",
    "invoices.matching.rates",
    "invoices.matching.synonyms",
    "invoices.matching.values",
    "invoices.matching.written_dates",
    "invoices.matching.written_numbers",
    "invoices.reading.budget",
    "invoices.reading.cleaning",
    "invoices.reading.countries",
    "invoices.reading.delimited",
    "invoices.reading.encodings",
    "invoices.reading.errors",
    "invoices.reading.file_kinds",
    "invoices.reading.hashing",
    "invoices.reading.json_envelopes",
    "invoices.reading.json_lists",
    "invoices.reading.layout",
    "invoices.reading.lookahead",
    "invoices.reading.microsoft",
    "invoices.reading.rows",
    "invoices.reading.table",
    "invoices.reading.workbook_limits",
    "invoices.reading.workbooks",
    "invoices.reading.totals",
    "xero_integration.accounts",
    "xero_integration.client.errors",
    "xero_integration.name_similarity",
    "xero_integration.payloads",
    "xero_integration.proof",
)
FORBIDDEN = {"django", "requests", "celery", "redis", "socket", "urllib3"}


@pytest.mark.parametrize("module", PURE)
def test_the_rules_know_neither_django_nor_the_network(module: str) -> None:
    assert not {name.partition(".")[0] for name in imports(ALL[module])} & FORBIDDEN
