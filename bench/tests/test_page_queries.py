"""No page asks the database more often than it may, in a portal that holds something of everything."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from bench import fillings, pages
from c3_integration.models import C3Settings
from c3portal.models import User
from invoices.attention import counting
from invoices.tests.makers import queries_of

# The preflight asks Xero, and each call takes a permit that is held and counted in the database.
KNOWN_TO_ASK_MORE = {"preflight": 22, "invoice": 17}


@pytest.fixture
def filled(db: None) -> None:
    fillings.everything(120)
    counting.refresh()


def test_no_page_asks_more_than_it_may(filled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "TIMES", 1)
    found = {each.name: each.queries for each in pages.measure([])}
    assert {"home", "invoice_list", "settings_general", "customer", "needs_attention"} <= found.keys()
    most = {name: KNOWN_TO_ASK_MORE.get(name, pages.MOST_QUERIES) for name in found}
    assert {name: queries for name, queries in found.items() if queries > most[name]} == {}


def test_neither_does_one_in_a_state_that_asks_more(filled: None) -> None:
    # With a fetch to offer.
    C3Settings.objects.update_or_create(
        pk=C3Settings.load().pk or 1,
        defaults={"api_url": "https://c3.example", "tenant_id": "t", "client_id": "c", "client_secret": "s"},
    )
    finance = Client(headers={"host": "localhost"})
    finance.force_login(User.objects.get(email=fillings.EMAIL))
    asked = [reverse("invoice_list"), reverse("import_invoices")]
    assert [(url, n) for url in asked if (n := queries_of(finance, url)) > pages.MOST_QUERIES] == []
