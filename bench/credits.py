"""Credit notes over a part of posted invoices in the middle of a chaos run, and whether each was set against its
invoice once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from c3portal.models import User
    from invoices.models import Invoice
    from xero_integration.models import XeroConnection
    from xero_sandbox.testing import SandboxControl

# So many a round, since each is read from Xero before.
AT_ONCE = 10


@dataclass
class Credits:
    """Invoices (by id) of whose first line half is credited. Every second credit note arrives as a draft, and is
    approved by a person; drafts among the invoices are approved before."""

    connection: XeroConnection
    user: User
    credited: list[Any]
    allocated_again: int = 0

    def act(self) -> None:
        """Approve, credit and post what can be by now, and ask again for what was refused."""
        from invoices.changes import asking
        from invoices.models import Posting

        rows = Posting.objects.filter(invoice__in=self.credited) | Posting.objects.filter(invoice__in=self._notes())
        asking.approve(rows, connection=self.connection, user=self.user)
        self._credit()
        self._post()
        self._allocate_again()

    def _notes(self) -> Any:
        from invoices.models import Invoice

        return Invoice.objects.filter(corrects__in=self.credited)

    def _credit(self) -> None:
        from invoices.models import Invoice

        posted = {"posting__status": "posted", "posting__xero_status": "AUTHORISED"}
        rows = Invoice.objects.filter(pk__in=self.credited, corrections=None, **posted)
        for each in rows.select_related("posting__connection").order_by("number")[:AT_ONCE]:
            self._credit_one(each)

    def _credit_one(self, invoice: Invoice) -> None:
        from invoices.corrections import as_in_xero
        from invoices.corrections.creating import NotPossible, create
        from xero_integration.client.errors import XeroError
        from xero_integration.payloads import to_cents

        # Where Xero does not answer a person tries again later.
        with suppress(XeroError, NotPossible):
            shown = as_in_xero.read(invoice)
            lines = shown.credited({0: to_cents(shown.lines[0].amount / 2)})
            create(invoice, lines, reason="Half of it was not used", contact_id=shown.contact_id)

    def _post(self) -> None:
        from invoices.posting import queueing

        for keys, status in ((self.credited[::2], "DRAFT"), (self.credited[1::2], "AUTHORISED")):
            made = self._notes().filter(corrects__in=keys, posting=None)
            if made.exists():
                queueing.enqueue(made, connection=self.connection, user=self.user, invoice_status=status)

    def _allocate_again(self) -> None:
        from invoices.changes import allocating
        from invoices.models import DocumentChange, Posting

        allocations = DocumentChange.objects.filter(kind="allocate")
        refused = Posting.objects.filter(changes__in=allocations.filter(status="refused"))
        for note in refused.exclude(changes__in=allocations.exclude(status="refused")).distinct():
            self.allocated_again += allocating.again(note, self.user)

    def is_done(self) -> bool:
        """Whether each is credited, and the credit set against it."""
        from invoices.models import DocumentChange

        return DocumentChange.objects.filter(kind="allocate", status="done").count() >= len(self.credited)

    def held_against(self, control: SandboxControl) -> dict[str, Any]:
        """Return how many credit notes were set against their invoices, and what the sandbox's books say otherwise."""
        from invoices.models import Posting

        found: dict[str, list[tuple[str, Decimal]]] = {}
        for each in control.allocations(self.connection.tenant_id):
            found.setdefault(each["source"], []).append((each["invoice"], Decimal(each["amount"])))
        rows = Posting.objects.filter(invoice__in=self._notes())
        notes = list(rows.select_related("invoice__corrects__posting").prefetch_related("applied_credits"))
        wrong = [each for each in notes if not self._is_true(each, found.get(each.xero_id, []))]
        strangers = found.keys() - {each.xero_id for each in notes}
        return {
            "credited in part": len(notes),
            "set against their invoices": sum(len(each) for each in found.values()),
            "asked again to be set against": self.allocated_again,
            "set against otherwise than asked": [
                *(f"{each.invoice}: {found.get(each.xero_id, [])}" for each in wrong),
                *strangers,
                *([f"{len(notes)} of {len(self.credited)}"] if len(notes) != len(self.credited) else []),
            ],
        }

    def _is_true(self, note: Any, allocated: list[tuple[str, Decimal]]) -> bool:
        total, invoice = -note.invoice.total, note.invoice.corrects.posting
        shown = [(each.xero_id, each.amount) for each in note.applied_credits.all()]
        on_invoice = list(invoice.applied_credits.values_list("xero_id", "amount"))
        return (
            allocated == [(invoice.xero_id, total)] == shown
            and on_invoice == [(note.xero_id, total)]
            and note.changes.filter(kind="allocate", status="done").count() == 1
        )
