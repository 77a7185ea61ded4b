"""Approving and mailing in the middle of a chaos run, and whether each was done once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection
    from xero_sandbox.testing import SandboxControl

APPROVED = ("AUTHORISED", "PAID")


@dataclass
class Onward:
    """Invoices (by id) that are uploaded to be approved and mailed `in_one_go`, and those of which a person asks it, as
    of half of the former; every tenth is mailed a second time on purpose."""

    connection: XeroConnection
    in_one_go: list[Any]
    by_click: list[Any]

    @property
    def mailed(self) -> list[Any]:
        return [*self.in_one_go, *self.by_click]

    @property
    def mailed_again(self) -> list[Any]:
        return self.mailed[::10]

    def prepare(self, control: SandboxControl) -> None:
        """Give the contacts of who gets mail an address, and the organisation enough mails for the day."""
        from invoices.models import Customer

        control.change_organisation(is_demo=False, mails_a_day=1000)
        customers = Customer.objects.filter(invoices__in=self.mailed).distinct()
        control.put_contacts(
            {"name": each.name, "number": each.tenant_id, "email": f"{each.tenant_id}@example.com"}
            for each in customers
        )

    def act(self) -> None:
        """Press *Approve* and *Send* for all of them, and *Send* once more for some that were sent."""
        from invoices.changes import asking
        from invoices.models import Posting

        chosen = Posting.objects.filter(invoice__in=[*self.by_click, *self.in_one_go[::2]])
        asking.approve(chosen, connection=self.connection, user=None)
        asking.send(chosen, connection=self.connection, user=None)
        once = [key for key, ended in self._sends().items() if ended.total() == 1]
        again = Posting.objects.filter(invoice__in=self.mailed_again).filter(invoice__in=once, sent_to_contact=True)
        asking.send(again, connection=self.connection, user=None, again=True)

    def _sends(self) -> dict[Any, Counter[str]]:
        """Return by invoice how its mails ended, or which wait."""
        from invoices.models import DocumentChange

        found: dict[Any, Counter[str]] = {key: Counter() for key in self.mailed}
        rows = DocumentChange.objects.filter(kind="send").exclude(status="refused")
        for key, status, details in rows.values_list("posting__invoice", "status", "details"):
            # Of what had never been sent it can be told whether it was.
            is_wrong = status == "untold" and details["was_sent"] is False
            found.setdefault(key, Counter())["untold without reason" if is_wrong else status] += 1
        return found

    def is_done(self) -> bool:
        """Whether each was mailed, some twice, as far as the portal can know."""
        sends = self._sends()
        return all(sends[key]["done"] + sends[key]["untold"] == self._wanted(key) for key in self.mailed)

    def _wanted(self, key: Any) -> int:
        return 1 + (key in self.mailed_again)

    def held_against(self, control: SandboxControl, documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Return how many were approved and mailed, and what the sandbox's books say otherwise."""
        from invoices.models import DocumentChange, Posting

        status = {each["id"]: each["status"] for each in documents}
        mails = Counter(each["number"] for each in control.mails(self.connection.tenant_id))
        sends, approved = self._sends(), DocumentChange.objects.filter(kind="approve", status="done")
        rows = list(Posting.objects.filter(invoice__in=sends).select_related("invoice"))
        strangers = mails.keys() - {row.number_in_xero for row in rows}
        wrong = [row for row in rows if not self._is_true(row, mails[row.number_in_xero], sends[row.invoice_id])]
        asked = Posting.objects.filter(invoice__in=self.mailed) | Posting.objects.filter(changes__kind="approve")
        drafts = [row for row in asked.distinct() if status.get(row.xero_id, "") not in APPROVED]
        return {
            "approved": approved.count(),
            "asked to be approved and not": [f"{row.invoice}" for row in drafts],
            "mails": mails.total(),
            "may have been sent": sum(each["untold"] for each in sends.values()),
            "mailed otherwise than said": [
                *(f"{row.invoice}: {mails[row.number_in_xero]}, {dict(sends[row.invoice_id])}" for row in wrong),
                *strangers,
            ],
        }

    def _is_true(self, posting: Any, mails: int, sends: Counter[str]) -> bool:
        wanted = self._wanted(posting.invoice_id) if posting.invoice_id in self.mailed else 0
        known = sends["done"] + sends["untold"] == sends.total() == wanted
        return known and sends["done"] <= mails <= sends.total() and bool(posting.sent_to_contact)
