"""Which invoices of a file bill what another invoice bills already, by the fingerprint of what was billed."""

from __future__ import annotations

from collections.abc import Iterable

from invoices.importing.facts import Action, Facts
from invoices.importing.parser import shown
from invoices.models import Invoice, Posting

NAMED = 5


class SameBilling:
    """Looks for what bills the same as a stored invoice of another number."""

    def __init__(self) -> None:
        self._alike: dict[str, str] = {}

    def look(self, chunk: Iterable[Facts]) -> list[tuple[str, str]]:
        """Return (fingerprint, number) of what is new or changed of these invoices."""
        coming = {
            facts.header.number: facts.billed_hash for facts in chunk if facts.action in (Action.CREATE, Action.UPDATE)
        }
        stored: dict[str, list[tuple[str, str]]] = {}
        rows = Invoice.objects.filter(billed_hash__in=set(coming.values())).order_by("number")
        for billed, number, status in rows.values_list("billed_hash", "number", "posting__status"):
            said = f"{shown(number)}, which is in Xero" if status == Posting.Status.POSTED else shown(number)
            stored.setdefault(billed, []).append((number, said))
        for number, billed in coming.items():
            others = [said for other, said in stored.get(billed, ()) if other != number]
            if others:
                self._alike[number] = others[0]
        return [(billed, number) for number, billed in coming.items()]

    def notes(self, in_file: Iterable[tuple[str, str]]) -> list[str]:
        """Return a sentence on what bills the same; `in_file` are (number, other number) of the file itself."""
        for number, other in in_file:
            self._alike.setdefault(number, f"{shown(other)} of this file")
        if not self._alike:
            return []
        pairs = [f"{shown(number)} as {said}" for number, said in list(self._alike.items())[:NAMED]]
        more = " and others" if len(self._alike) > NAMED else ""
        return [
            f"Invoices of the same lines and total as another one: {len(self._alike):,} ({'; '.join(pairs)}{more}). "
            "They are not posted until a person decides."
        ]
