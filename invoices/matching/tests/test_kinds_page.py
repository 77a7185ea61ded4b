from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.audit.record import Action
from c3portal.models import AuditEntry, User
from invoices.documents.rules import Fix
from invoices.matching.kind_rules import open_categories, read_rules
from invoices.models import Invoice, InvoiceLine, KindRule, Posting
from invoices.preflight.preflight import Verdict, inspect
from invoices.tests import makers
from xero_integration.models import XeroConnection

pytestmark = pytest.mark.django_db
PAGE = "/settings/kinds/"


@pytest.fixture
def open_invoices() -> list[Invoice]:
    """Three invoices of one line each whose category nobody knows, in two spellings."""
    made = makers.invoices(makers.a_period(), 3)
    for invoice, category in zip(made, ("Reservation", "reservation", "Support"), strict=True):
        invoice.lines.update(kind="", source={"Category": category})
    return made


def test_it_lists_the_categories_that_are_open_with_their_lines(admin: Client, open_invoices: list[Invoice]) -> None:
    page = admin.get(PAGE).content.decode()

    assert [(each.category.lower(), each.lines, each.invoices) for each in open_categories()] == [
        ("reservation", 2, 2),
        ("support", 1, 1),
    ]
    assert "2 lines of 2" in " ".join(page.split())


def test_a_rule_gives_the_open_lines_their_kind_and_is_audited(admin: Client, open_invoices: list[Invoice]) -> None:
    response = admin.post(PAGE, {"category": " RESERVATION", "kind": "azure"}, follow=True)

    assert "2 open lines have their kind now" in response.content.decode()
    assert read_rules() == {"reservation": "azure"}
    kinds = InvoiceLine.objects.order_by("invoice__number").values_list("kind", flat=True)
    assert list(kinds) == ["azure", "azure", ""]
    entry = AuditEntry.objects.get(action=Action.MAPPING)
    assert (entry.subject, entry.after) == ("Settings → Kinds", {"reservation": "Azure Usage based SKUs"})


def test_the_lines_of_what_was_sent_stay_as_they_are(admin: Client, open_invoices: list[Invoice]) -> None:
    upload = makers.uploaded(makers.connected(), None, open_invoices[0])
    makers.bring(upload, Posting.Status.POSTED)

    admin.post(PAGE, {"category": "Reservation", "kind": "license"})

    assert open_invoices[0].lines.get().kind == ""
    assert open_invoices[1].lines.get().kind == "license"


def test_lines_without_a_category_can_be_mapped_too(admin: Client, open_invoices: list[Invoice]) -> None:
    InvoiceLine.objects.update(source={})

    admin.post(PAGE, {"category": "", "kind": "license"})

    assert open_categories() == []


def test_a_rule_is_changed_and_deleted(admin: Client) -> None:
    admin.post(PAGE, {"category": "Support", "kind": "license"})
    admin.post(PAGE, {"category": "support", "kind": "custom"})
    rule = KindRule.objects.get()
    assert rule.kind == "custom"

    admin.post(PAGE, {"delete": rule.pk})

    assert not KindRule.objects.exists()
    assert AuditEntry.objects.filter(action=Action.MAPPING).count() == 3
    assert AuditEntry.objects.latest("pk").before == {"support": "Custom offer SKUs"}


def test_a_kind_has_to_be_chosen(admin: Client) -> None:
    assert "Choose the kind" in admin.post(PAGE, {"category": "Support", "kind": ""}).content.decode()
    assert not KindRule.objects.exists()


def test_a_reader_sees_the_page_and_changes_nothing(
    client_for: Callable[[User], Client], system_reader: User, open_invoices: list[Invoice]
) -> None:
    client = client_for(system_reader)

    assert "Choose a kind" not in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"category": "Support", "kind": "license"}).status_code == 403


def test_an_open_kind_blocks_at_preflight_with_the_link_that_mends_it(
    connected: XeroConnection, open_invoices: list[Invoice]
) -> None:
    found = inspect(Invoice.objects.all(), connected, invoice_status="DRAFT", look_up_in_xero=False)

    assert [row.verdict for row in found.rows] == [Verdict.BLOCKED] * 3
    (group,) = found.groups()
    assert (group.problem.code, group.problem.fix, len(group.invoices)) == ("kind", Fix.KINDS, 3)
    assert reverse("kind_rules") == PAGE
