"""Words are for people: with every sentence replaced by nonsense the portal does the same."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from c3portal.models import Notice
from c3portal.models.notices import Kind
from invoices import notifications
from invoices.conftest import MakeInvoice, Upload, Work
from invoices.models import Invoice, Posting, Submission
from invoices.overrides import drift
from invoices.posting import contact_step, transitions
from invoices.posting.tests.test_state_machine import portal, run
from xero_integration import reference
from xero_integration.accounts import SalesProblem
from xero_integration.client.errors import XeroError
from xero_integration.client.gateway import Answer, Gateway
from xero_integration.models import Account, TokenSet, XeroConnection
from xero_sandbox.testing import SandboxControl

__all__ = ["portal"]
MakeInvoices = Callable[[int], list[Invoice]]
State = Callable[[], dict[str, int]]
NONSENSE = "Lorem ipsum."
MOVES = ("mark_posted", "mark_rejected", "mark_uncertain", "requeue", "require_lookup", "close")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _reworded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every error say nonsense, and every posting and submission keep nothing else."""
    original = XeroError.__init__

    def init(self: XeroError, message: str, **context: Any) -> None:
        original(self, NONSENSE, **context)

    monkeypatch.setattr(XeroError, "__init__", init)
    for name in MOVES:
        monkeypatch.setattr(transitions, name, _forgetful(getattr(transitions, name)))


def _forgetful(move: Any) -> Any:
    def around(*args: Any, **options: Any) -> Any:
        moved = move(*args, **options)
        Posting.objects.exclude(message="").update(message=NONSENSE)
        Submission.objects.exclude(problem="").update(problem=NONSENSE)
        return moved

    return around


@pytest.mark.parametrize("unique", [True, False], ids=["unique_numbers", "any_numbers"])
def test_nothing_is_ever_twice_and_nothing_is_lost_whatever_the_words(portal: XeroConnection, unique: bool) -> None:
    run(portal, unique=unique, examples=8)


def test_a_taken_number_that_xero_does_not_show_is_refused_and_not_sent_again(
    make_invoices: MakeInvoices, sandbox: SandboxControl, upload: Upload, sweep: Work, state: State
) -> None:
    make_invoices(2)
    upload()
    contact_step.link_contacts(XeroConnection.objects.get())
    taken = {"ValidationErrors": [{"Message": "Invoice # must be unique."}], "HasErrors": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gateway, "create_documents", lambda *args: Answer({"Invoices": [taken, taken]}, 200, ""))
        for _ in range(3):
            sweep()
    assert state() == {"rejected": 2}
    assert Submission.objects.count() == 1


@pytest.mark.parametrize(("fault", "kinds"), [("429_day", [Kind.DAY_LIMIT]), ("429_minute", [])])
def test_a_days_end_is_told_from_a_shorter_wait(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, fault: str, kinds: list[str]
) -> None:
    make_invoice()
    upload()
    sandbox.place_fault(fault)
    work()
    assert XeroConnection.objects.get().pause_reason == NONSENSE.rstrip(".")
    notifications.find()
    assert list(Notice.objects.values_list("kind", flat=True)) == kinds


def test_an_ended_token_is_renewed(
    make_invoice: MakeInvoice, sandbox: SandboxControl, upload: Upload, work: Work, state: State
) -> None:
    make_invoice()
    upload()
    generation = TokenSet.objects.get().generation
    sandbox.place_fault("401", times=1)
    work()
    assert (state(), TokenSet.objects.get().generation) == ({"posted": 1}, generation + 1)


def test_what_no_longer_fits_is_told_once(connected: XeroConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    number = itertools.count()
    sales_problem = reference.sales_problem

    def reworded(*args: Any) -> SalesProblem | None:
        problem = sales_problem(*args)
        return problem and dataclasses.replace(problem, words=f"{NONSENSE} {next(number)}")

    for module in (reference, drift):
        monkeypatch.setattr(module, "sales_problem", reworded)
    notifications.find()
    Account.objects.filter(code="4010").update(status="ARCHIVED")
    assert [notifications.drifts() for _ in range(3)] == [1, 0, 0]
    notice = Notice.objects.get(kind=Kind.MAPPING_DRIFT)
    assert notice.body.count(NONSENSE) == 1
