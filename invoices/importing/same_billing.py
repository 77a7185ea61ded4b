"""Which invoices of a file bill what another invoice bills already, by the fingerprint of what was billed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable

from invoices.importing.aggregation import Action, Facts, Gathering
from invoices.importing.parser import shown
from invoices.models import Invoice, Posting

NAMED = 5
CHUNK = 500


def notes(gathering: Gathering) -> list[str]:
    """Return a sentence on what comes in of the same lines and total as another one, of the file or stored."""
    coming = (facts for facts in gathering.invoices.values() if facts.action in (Action.CREATE, Action.UPDATE))
    here: dict[str, list[str]] = defaultdict(list)
    pairs: list[str] = []
    for chunk in itertools.batched(coming, CHUNK):
        stored = _stored(chunk)
        for facts in chunk:
            number, billed = facts.header.number, facts.billed_hash
            others = [said for other, said in stored.get(billed, ()) if other != number]
            others += [f"{shown(other)} of this file" for other in here[billed]]
            if others:
                pairs.append(f"{shown(number)} as {others[0]}")
            here[billed].append(number)
    if not pairs:
        return []
    more = " and others" if len(pairs) > NAMED else ""
    return [
        f"Invoices of the same lines and total as another one: {len(pairs):,} ({'; '.join(pairs[:NAMED])}{more}). "
        "They are not posted until a person decides."
    ]


def _stored(chunk: Iterable[Facts]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    rows = Invoice.objects.filter(billed_hash__in=[facts.billed_hash for facts in chunk]).order_by("number")
    for billed, number, status in rows.values_list("billed_hash", "number", "posting__status"):
        said = f"{shown(number)}, which is in Xero" if status == Posting.Status.POSTED else shown(number)
        found[billed].append((number, said))
    return found
