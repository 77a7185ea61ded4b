"""What needs a person's attention, by its cause: the one place that says so, for every page and the navigation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import Count, Q, Sum
from django.urls import reverse

from c3_integration.models import C3Fetch
from invoices.attention import blocked
from invoices.documents.rules import Fix, Problem
from invoices.duplicates import comparison
from invoices.fetching.downloads import waiting_for_a_person
from invoices.models import AttentionCheck, BillingPeriod, Invoice, Posting
from invoices.models.statuses import UPLOADABLE
from invoices.posting import outdated, refused
from invoices.preflight import contact_check
from invoices.readback import states
from invoices.selection import held_back
from invoices.selection.selection import AMENDED, CHANGED, DIFFERS, LOOKS_SAME, OUTDATED
from xero_integration.client.vocabulary import GONE
from xero_integration.models import XeroConnection

CENT = Decimal("0.01")


class Kind(StrEnum):
    CONNECTION = "connection"
    FETCH = "fetch"
    WAITING = "waiting"
    HELD_BACK = "held_back"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    CONTACT = "contact"
    NEAR_CONTACT = "near_contact"
    DRIFT = "drift"
    LOOKS_SAME = "looks_same"
    OUTDATED = "outdated"
    GONE = "gone"
    CHANGED = "changed"
    DIFFERS = "differs"
    AMENDED = "amended"


# What keeps invoices from being posted until a person has seen to it.
STOPS = (Kind.REJECTED, Kind.BLOCKED, Kind.CONTACT, Kind.NEAR_CONTACT, Kind.LOOKS_SAME, Kind.OUTDATED)
# The words and the colour of each kind's chip.
CHIPS = {
    Kind.CONNECTION: ("Connection", "bad"),
    Kind.FETCH: ("Fetch failed", "bad"),
    Kind.WAITING: ("To match", "wait"),
    Kind.HELD_BACK: ("Held back", "wait"),
    Kind.REJECTED: ("Rejected", "bad"),
    Kind.BLOCKED: ("Blocked", "bad"),
    Kind.CONTACT: ("Contact", "bad"),
    Kind.NEAR_CONTACT: ("Near-duplicate contact", "wait"),
    Kind.DRIFT: ("Mapping", "bad"),
    Kind.LOOKS_SAME: ("Looks the same", "wait"),
    Kind.OUTDATED: ("Out of date", "wait"),
    Kind.GONE: ("Changed in Xero", "bad"),
    Kind.CHANGED: ("Changed in Xero", "wait"),
    Kind.DIFFERS: ("Differs", "wait"),
    Kind.AMENDED: ("Changed after posting", "wait"),
}
_CONTACTS = {contact_check.UNUSABLE: Kind.CONTACT, contact_check.ALIKE: Kind.NEAR_CONTACT}
_STATES = {
    Kind.GONE: (CHANGED, "Voided or deleted by someone in Xero"),
    Kind.CHANGED: (CHANGED, "Changed in Xero since they were posted"),
    Kind.DIFFERS: (DIFFERS, "Xero came to another total"),
    Kind.AMENDED: (AMENDED, "A later file says otherwise than what was posted"),
    Kind.LOOKS_SAME: (LOOKS_SAME, "They look the same as other invoices"),
    Kind.OUTDATED: (OUTDATED, "A later file has another version that did not come in"),
}
# Both are in the same state of the list, which this tells apart.
_FILTERS = {Kind.GONE: {"owed": "gone"}, Kind.CHANGED: {"owed": "there"}}


@dataclass(frozen=True)
class Cause:
    """One thing to see to. `count` of `noun` have it, `money` is what they come to by currency. `show` lists them,
    `problem` is what the preflight's next step mends; `again` are the fields of a form that checks exactly them and
    posts them. `period` is the billing period all of them are of, "" where it is about several or about none."""

    kind: Kind
    words: str
    count: int = 0
    noun: str = "invoice"
    money: Mapping[str, Decimal] = field(default_factory=dict)
    detail: str = ""
    show: str = ""
    problem: Problem | None = None
    again: Mapping[str, str] = field(default_factory=dict)
    period: str = ""

    @property
    def label(self) -> str:
        return CHIPS[self.kind][0]

    @property
    def colour(self) -> str:
        return CHIPS[self.kind][1]


def find(connection: XeroConnection | None, last_fetch: C3Fetch | None = None, *, may_open: bool = True) -> list[Cause]:
    """Return what needs attention, what stops most first; the same queries for any number of invoices.

    `last_fetch` is C3's last one; `may_open` is whether who asks may open imports.
    """
    return [
        *_connection(connection),
        *_fetch(last_fetch, may_open=may_open),
        *_held_back(may_open=may_open),
        *_rejected(),
        *_kept(connection),
        *_by_state(),
    ]


def count(causes: Iterable[Cause]) -> int:
    """Return the number that stands for them in the navigation: of what each is about, or one."""
    return sum(max(1, each.count) for each in causes)


def _list_url(**query: str) -> str:
    return f"{reverse('invoice_list')}?{urlencode(query)}"


def _connection(connection: XeroConnection | None) -> Iterator[Cause]:
    if connection is not None and not connection.is_usable:
        words = f"{connection.name} needs reconnecting"
        yield Cause(Kind.CONNECTION, words, noun="", detail=connection.status_reason, show=reverse("invoice_list"))


def _fetch(last: C3Fetch | None, *, may_open: bool) -> Iterator[Cause]:
    if last is not None and last.state == C3Fetch.State.FAILED:
        show = last.get_absolute_url() if may_open else ""
        yield Cause(Kind.FETCH, "Fetching from C3 failed", noun="", detail=last.reason, show=show)
    if runs := list(waiting_for_a_person()):
        show = runs[0].get_absolute_url() if may_open else ""
        yield Cause(Kind.WAITING, "Files whose columns wait for someone", len(runs), "file", show=show)


def _held_back(*, may_open: bool) -> Iterator[Cause]:
    if found := held_back.count_open():
        show = reverse("held_back") if may_open else ""
        yield Cause(Kind.HELD_BACK, "Something is wrong with them in their file", found, show=show)


def _rejected() -> Iterator[Cause]:
    for each in refused.causes(Posting.objects.all()):
        yield Cause(
            Kind.REJECTED,
            each.problem.words,
            each.count,
            money=dict(each.money),
            detail=each.words,
            show=_list_url(period=each.periods[0], cause=each.key),
            problem=each.problem,
            again=_again(each.periods, each.key),
            period=each.periods[0] if len(each.periods) == 1 else "",
        )


def _again(periods: Sequence[str], key: str) -> dict[str, str]:
    # A form is about one billing period; what is of several is posted again from each one's list.
    return {"period": periods[0], "cause": key} if len(periods) == 1 else {}


def _kept(connection: XeroConnection | None) -> Iterator[Cause]:
    """Yield what the last check of the newest billing period found."""
    if connection is None:
        return
    newest = BillingPeriod.objects.values("pk")[:1]
    checks = AttentionCheck.objects.filter(period__in=newest, connection=connection)
    kept = checks.select_related("period").defer("invoice_ids").first()
    if kept is None:
        return
    billing_id = kept.period.billing_id
    for problem, number, money in blocked.problems(kept):
        own = {"period": billing_id, "cause": blocked.key_of(problem)}
        yield Cause(
            _CONTACTS.get(problem.code, Kind.BLOCKED),
            problem.words,
            number,
            money=money,
            show=_list_url(**own),
            problem=problem,
            again=own,
            period=billing_id,
        )
    # What blocks invoices is one cause with them.
    named = {each["words"] for each in kept.problems}
    for each in (each for each in kept.drift if each["words"] not in named):
        mends = Problem("drift", "", each["words"], Fix.SETTINGS) if each["general"] else None
        yield Cause(Kind.DRIFT, each["words"], each["places"], "setting", show=each["url"], problem=mends)


def _by_state() -> Iterator[Cause]:
    posted = Q(posting__status=Posting.Status.POSTED)
    is_gone = Q(posting__xero_status__in=GONE)
    not_posted = Q(ignored_because="") & (Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE))
    yield from _of_states(
        {
            Kind.GONE: states.is_changed() & is_gone,
            Kind.CHANGED: states.is_changed() & ~is_gone,
            Kind.DIFFERS: posted & ~Q(posting__total_difference=0),
            Kind.AMENDED: posted & ~Q(difference=""),
            # What comes first spares what is in Xero the comparison.
            Kind.LOOKS_SAME: not_posted & comparison.waits_for_decision(),
            Kind.OUTDATED: not_posted & outdated.matters_and_waits(),
        }
    )


def _of_states(which: Mapping[Kind, Q]) -> Iterator[Cause]:
    """Yield a cause for each kind and billing period that has such invoices, the newest first; in one query."""
    of_any = reduce(or_, which.values())
    sums: dict[str, Any] = {}
    for kind, condition in which.items():
        sums[kind] = Count("pk", filter=condition)
        sums[f"{kind}_money"] = Sum("total", filter=condition, default=Decimal(0))
    found = Invoice.objects.filter(of_any).order_by().values("period__billing_id", "currency").annotate(**sums)
    rows = cast("list[dict[str, Any]]", list(found))
    for kind in which:
        periods: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            if row[kind]:
                periods[row["period__billing_id"]].append(row)
        state, words = _STATES[kind]
        for billing_id, several in sorted(periods.items(), reverse=True):
            yield Cause(
                kind,
                words if len(periods) == 1 else f"{words} ({billing_id})",
                sum(row[kind] for row in several),
                money={row["currency"]: row[f"{kind}_money"].quantize(CENT) for row in several},
                show=_list_url(period=billing_id, state=state, **_FILTERS.get(kind, {})),
                again={"period": billing_id, "state": state, "all": "1"} | _FILTERS[kind] if kind == Kind.GONE else {},
                period=billing_id,
            )
