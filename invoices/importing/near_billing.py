"""Which invoices of a file bill nearly what a stored one bills, by the rule of `likeness.near`; and which bill the same
to a namesake of whom one has no tenant id."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.db.models import Q

from c3portal.formats import amounts
from invoices.importing import likeness
from invoices.importing.facts import Action, Facts
from invoices.importing.parser import shown
from invoices.models import Invoice, InvoiceLine, Posting

NAMED = 5
# Customer's key, currency, first and last service day.
_Key = tuple[str, str, dt.date | None, dt.date | None]
_STORED = Invoice.objects.filter(Q(ignored_because="") | Q(posting__status=Posting.Status.POSTED))


class NearBilling:
    """Looks for what is nearly billed already, and says it with both numbers and totals."""

    def __init__(self) -> None:
        self._near: dict[str, str] = {}
        self._namesakes: dict[str, str] = {}

    def look(self, chunk: Iterable[Facts]) -> None:
        """Look among the stored ones for what is new or changed of these invoices."""
        coming = {each.header.number: each for each in chunk if each.action in (Action.CREATE, Action.UPDATE)}
        if not coming:
            return
        found = _of_same_dates(coming)
        billed = _products(other.pk for others in found.values() for other in others)
        for number, others in found.items():
            alike = [other for other in others if not billed[other.pk].isdisjoint(coming[number].products)]
            if alike:
                self._near[number] = _said(coming[number], alike[0])
        for number, other in _namesakes(coming).items():
            self._namesakes[number] = _said(coming[number], other)

    def notes(self) -> list[str]:
        """Return a sentence on each way of being alike."""
        ways = (
            (
                "Invoices of the same customer, dates and currency as another one, with another total or other lines",
                self._near,
            ),
            (
                "Invoices of the same lines as one of a customer of the same name, of whom one has no tenant id",
                self._namesakes,
            ),
        )
        return [_sentence(what, found) for what, found in ways if found]


def _of_same_dates(coming: dict[str, Facts]) -> dict[str, list[Invoice]]:
    wanted: dict[_Key, list[Facts]] = defaultdict(list)
    for each in coming.values():
        wanted[each.header.tenant_id, each.header.currency, *each.billed.service_days(each.days)].append(each)
    runs = dict(Invoice.objects.filter(number__in=coming).values_list("number", "import_run"))
    found: dict[str, list[Invoice]] = defaultdict(list)
    rows = _STORED.select_related("customer", "period", "posting").order_by("number")
    for other in rows.filter(
        customer__tenant_id__in={key[0] for key in wanted}, service_start__in={key[2] for key in wanted}
    ):
        key = other.customer.tenant_id, other.currency, other.service_start, other.service_end
        for each in wanted.get(key, ()):
            if _is_another(each, other) and not _is_beside(each, other, runs):
                found[each.header.number].append(other)
    return found


def _is_another(each: Facts, other: Invoice) -> bool:
    is_other = each.header.number != other.number and each.billed_hash != other.billed_hash
    return is_other and (each.total < 0) == (other.total < 0)


def _is_beside(each: Facts, other: Invoice, runs: Mapping[str, int | None]) -> bool:
    # What a file brings is of a run of its own.
    is_of_run = each.header.number in runs and runs[each.header.number] == other.import_run_id
    return is_of_run and each.header.billing_id == other.period.billing_id


def _products(invoices: Iterable[uuid.UUID]) -> dict[uuid.UUID, set[int]]:
    found: dict[uuid.UUID, set[int]] = defaultdict(set)
    lines = InvoiceLine.objects.filter(invoice__in=set(invoices)).order_by()
    for pk, product in lines.values_list("invoice", likeness.PRODUCT).distinct().iterator():
        found[pk].add(hash(product))
    return found


def _namesakes(coming: dict[str, Facts]) -> dict[str, Invoice]:
    by_name: dict[str | None, list[Facts]] = defaultdict(list)
    for each in coming.values():
        by_name[each.hashes()["named_hash"]].append(each)
    found: dict[str, Invoice] = {}
    rows = _STORED.filter(named_hash__in=by_name).select_related("customer", "posting").order_by("number")
    for other in rows:
        for each in by_name[other.named_hash]:
            only_one = (other.keyless_hash is None) != (each.hashes()["keyless_hash"] is None)
            if only_one and each.header.number != other.number:
                found.setdefault(each.header.number, other)
    return found


def _said(each: Facts, other: Invoice) -> str:
    posting = getattr(other, "posting", None)
    where = ", which is in Xero" if posting and posting.status == Posting.Status.POSTED else ""
    this = f"{shown(each.header.number)} ({amounts.written(each.total, each.header.currency)})"
    return f"{this} and {shown(other.number)} ({amounts.written(other.total, other.currency)}){where}"


def _sentence(what: str, found: dict[str, str]) -> str:
    pairs = list(found.values())[:NAMED]
    more = " and others" if len(found) > NAMED else ""
    return f"{what}: {len(found):,} ({'; '.join(pairs)}{more}). One of each two is not posted until a person decides."
