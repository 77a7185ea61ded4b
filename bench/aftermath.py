"""What people and bookkeepers do to documents in the middle of a chaos run, and whether the portal knows it at the end.

A quarter of the invoices is taken back and posted again; of a tenth the documents are voided or edited in the sandbox
behind the portal's back; a tenth is approved and mailed, and a twentieth credited in part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bench.credits import Credits
from bench.onward import Onward

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection
    from xero_sandbox.testing import SandboxControl

ENDED = ("VOIDED", "DELETED")
MARKER = re.compile(r"C3-[0-9a-f]{12}")
# So many a round, so that posting goes on beside.
AT_ONCE = 25
ANOTHER_DAY = "2031-01-31"


@dataclass
class Aftermath:
    """Which invoices (by id) are taken back, and which are voided or edited by hand; `done` of the latter. What else is
    asked of others."""

    control: SandboxControl
    connection: XeroConnection
    onward: Onward
    credits: Credits
    undone: list[Any] = field(default_factory=list)
    voided: list[Any] = field(default_factory=list)
    edited: list[Any] = field(default_factory=list)
    done: set[Any] = field(default_factory=set)
    asked: int = 0
    refreshed: int = 0

    @classmethod
    def of(cls, control: SandboxControl, connection: XeroConnection) -> Aftermath:
        """Return what becomes of all invoices there are."""
        from invoices.models import Invoice

        keys = list(Invoice.objects.order_by("number").values_list("pk", flat=True))
        return cls.over(control, connection, {place: keys[place::20] for place in range(20)})

    @classmethod
    def over(cls, control: SandboxControl, connection: XeroConnection, twentieths: dict[int, list[Any]]) -> Aftermath:
        """Return what becomes of invoices in twenty parts; of a part that is missing, nothing."""
        from c3portal.models import User

        def of(*places: int) -> list[Any]:
            return [key for place in places for key in twentieths.get(place, [])]

        user = User.objects.create_user("finance@example.com")
        return cls(
            control,
            connection,
            onward=Onward(connection, in_one_go=of(1), by_click=of(9)),
            credits=Credits(connection, user, credited=of(5)),
            undone=of(0, 4, 8, 12, 16),
            voided=of(3),
            edited=of(7),
        )

    def act(self) -> None:
        """Do a round: what is posted by now is taken back, approved, mailed, credited or changed by hand; what was
        taken back is posted again."""
        self._refresh_unknown()
        self.onward.act()
        self.credits.act()
        self._take_back()
        self._post_again()
        self._change_by_hand()

    def _posted(self, keys: list[Any]) -> Any:
        from invoices.models import Posting

        return Posting.objects.filter(invoice__in=keys, status=Posting.Status.POSTED)

    def _take_back(self) -> None:
        from invoices.changes import asking

        asked = asking.undo(self._posted(self.undone).filter(attempt=0), connection=self.connection, user=None)
        self.asked += asked.queued

    def _post_again(self) -> None:
        from invoices.models import Invoice
        from invoices.posting import queueing

        gone = Invoice.objects.filter(posting__status="undone")
        for status in ("DRAFT", "AUTHORISED"):
            some = gone.filter(pk__in=list(gone.values_list("pk", flat=True)[:AT_ONCE]))
            queueing.enqueue(some, connection=self.connection, user=None, invoice_status=status)

    def _change_by_hand(self) -> None:
        rows = self._posted([*self.voided, *self.edited]).exclude(invoice__in=self.done)
        for posting in rows.select_related("invoice")[:AT_ONCE]:
            kind = "ACCRECCREDIT" if posting.document_type == "credit_note" else "ACCREC"
            if posting.invoice_id in self.voided:
                self.control.void(posting.number_in_xero, type=kind)
            else:
                self.control.change(posting.number_in_xero, type=kind, Date=ANOTHER_DAY)
            self.done.add(posting.invoice_id)

    def _refresh_unknown(self) -> None:
        """Press *Refresh from Xero* where an answer told no known status, and nobody can say what may be asked for."""
        from invoices.models import Invoice
        from xero_integration.client.vocabulary import DocumentStatus

        notes = Invoice.objects.filter(corrects__in=self.credits.credited).values_list("pk", flat=True)
        keys = [*self.undone, *self.onward.mailed, *self.credits.credited, *notes]
        unknown = self._posted(keys).exclude(xero_status__in=[*DocumentStatus])
        if unknown.exists():
            self.refreshed += 1
            self._read(unknown)

    def _read(self, rows: Any) -> bool:
        from invoices.models import DocumentEvent
        from invoices.readback import reading
        from xero_integration.client.errors import XeroError

        self.connection.refresh_from_db()
        with suppress(XeroError):
            reading.in_full(self.connection, rows, DocumentEvent.Source.RECONCILIATION)
            return True
        return False

    def is_done(self) -> bool:
        """Whether everything is posted, a quarter of it again, and all was done and changed that was to be."""
        from invoices.models import DocumentChange, Posting

        waiting = Posting.objects.exclude(status=Posting.Status.POSTED).exists()
        first = self._posted(self.undone).filter(attempt=0).exists()
        rest = len(self.done) < len(self.voided) + len(self.edited)
        busy = waiting or first or rest or DocumentChange.objects.in_progress().exists()
        return not busy and self.onward.is_done() and self.credits.is_done()

    def read_all(self) -> bool:
        """Read back everything, as each night. Returns whether Xero answered."""
        from invoices.models import Posting

        return self._read(Posting.objects.filter(status=Posting.Status.POSTED))

    def held_against(self, documents: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what arrived, and how many postings say something else than the sandbox's books."""
        from invoices.models import Posting

        rows = list(Posting.objects.select_related("invoice"))
        by_id = {each["id"]: each for each in documents}
        live = Counter(marker for each in documents if each["status"] not in ENDED for marker in _markers(each))
        ours = [(row, by_id[row.xero_id]) for row in rows if row.xero_id in by_id]
        ended = [row.invoice_id for row, document in ours if document["status"] in ENDED]
        untrue = [row for row, document in ours if not self._is_true(row, document)]
        return {
            "in the sandbox": len(ours),
            "taken back and posted again": sum(1 for row, _ in ours if row.attempt),
            "changed in the sandbox": f"{len(ended)} ended, {len(self.edited)} edited",
            "twice": sum(1 for count in live.values() if count > 1),
            "missing": len(rows) - len(ours) + len(set(ended) ^ set(self.voided)),
            "live": sum(live.values()),
            "wrong total": sum(1 for row, each in ours if Decimal(each["total"]) != abs(row.invoice.total)),
            **self.onward.held_against(self.control, documents),
            **self.credits.held_against(self.control),
            "said otherwise than the books": [f"{row.invoice}: {row.xero_status} {row.edits}" for row in untrue],
        }

    def _is_true(self, posting: Any, document: dict[str, Any]) -> bool:
        is_changed = posting.invoice_id in [*self.voided, *self.edited]
        return (
            posting.xero_status == document["status"]
            and posting.number_in_xero == document["number"]
            and posting.amount_due == Decimal(document["due"])
            and bool(posting.edits) == is_changed
        )


def _markers(document: dict[str, Any]) -> Iterator[str]:
    yield from MARKER.findall(f"{document['url']} {document['reference']}")
