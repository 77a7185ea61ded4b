"""Which invoices a page, a download or an upload is about."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q, Sum
from django.http import Http404, QueryDict

from invoices.duplicates import comparison
from invoices.models import BillingPeriod, Invoice, Posting
from invoices.models.billing import InvoiceQuerySet
from invoices.models.statuses import UPLOADABLE
from invoices.posting import outdated
from invoices.readback import states
from invoices.readback.states import XeroState
from invoices.selection.filters import Chip, Filters
from invoices.selection.search import found_by

NOT_UPLOADED = "not_uploaded"
IGNORED = "ignored"
DIFFERS = "differs"
LOOKS_SAME = "looks_same"
OUTDATED = "outdated"
AMENDED = "amended"
CHANGED = states.CHANGED
STATES: dict[str, str] = (
    {"": "All", NOT_UPLOADED: "Not posted"}
    | {status.value: str(status.label) for status in Posting.Status}
    | {state.value: str(state.label) for state in XeroState}
    | {
        CHANGED: "Changed in Xero",
        DIFFERS: "Differs",
        AMENDED: "Changed after posting",
        LOOKS_SAME: "Looks the same",
        OUTDATED: "Out of date",
        IGNORED: "Excluded",
    }
)

# What is loaded with the invoices of a selection.
RELATED = ("customer", "bill_to", "posting", "posting__connection", "ignored_by")
_CENT = Decimal("0.01")
_NOT_SENT = Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE)
_UPLOADABLE = _NOT_SENT & Q(ignored_because="")
_DIFFERS = Q(posting__status=Posting.Status.POSTED) & ~Q(posting__total_difference=0)
_AMENDED = Q(posting__status=Posting.Status.POSTED) & ~Q(difference="")


@dataclass(frozen=True)
class StateCount:
    state: str
    label: str
    count: int


@dataclass(frozen=True)
class CurrencyTotal:
    currency: str
    count: int
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    # Of what is in Xero, as far as it is known.
    owed: Decimal = Decimal("0.00")
    # Since when what is in Xero is known to be so.
    read_at: dt.datetime | None = None
    # Of those that UPLOAD TO XERO may take.
    uploadable: int = 0
    uploadable_total: Decimal = Decimal("0.00")


@dataclass(frozen=True)
class Selection:
    """The invoices of `period` that `search` and `filters` find, in `state` (a key of STATES, "" for any)."""

    period: BillingPeriod
    search: str = ""
    state: str = ""
    filters: Filters = field(default_factory=Filters)

    @classmethod
    def from_query(cls, query: QueryDict, offered: Iterable[BillingPeriod] = ()) -> Selection | None:
        """Read `period` (a BillingId, "" for the newest), `q`, `state` and the filters; None without periods. Raises
        Http404, BadRequest. The newest periods are given where they are at hand, the newest first."""
        state = query.get("state", "")
        # Taking an unknown state for "all" would select more than was asked for.
        if state not in STATES:
            raise BadRequest(f"There is no state {state!r}.")
        billing_id = query.get("period", "")
        period = next((each for each in offered if billing_id in ("", each.billing_id)), None)
        if period is None:
            periods = BillingPeriod.objects.filter(billing_id=billing_id) if billing_id else BillingPeriod.objects.all()
            period = periods.first()
        if period is None:
            if billing_id:
                raise Http404("There is no such billing period.")
            return None
        return cls(period, query.get("q", "").strip(), state, Filters.from_query(query))

    def invoices(self) -> InvoiceQuerySet:
        """Return the invoices with customer, posting and its organisation."""
        found = self._found()
        if self.state == IGNORED:
            found = found.exclude(ignored_because="")
        elif self.state == DIFFERS:
            found = found.filter(_DIFFERS)
        elif self.state == AMENDED:
            found = found.filter(_AMENDED)
        elif self.state == CHANGED:
            found = found.filter(states.is_changed())
        elif self.state in XeroState:
            found = found.filter(states.with_state(self.state), ignored_because="")
        elif self.state == LOOKS_SAME:
            found = found.uploadable().filter(comparison.waits_for_decision())
        elif self.state == OUTDATED:
            found = found.filter(outdated.matters_and_waits())
        elif self.state == NOT_UPLOADED:
            found = found.filter(posting__isnull=True, ignored_because="")
        elif self.state:
            found = found.filter(posting__status=self.state, ignored_because="")
        return found.select_related(*RELATED)

    def chosen(self, ids: Iterable[str]) -> InvoiceQuerySet:
        """Return the period's invoices with these ids, whatever the filter. Raises BadRequest."""
        try:
            keys = [uuid.UUID(each) for each in ids]
        except ValueError as error:
            raise BadRequest("That is not the id of an invoice.") from error
        return Selection(self.period).invoices().filter(pk__in=keys)

    def summary(self) -> tuple[list[StateCount], list[CurrencyTotal]]:
        """Return `state_counts` and `totals`: in one query where no state is asked for, since both are of the same."""
        if self.state:
            return self.state_counts(), self.totals()
        rows = list(self._by_state("currency").annotate(**_sums()))
        return self._counts(rows), _totals(rows)

    def state_counts(self) -> list[StateCount]:
        """Return the counts of period and search: all, then the states with any; what is known of Xero, DIFFERS,
        AMENDED, LOOKS_SAME and OUTDATED count besides."""
        return self._counts(self._by_state())

    def totals(self) -> list[CurrencyTotal]:
        return totals(self.invoices())

    def _by_state(self, *besides: str) -> Any:
        """Return rows of what was found, counted by state (and `besides`)."""
        is_ignored = ExpressionWrapper(~Q(ignored_because=""), output_field=BooleanField())
        found = self._found().order_by().annotate(is_ignored=is_ignored)
        # The first two spare what is in Xero the comparison.
        waits = _UPLOADABLE & comparison.waits_for_decision()
        marks = {DIFFERS: _DIFFERS, AMENDED: _AMENDED, LOOKS_SAME: waits, OUTDATED: outdated.matters_and_waits()}
        marks |= {CHANGED: states.is_changed()} | {each.value: states.with_state(each) for each in XeroState}
        counted = {f"of_{name}": Count("pk", filter=condition) for name, condition in marks.items()}
        return found.values("is_ignored", "posting__status", *besides).annotate(of_any=Count("pk"), **counted)

    def _counts(self, rows: Iterable[dict[str, Any]]) -> list[StateCount]:
        counts: Counter[str] = Counter()
        for row in rows:
            counts[IGNORED if row["is_ignored"] else row["posting__status"] or NOT_UPLOADED] += row["of_any"]
            counts[""] += row["of_any"]
            counts.update({each: row[f"of_{each}"] for each in (DIFFERS, AMENDED, LOOKS_SAME, OUTDATED, CHANGED)})
            if not row["is_ignored"]:
                counts.update({each.value: row[f"of_{each.value}"] for each in XeroState})
        return [
            StateCount(state, label, counts[state])
            for state, label in STATES.items()
            if counts[state] or state in ("", self.state)
        ]

    def query(self, **changes: str) -> str:
        """Return the query string, with `changes` (of `q` and `state`)."""
        own = {"period": self.period.billing_id, "q": self.search, "state": self.state}
        parts = own | self.filters.query() | changes
        return urlencode({name: value for name, value in parts.items() if value})

    def fields(self) -> dict[str, str]:
        """Return what a form has to hold so that it is about the same invoices."""
        own = {"period": self.period.billing_id, "q": self.search, "state": self.state}
        return own | self.filters.query()

    def chips(self) -> list[tuple[Chip, str]]:
        """Return the filters that are set, each with the query string without it."""
        chips = [
            (each, replace(self, filters=self.filters.without(each.name)).query()) for each in self.filters.chips()
        ]
        if self.search:
            chips.insert(0, (Chip("q", "Search", self.search), replace(self, search="").query()))
        return chips

    def _found(self) -> InvoiceQuerySet:
        return Invoice.objects.filter(self.filters.condition(), found_by(self.search), period=self.period)


def totals(invoices: InvoiceQuerySet) -> list[CurrencyTotal]:
    """Return the sums by currency, to the cent on any database."""
    return _totals(invoices.order_by().values("currency").annotate(**_sums()))


def _sums() -> dict[str, Any]:
    posted, positive = Q(posting__status=Posting.Status.POSTED), Q(total__gte=0)
    return {
        "count": Count("pk"),
        "sum_subtotal": Sum("subtotal"),
        "sum_tax": Sum("tax"),
        "sum_total": Sum("total"),
        # What is owed is positive for a credit note too.
        "owed": Sum("posting__amount_due", filter=posted & positive, default=Decimal(0)),
        "owing": Sum("posting__amount_due", filter=posted & ~positive, default=Decimal(0)),
        "read_at": Min("posting__read_at"),
        "uploadable": Count("pk", filter=_UPLOADABLE),
        "uploadable_total": Sum("total", filter=_UPLOADABLE, default=Decimal(0)),
    }


def _totals(rows: Iterable[Any]) -> list[CurrencyTotal]:
    """Return the sums of rows with `_sums`, of which a currency may have several."""
    by_currency: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_currency[row["currency"]].append(row)
    return [_total(currency, by_currency[currency]) for currency in sorted(by_currency)]


def _total(currency: str, rows: list[Any]) -> CurrencyTotal:
    def amount(name: str) -> Decimal:
        # SQLite sums binary fractions: what comes of them is rounded before it is added up.
        return sum((row[name].quantize(_CENT) for row in rows), Decimal("0.00"))

    return CurrencyTotal(
        currency,
        sum(row["count"] for row in rows),
        amount("sum_subtotal"),
        amount("sum_tax"),
        amount("sum_total"),
        owed=amount("owed") - amount("owing"),
        read_at=min((row["read_at"] for row in rows if row["read_at"]), default=None),
        uploadable=sum(row["uploadable"] for row in rows),
        uploadable_total=amount("uploadable_total"),
    )
