"""Which invoices look like another one, by what was billed: generated again under another number, or nearly so."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, cast

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from c3portal.database.written_once import WrittenOnce
from invoices.importing import likeness
from invoices.models import DuplicateDecision, Invoice, Posting
from invoices.models.billing import InvoiceQuerySet
from invoices.models.statuses import IN_PROGRESS, UPLOADABLE
from xero_integration.client.vocabulary import GONE


class Likeness(StrEnum):
    """How much another invoice is like one.

    SAME: the same was billed. REKEYED: the same to another customer key, by the rule of `likeness.rekeyed`. NEAR:
    something of the same (a SKU, or the description of lines without one) to the same customer, in the same currency,
    for the same service dates, both invoices or both credit notes, in another billing run, whoever pays. BESIDE: the
    same in one billing run, which customers billed by department have. PARTED: not alike any more, and the one was set
    aside for the other when they were.
    """

    SAME = "same"
    REKEYED = "rekeyed"
    NEAR = "near"
    PARTED = "parted"
    BESIDE = "beside"


# What one is not posted with before someone decides.
HOLDING = (Likeness.SAME, Likeness.REKEYED, Likeness.NEAR, Likeness.PARTED)

# What is told of an invoice whatever was decided, and how it is found.
LIKE = {Likeness.SAME: likeness.same, Likeness.REKEYED: likeness.rekeyed, Likeness.NEAR: likeness.near}

# It is in Xero as far as the portal knows, or on its way there.
_IN_XERO = Q(posting__status=Posting.Status.POSTED) & ~Q(posting__xero_status__in=GONE)
_LIVE = _IN_XERO | Q(posting__status__in=IN_PROGRESS)
_NOT_SENT = Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE)
_GENERATED_BEFORE = Q(period__billing_id__lt=OuterRef("period__billing_id")) | Q(
    period__billing_id=OuterRef("period__billing_id")
) & (Q(issued_on__lt=OuterRef("issued_on")) | Q(issued_on=OuterRef("issued_on"), number__lt=OuterRef("number")))
Decision = DuplicateDecision.Decision


@dataclass(frozen=True)
class Lookalike:
    """The invoice that another one looks like, with its period, posting and organisation."""

    likeness: Likeness
    other: Invoice

    @property
    def holds(self) -> bool:
        """Whether the one must not be posted before someone decides."""
        return self.likeness in HOLDING


def waits_for_decision() -> Q:
    """Return the condition that someone has to decide first, on invoices that may go otherwise."""
    return Q(WrittenOnce(_holding))


def undecided(invoices: QuerySet[Invoice]) -> InvoiceQuerySet:
    """Return those that are not posted before someone decides, joined with nothing."""
    return _each(invoices).uploadable().filter(waits_for_decision())


def alike(invoices: QuerySet[Invoice]) -> InvoiceQuerySet:
    """Return `undecided`, and those beside another one."""
    return _each(invoices).uploadable().filter(Q(WrittenOnce(_any_like)))


def lookalikes(invoices: QuerySet[Invoice]) -> dict[uuid.UUID, Lookalike]:
    """Return by invoice what it looks like, for those of `invoices` that nobody decided about, in two queries."""
    return of_rows(with_lookalikes(alike(invoices).only("pk").order_by("pk")))


def with_lookalikes(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices` so that `of_rows` takes them."""
    return invoices.annotate(**{f"like_{how}": Subquery(_first(how)) for how in Likeness})


def of_rows(rows: Iterable[Invoice]) -> dict[uuid.UUID, Lookalike]:
    """Return by invoice what it looks like and nobody decided about, of `rows` that may go, in one query: the same
    before the nearly same, what is in Xero before what is not."""
    found = {row.pk: first for row in rows if (first := _first_of(row))}
    with_their_state = Invoice.objects.select_related("customer", "period", "posting", "posting__connection")
    by_id = with_their_state.in_bulk({other for _, other in found.values()}) if found else {}
    return {pk: Lookalike(how, by_id[other]) for pk, (how, other) in found.items() if other in by_id}


def other_of(row: Invoice) -> uuid.UUID | None:
    """Return the id of what a row of `with_lookalikes` looks like first; None of any other row."""
    first = _first_of(row)
    return first[1] if first else None


def pairs(invoices: QuerySet[Invoice]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the ids of `lookalikes`."""
    return {pk: each.other.pk for pk, each in lookalikes(invoices).items()}


def _first_of(row: Invoice) -> tuple[Likeness, uuid.UUID] | None:
    others = ((how, getattr(row, f"like_{how}", None)) for how in Likeness)
    return next(((how, other) for how, other in others if other), None)


def all_like(invoice: Invoice, most: int, among: Iterable[Likeness] = tuple(LIKE)) -> list[Lookalike]:
    """Return up to `most` that are the same, and as many of another key and nearly so, whatever was decided, in a query
    for each likeness of `among`."""
    of = partial(getattr, invoice)
    return [each for how in among for each in _listed(how, LIKE[how](of), most)]


def _listed(how: Likeness, others: InvoiceQuerySet, most: int) -> list[Lookalike]:
    with_their_state = others.select_related("customer", "period", "posting", "posting__connection")
    return [Lookalike(how, other) for other in with_their_state.order_by("period__billing_id", "number")[:most]]


def _each(invoices: QuerySet[Invoice]) -> InvoiceQuerySet:
    return Invoice.objects.filter(pk__in=invoices.order_by().values("pk"))


def _holding() -> InvoiceQuerySet:
    return _like_another(HOLDING)


def _any_like() -> InvoiceQuerySet:
    return _like_another(Likeness)


def _like_another(hows: Iterable[Likeness]) -> InvoiceQuerySet:
    # Conditions of their own rather than one, so that each has its index.
    return Invoice.objects.filter(Q(*(Exists(_ahead(how)) for how in hows), _connector=Q.OR))


def _first(how: Likeness, field: str = "pk") -> QuerySet[Invoice, Any]:
    in_xero_first = Case(When(_IN_XERO, then=Value(0)), When(_LIVE, then=Value(1)), default=Value(2))
    ordered = _ahead(how).order_by(in_xero_first, "period__billing_id", "issued_on", "number")
    return cast("QuerySet[Invoice, Any]", ordered.values(field)[:1])


def _ahead(how: Likeness) -> InvoiceQuerySet:
    """Return what one (the outer query) is like and has to wait for."""
    # Of two that nobody sent, the one that was generated later waits, so that never both do.
    is_replaced = Exists(_decisions(invoice=OuterRef("pk"), other=OuterRef(OuterRef("pk")), among=[Decision.REPLACE]))
    waits = Q() if how == Likeness.PARTED else _GENERATED_BEFORE | Q(is_replaced)
    counts = _LIVE | Q(_NOT_SENT, waits, ignored_because="")
    return _like(how).filter(counts).filter(~_is_settled())


def _like(how: Likeness) -> InvoiceQuerySet:
    if how == Likeness.SAME:
        return likeness.same(OuterRef)
    if how == Likeness.REKEYED:
        return likeness.rekeyed(OuterRef)
    if how == Likeness.PARTED:
        return Invoice.objects.filter(_was_set_aside_for())
    # Nothing is equal to null in SQL.
    near = likeness.near(OuterRef).alias(run=Coalesce("import_run", 0))
    together = Q(period=OuterRef("period_id"), run=Coalesce(OuterRef("import_run_id"), 0))
    return near.filter(together if how == Likeness.BESIDE else ~together)


def _is_settled() -> Q:
    """Return the condition that someone decided on the pair of the outermost invoice and the other."""
    one, other = OuterRef(OuterRef("pk")), OuterRef("pk")
    decided = _decisions(invoice=one, other=other, among=[Decision.POST, Decision.REPLACE])
    # That both are to be posted is said of both.
    return Q(Exists(decided)) | Q(Exists(_decisions(invoice=other, other=one, among=[Decision.POST])))


def _was_set_aside_for() -> Q:
    """Return the condition that the one was set aside for the other while either said something else."""
    one = OuterRef(OuterRef("pk"))
    said = {"invoice_billed_hash": F("invoice__billed_hash"), "other_billed_hash": F("other__billed_hash")}
    lapsed = DuplicateDecision.objects.order_by().exclude(**said)
    # Of its own decisions, rather than whether there is one for each invoice.
    replaced_by = lapsed.filter(other=one, decision=Decision.REPLACE).values("invoice")
    left_out_for = lapsed.filter(invoice=one, decision=Decision.EXCLUDE).values("other")
    # One list rather than two conditions, for which PostgreSQL would look through all invoices for each one.
    return Q(pk__in=replaced_by.union(left_out_for, all=True))


def _decisions(*, invoice: OuterRef, other: OuterRef, among: list[Decision]) -> QuerySet[DuplicateDecision]:
    decisions = cast("Any", DuplicateDecision.objects).in_force()
    return cast("QuerySet[DuplicateDecision]", decisions.filter(invoice=invoice, other=other, decision__in=among))
