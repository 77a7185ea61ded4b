"""The sets of states: what is in each, and that no other module writes one down again."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from c3portal.models import User
from c3portal.tests.imports import ALL
from invoices.models import BillingPeriod, Invoice, Posting, Submission
from invoices.models.statuses import PostingStatus
from invoices.tests.makers import a_period, an_invoice, connected, uploaded
from xero_integration.models import XeroConnection

NEVER_UPLOADED = "never uploaded"
WRITTEN_HERE = "invoices.models.statuses"
STATES = {name for status in PostingStatus for name in (status.value, status.name)}
OPEN = [{"preparing", "sending"}, {"PREPARING", "SENDING"}]


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


@pytest.fixture
def one_of_each(period: BillingPeriod, finance_admin: User) -> XeroConnection:
    connection = connected()
    for status in PostingStatus:
        uploaded(connection, finance_admin, an_invoice(period, status.value), to=status)
    an_invoice(period, NEVER_UPLOADED)
    return connection


@pytest.mark.both_databases
def test_each_set_of_postings_has_its_states(one_of_each: XeroConnection) -> None:
    sets = {
        name: set(getattr(Posting.objects, name)().values_list("status", flat=True))
        for name in ("in_flight", "in_progress", "uploadable")
    }
    assert sets == {
        "in_flight": {"sending", "uncertain"},
        "in_progress": {"queued", "sending", "uncertain"},
        "uploadable": {"rejected", "undone", "withdrawn"},
    }


@pytest.mark.both_databases
def test_an_invoice_without_a_posting_is_uploadable_and_not_in_progress(one_of_each: XeroConnection) -> None:
    numbers = Invoice.objects.values_list("number", flat=True)
    assert set(numbers.filter(pk__in=Invoice.objects.uploadable())) == {
        NEVER_UPLOADED,
        "rejected",
        "undone",
        "withdrawn",
    }
    not_in_progress = set(numbers.filter(pk__in=Invoice.objects.not_in_progress()))
    assert not_in_progress == {NEVER_UPLOADED, "posted", "rejected", "undone", "withdrawn"}


def test_an_ignored_invoice_is_never_uploadable(one_of_each: XeroConnection) -> None:
    Invoice.objects.update(ignored_because="A test")
    assert not Invoice.objects.uploadable().exists()


@pytest.mark.both_databases
def test_a_call_is_open_or_closed(one_of_each: XeroConnection) -> None:
    submission = Submission.objects.all()[0]
    for outcome in Submission.Outcome:
        Submission.objects.filter(pk=submission.pk).update(outcome=outcome)
        is_open = submission in Submission.objects.open()
        assert is_open == (outcome in ("preparing", "sending"))
        assert is_open != (submission in Submission.objects.closed())


def sets_written_in(path: Path) -> list[str]:
    """Return the lists of two or more states of postings, or of what an open call is, that a module holds."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
            names = {_name(each) for each in node.elts}
            if names <= STATES or names in OPEN:
                found.append(ast.unparse(node))
    return found


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return node.attr if isinstance(node, ast.Attribute) else ""


def test_no_other_module_writes_a_set_of_states_down_again() -> None:
    written = {module: sets for module, path in ALL.items() if (sets := sets_written_in(path))}
    assert written.keys() == {WRITTEN_HERE}


def test_a_set_written_down_again_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("A = (Status.QUEUED, Status.SENDING)\nB = ['rejected', 'withdrawn']\nC = (Status.QUEUED, 1)\n")
    assert sets_written_in(source) == ["(Status.QUEUED, Status.SENDING)", "['rejected', 'withdrawn']"]
