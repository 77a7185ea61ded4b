"""What needs a person's attention, by its cause: the one place that says so, for every page and the navigation."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import BooleanField, Case, Count, Q, QuerySet, Sum, When
from django.urls import reverse

from c3_integration.models import C3Fetch
from c3portal.database import clock
from invoices.attention import blocked
from invoices.documents.rules import Fix, Problem, Severity
from invoices.duplicates import comparison
from invoices.fetching.downloads import waiting_for_a_person
from invoices.models import AttentionCheck, BillingPeriod, Invoice, Posting
from invoices.models.statuses import SEEN_TO, UPLOADABLE, PostingStatus
from invoices.posting import outdated, refused
from invoices.preflight import contact_check, likenesses
from invoices.preflight.preflight import OUTDATED as OUTDATED_CODE
from invoices.readback import states
from invoices.selection import held_back
from invoices.selection.selection import AMENDED, CHANGED, DIFFERS, LOOKS_SAME, OUTDATED
from xero_integration.client.vocabulary import GONE
from xero_integration.models import XeroConnection

CENT = Decimal("0.01")
_NAMED = ("period", "period__billing_id", "period__ends_on", "currency")
# A lost answer is looked up within seconds, and within three minutes Xero has it or never will: what is still confirmed
# after so long is held up by something that nobody sees to by itself.
CONFIRMED_WITHIN = dt.timedelta(minutes=30)


class Kind(StrEnum):
    CONNECTION = "connection"
    FETCH = "fetch"
    WAITING = "waiting"
    HELD_BACK = "held_back"
    REJECTED = "rejected"
    CONFIRMING = "confirming"
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
    LOOK = "look"


# What keeps invoices from being posted until a person has seen to it.
STOPS = (Kind.REJECTED, Kind.BLOCKED, Kind.CONTACT, Kind.NEAR_CONTACT, Kind.LOOKS_SAME, Kind.OUTDATED)
# The words and the colour of each kind's chip.
CHIPS = {
    Kind.CONNECTION: ("Connection", "bad"),
    Kind.FETCH: ("Fetch failed", "bad"),
    Kind.WAITING: ("To match", "wait"),
    Kind.HELD_BACK: ("Held back", "wait"),
    Kind.REJECTED: ("Rejected", "bad"),
    Kind.CONFIRMING: ("Confirming with Xero", "wait"),
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
    Kind.LOOK: ("Needs a look", "wait"),
}
# What a rule or a refusal is about, in a word or two, where a line has no room for its sentence.
TOPICS = {
    "account": "Account",
    "tax": "Tax",
    "theme": "Theme",
    "currency": "Currency",
    "locked": "Locked period",
    "two_people": "Approval",
    "kind": "Kind",
    "purchase_order": "PO number",
    "total": "Total",
    "exact_sum": "Rounding",
    "rounding": "Rounding",
    "keyless": "Contact",
    "contact": "Contact",
    "name": "Contact name",
    "email": "E-mail",
    "number": "Number",
    "taken": "Number",
    "same": "Number",
    "other_number": "Number",
    "spelt_alike": "Number",
    "correction": "Credit note",
    "due_date": "Due date",
    "lines": "Lines",
}
# Of these the subject is a code that people know.
_WITH_SUBJECT = frozenset({"account", "currency"})
_CODES = {
    contact_check.UNUSABLE: Kind.CONTACT,
    contact_check.ALIKE: Kind.NEAR_CONTACT,
    likenesses.CODE: Kind.LOOKS_SAME,
    OUTDATED_CODE: Kind.OUTDATED,
}
STATES = {
    Kind.CONFIRMING: (PostingStatus.UNCERTAIN, "Xero's answer was lost more than 30 minutes ago"),
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
class Part:
    """What of a cause is in one billing period. `again` are the fields of a form that checks exactly these and posts
    them: a selection is of one period."""

    period: BillingPeriod
    count: int
    money: Mapping[str, Decimal]
    show: str
    again: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.period.ends_on:%B %Y}"


@dataclass(frozen=True)
class Cause:
    """One thing to see to. `count` of `noun` have it, `money` is what they come to by currency. `show` lists them,
    `problem` is what the preflight's next step mends; `parts` are its billing periods, the newest first, and none for
    what is no invoice of any."""

    kind: Kind
    words: str
    count: int = 0
    noun: str = "invoice"
    money: Mapping[str, Decimal] = field(default_factory=dict)
    detail: str = ""
    show: str = ""
    problem: Problem | None = None
    parts: Sequence[Part] = ()
    # The days they are dated within, where that helps.
    days: tuple[dt.date, dt.date] | None = None
    # What names it in an address.
    key: str = ""
    # All that Xero said of those that it rejected.
    wordings: Sequence[str] = ()

    @property
    def anchor(self) -> str:
        """Return what names its row on a page."""
        return f"cause-{self.key or self.kind}"

    @property
    def short(self) -> str:
        """Return it in a few words, for a line that names several."""
        topic = TOPICS.get(self.problem.code, "") if self.problem else ""
        if self.problem and topic and self.problem.code in _WITH_SUBJECT:
            topic = f"{topic} {self.problem.subject}".strip()
        return f"{self.label}: {topic}" if topic and topic != self.label else self.label

    @property
    def again(self) -> Mapping[str, str]:
        """Return the fields of the form that checks exactly its invoices and posts them, {} where no one form does."""
        return self.parts[0].again if len(self.parts) == 1 else {}

    @property
    def label(self) -> str:
        return CHIPS[self.kind][0]

    @property
    def colour(self) -> str:
        return CHIPS[self.kind][1]


def find(
    connection: XeroConnection | None,
    last_fetch: C3Fetch | None = None,
    *,
    may_open: bool = True,
    now: dt.datetime | None = None,
) -> list[Cause]:
    """Return what needs attention, what stops most first; the same queries for any number of invoices.

    `last_fetch` is C3's last one; `may_open` is whether who asks may open imports; `now` is the database's time, which
    is asked for without it.
    """
    return [
        *_connection(connection),
        *_fetch(last_fetch, may_open=may_open),
        *_held_back(may_open=may_open),
        *_rejected(),
        *_kept(connection),
        *_by_state(now or clock.now()),
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


def stopped(causes: Iterable[Cause], period: BillingPeriod) -> list[Part]:
    """Return what of the period something stops until it is seen to, but for what Xero rejected."""
    stops = (each for each in causes if each.kind in STOPS and each.kind != Kind.REJECTED)
    return [part for each in stops for part in each.parts if part.period == period]


def _newest_first(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (part.period.ends_on, part.period.billing_id), reverse=True)


def _of_parts(kind: Kind, words: str, parts: Iterable[Part], **facts: Any) -> Cause:
    """Return the cause that these are the parts of; its list is that of the newest period."""
    parts = _newest_first(parts)
    money: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for code, amount in part.money.items():
            money[code] += amount
    count = sum(part.count for part in parts)
    return Cause(kind, words, count, money=dict(sorted(money.items())), show=parts[0].show, parts=parts, **facts)


def kind_of(problem: Problem) -> Kind:
    """Return the kind of cause that a problem is that the preflight found."""
    if problem.code == likenesses.CODE and not problem.is_question:
        return Kind.LOOK
    stops = Kind.BLOCKED if problem.severity == Severity.BLOCKED else Kind.LOOK
    return _CODES.get(problem.code, stops)


def rejected(each: refused.Cause, **facts: Any) -> Cause:
    """Return the cause that Xero rejected some for; `facts` are where they are and what is done about them."""
    facts |= {"detail": each.words, "problem": each.problem, "key": each.key, "wordings": each.wordings}
    days = (each.first, each.last)
    return Cause(Kind.REJECTED, each.problem.words, each.count, money=dict(each.money), days=days, **facts)


def _rejected() -> Iterator[Cause]:
    for each in refused.causes(Posting.objects.all()):
        parts = []
        for period, count, money in each.parts:
            own = {"period": period.billing_id, "cause": each.key}
            parts.append(Part(period, count, dict(money), _list_url(**own), own))
        parts = _newest_first(parts)
        yield rejected(each, show=parts[0].show, parts=parts)


def _kept(connection: XeroConnection | None) -> Iterator[Cause]:
    """Yield what the last checks of the billing periods found, each problem once."""
    if connection is None:
        return
    checks = AttentionCheck.objects.filter(connection=connection).select_related("period").defer("invoice_ids")
    kept = sorted(checks, key=lambda each: (each.period.ends_on, each.period.billing_id), reverse=True)
    found: dict[Problem, list[Part]] = defaultdict(list)
    for check in kept:
        for problem, number, money in blocked.problems(check):
            own = {"period": check.period.billing_id, "cause": blocked.key_of(problem)}
            found[problem].append(Part(check.period, number, money, _list_url(**own), own))
    for problem, parts in found.items():
        key = blocked.key_of(problem)
        yield _of_parts(kind_of(problem), problem.words, parts, problem=problem, key=key)
    # What blocks invoices is one cause with them; what no longer fits is the same for every period.
    named = {problem.words for problem in found}
    drifted = (each for check in kept[:1] for each in check.drift if each["words"] not in named)
    for place, each in enumerate(drifted, 1):
        mends = Problem("drift", "", each["words"], Fix.SETTINGS) if each["general"] else None
        facts: dict[str, Any] = {"show": each["url"], "problem": mends, "key": f"drift-{place}"}
        yield Cause(Kind.DRIFT, each["words"], each["places"], "setting", **facts)


def confirmed_too_long(now: dt.datetime) -> Q:
    """Return the condition on invoices that an answer about them was lost too long ago."""
    return Q(posting__status=PostingStatus.UNCERTAIN, posting__updated_at__lt=now - CONFIRMED_WITHIN)


def _by_state(now: dt.datetime) -> Iterator[Cause]:
    posted = Q(posting__status=Posting.Status.POSTED)
    is_gone = Q(posting__xero_status__in=GONE)
    not_posted = Q(ignored_because="") & (Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE))
    yield from _of_states(
        {
            Kind.CONFIRMING: confirmed_too_long(now),
            Kind.GONE: states.is_changed() & is_gone,
            Kind.CHANGED: states.is_changed() & ~is_gone,
            Kind.DIFFERS: posted & ~Q(posting__total_difference=0),
            Kind.AMENDED: posted & ~Q(difference=""),
            Kind.OUTDATED: not_posted & outdated.matters_and_waits(),
        },
        # What comes first spares what is in Xero the comparison.
        Kind.LOOKS_SAME,
        not_posted & comparison.waits_for_decision(),
    )


def _may_be_of_a_state() -> QuerySet[Any, Any]:
    """Return the ids of the invoices that may be of one of the kinds of `_by_state`, each sort along its own index."""
    postings = Posting.objects.order_by()
    return (
        Invoice.objects.filter(posting=None)
        .order_by()
        .values("pk")
        .union(
            Invoice.objects.filter(~Q(difference="")).order_by().values("pk"),
            postings.filter(status__in=SEEN_TO).values("invoice"),
            postings.filter(~Q(total_difference=0)).values("invoice"),
            postings.filter(~Q(edits={})).values("invoice"),
        )
    )


def _of_states(which: Mapping[Kind, Q], asked_once: Kind, its_condition: Q) -> Iterator[Cause]:
    """Yield a cause for each kind that has such invoices; in one query, which asks the condition of one kind, a costly
    one, once for each invoice."""
    sums: dict[str, Any] = {"of_all": Count("pk"), "of_all_money": Sum("total")}
    for kind, condition in which.items():
        sums[kind] = Count("pk", filter=condition)
        sums[f"{kind}_money"] = Sum("total", filter=condition, default=Decimal(0))
    found = Invoice.objects.filter(pk__in=_may_be_of_a_state()).order_by()
    is_one = Case(When(its_condition, then=True), default=False, output_field=BooleanField())
    grouped = found.annotate(is_one=is_one).values(*_NAMED, "is_one").annotate(**sums)
    rows = cast("list[dict[str, Any]]", list(grouped))
    for row in rows:
        row[asked_once] = row["of_all"] if row["is_one"] else 0
        row[f"{asked_once}_money"] = row["of_all_money"]
    for kind in (each for each in STATES if each in which or each == asked_once):
        periods: dict[BillingPeriod, list[Any]] = defaultdict(list)
        for row in (row for row in rows if row[kind]):
            pk, billing_id, ends_on, _ = (row[name] for name in _NAMED)
            periods[BillingPeriod(pk=pk, billing_id=billing_id, ends_on=ends_on)].append(row)
        if parts := [_part_of_state(kind, period, several) for period, several in periods.items()]:
            yield _of_parts(kind, STATES[kind][1], parts)


def _part_of_state(kind: Kind, period: BillingPeriod, rows: Sequence[Any]) -> Part:
    money: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        money[row["currency"]] += row[f"{kind}_money"].quantize(CENT)
    narrowed = {"state": str(STATES[kind][0])} | _FILTERS.get(kind, {})
    own = {"period": period.billing_id} | narrowed
    again = own | {"all": "1"} if kind == Kind.GONE else {}
    return Part(period, sum(row[kind] for row in rows), money, _list_url(**own), again)
