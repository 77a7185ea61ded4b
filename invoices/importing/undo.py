"""Takes back what an import brought and changed, as long as none of it was sent to Xero."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, ForeignObjectRel, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from c3portal.audit import record as audit
from invoices.importing import billed_taxes, decisions, locks, replaced, replaced_customers, set_aside
from invoices.models import (
    BillingPeriod,
    Customer,
    DuplicateDecision,
    HeldBackInvoice,
    ImportRun,
    Invoice,
    Posting,
    PostLog,
    ReplacedCustomer,
    ReplacedInvoice,
    Upload,
)

if TYPE_CHECKING:
    from c3portal.models import User

CHUNK = decisions.CHUNK
LISTED = 50
SENT = "is in Xero or on its way there"
WAS_IN_XERO = "was in Xero before it was taken back"
CHANGED_LATER = "was changed by a later import; undo that one first"


@dataclass(frozen=True, slots=True)
class InTheWay:
    """An invoice that cannot be taken back, and why."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back. Without `is_done` nothing was, and `in_the_way` (its first LISTED) says why."""

    is_done: bool
    deleted: int = 0
    restored: int = 0
    customers: int = 0
    in_the_way: list[InTheWay] = field(default_factory=list)
    in_the_way_count: int = 0


def undo_import(run: ImportRun, *, user: User | None, source: audit.Source, rest: bool = False) -> Undone:
    """Delete the invoices that `run` brought and put back those that it changed.

    Nothing is done while something stands in the way, unless `rest` asks for all that nothing stands in the way of; the
    run is UNDONE once nothing of it is left. A run that brought nothing lets go of what it holds back.
    """
    with transaction.atomic():
        locks.one_import_at_a_time()
        locks.nobody_decides()
        run.refresh_from_db()
        if run.state == ImportRun.State.UNDONE:
            # Somebody else was first.
            return Undone(True)
        brought = list(run.invoices.order_by("pk").values_list("pk", flat=True))
        changed = list(run.replaced.exclude(invoice__in=brought).values_list("invoice_id", flat=True))
        in_the_way = _in_the_way(run, [*brought, *changed])
        if in_the_way and not rest:
            return Undone(False, in_the_way=_named(in_the_way), in_the_way_count=len(in_the_way))
        deleted, restored = set(brought) - in_the_way.keys(), set(changed) - in_the_way.keys()
        decided = set_aside.decided_about(restored, DuplicateDecision.objects.in_force())
        _put_back(run, restored)
        # What a person decided about what is no longer there.
        lapsed = decided - set_aside.decided_about(restored, DuplicateDecision.objects.in_force())
        lapsed |= set_aside.parted(set_aside.decided_about(restored))
        lapsed |= set_aside.decided_about(deleted)
        set_aside.take_up(set_aside.by(lapsed) - deleted, user, source)
        _delete(run, deleted)
        customers = 0
        if not in_the_way:
            customers = replaced_customers.put_back(run)
            _close(run, user)
        undone = Undone(True, len(deleted), len(restored), customers, _named(in_the_way), len(in_the_way))
        _note(run, undone, user, source)
        return undone


def _in_the_way(run: ImportRun, keys: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return why these invoices have to stay; the others stay unsent until the end of the transaction."""
    reasons: dict[uuid.UUID, str] = {}
    # By the order of writing: a run has its id from the upload on, and a newer one may have been imported before it.
    own = run.replaced.filter(invoice=OuterRef("invoice")).values("pk")
    others = ReplacedInvoice.objects.exclude(run=run).filter(pk__gt=Coalesce(Subquery(own), 0))
    for chunk in itertools.batched(sorted(keys), CHUNK):
        free = decisions.changeable_of(list(chunk), lock=True)
        reasons |= {pk: SENT for pk in chunk if pk not in free}
        # What was there keeps its history, whatever became of it since.
        past = Posting.objects.filter(invoice__in=free, past_documents__isnull=False)
        reasons |= dict.fromkeys(past.values_list("invoice_id", flat=True), WAS_IN_XERO)
        later = others.filter(invoice__in=free)
        reasons |= dict.fromkeys(later.values_list("invoice_id", flat=True), CHANGED_LATER)
    return reasons


def _named(reasons: dict[uuid.UUID, str]) -> list[InTheWay]:
    first = dict(itertools.islice(reasons.items(), LISTED))
    numbers = dict(Invoice.objects.filter(pk__in=first).values_list("pk", "number"))
    return [InTheWay(numbers[pk], reason) for pk, reason in first.items()]


def _put_back(run: ImportRun, keys: set[uuid.UUID]) -> None:
    for chunk in itertools.batched(keys, CHUNK):
        kept = run.replaced.filter(invoice__in=chunk)
        billed_taxes.take_off(chunk)
        for each in kept.iterator(chunk_size=20):
            replaced.put_back(each)
        billed_taxes.put_on(chunk)
        kept.delete()


def _delete(run: ImportRun, keys: set[uuid.UUID]) -> None:
    customers: set[int] = set()
    periods: set[int] = set()
    for chunk in itertools.batched(keys, CHUNK):
        invoices = Invoice.objects.filter(pk__in=chunk)
        for customer, bill_to, period in invoices.values_list("customer", "bill_to", "period"):
            customers |= {customer} if bill_to is None else {customer, bill_to}
            periods.add(period)
        # What was refused or withdrawn never got to Xero: its history goes with it, the audit record stays.
        lines = PostLog.objects.filter(invoice__in=chunk)
        # The task that looks for what is missing counts them anew.
        Upload.objects.filter(pk__in=lines.order_by().values("upload")).update(invoices_count=None, invoiced=None)
        lines.delete()
        Posting.objects.filter(invoice__in=chunk).delete()
        billed_taxes.take_off(chunk)
        invoices.delete()
    billed_taxes.settle()
    locks.hold_customers([*customers, *run.replaced_customers.values_list("customer", flat=True)])
    customers -= replaced.customers() if customers else set()
    for keys_of_customers in itertools.batched(customers, CHUNK):
        found = Customer.objects.filter(pk__in=keys_of_customers)
        # A reseller first: a customer that it is may go then.
        _unused(found.exclude(same_as=None), run).delete()
        _unused(found, run).delete()
    # One that C3 named is known without any invoice.
    _unused(BillingPeriod.objects.filter(pk__in=periods, c3_id=None), run).delete()


def _unused[M: Customer | BillingPeriod](rows: QuerySet[M], run: ImportRun) -> QuerySet[M]:
    """Leave out those that anything refers to but themselves, what `run` kept of them, and runs as their period."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel) or relation.related_model is ImportRun:
            continue
        users = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
        if relation.related_model is rows.model:
            users = users.exclude(pk=OuterRef("pk"))
        if relation.related_model is ReplacedCustomer:
            users = users.exclude(run=run)
        rows = rows.exclude(Exists(users))
    return rows


def _close(run: ImportRun, user: User | None) -> None:
    now = timezone.now()
    run.state, run.undone_at, run.undone_by = ImportRun.State.UNDONE, now, user
    # What it had wrong is nobody's concern any more; what it had right, or wrong once more, is wrong as before.
    _hold_back_again(run)
    run.held_back.filter(resolved_at=None).update(resolved_at=now)
    HeldBackInvoice.objects.filter(resolved_by=run).update(resolved_by=None, resolved_at=None)


def _hold_back_again(run: ImportRun) -> None:
    """Open what an earlier file had wrong of the invoices that `run` holds back, and that was closed for it."""
    held = run.held_back.filter(resolved_at=None, number=OuterRef("number"))
    closed = HeldBackInvoice.objects.filter(
        Exists(held),
        resolved_by=None,
        close_reason="",
        resolved_at__range=(run.started_at, run.finished_at or timezone.now()),
    ).exclude(Q(number="") | Q(run=run) | Q(run__state=ImportRun.State.UNDONE))
    newest = closed.order_by().values("number").annotate(newest=Max("pk")).values_list("newest", flat=True)
    for chunk in itertools.batched(list(newest), CHUNK):
        HeldBackInvoice.objects.filter(pk__in=chunk).update(resolved_at=None)


def _note(run: ImportRun, undone: Undone, user: User | None, source: audit.Source) -> None:
    if undone.in_the_way_count:
        stay = f"{undone.in_the_way_count:,}"
        run.notes.append(f"Taken back on {timezone.now():%-d %B %Y}, but for {stay} invoices that had to stay.")
    run.save(update_fields=["state", "undone_at", "undone_by", "notes"])
    after = {"Deleted": undone.deleted, "Put back": undone.restored, "Not taken back": undone.in_the_way_count}
    after |= {"Customers put back": undone.customers} if undone.customers else {}
    audit.record(source, audit.Action.IMPORT, f"Import of {run.file_name} undone", after=after, actor=user)
