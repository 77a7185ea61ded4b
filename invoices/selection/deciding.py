"""What people decide about invoices that look like another one."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from c3portal.notifications import texts
from invoices.duplicates import comparison
from invoices.importing import locks
from invoices.models import DuplicateDecision, Invoice, Posting
from invoices.models.statuses import IN_PROGRESS
from invoices.selection import ignoring

if TYPE_CHECKING:
    from c3portal.models import User

LONGEST_REASON = ignoring.LONGEST_REASON
Decision = DuplicateDecision.Decision
# The invoice that a page showed each one with.
Shown = Mapping[uuid.UUID, uuid.UUID]


class OnItsWay(Exception):
    """The other invoice is on its way to Xero, so nothing can take its place yet."""


@dataclass(frozen=True)
class Replaced:
    """What one invoice takes the place of: `ignored` do not go to Xero, `in_xero` are there."""

    ignored: list[Invoice]
    in_xero: list[Invoice]


def digest(shown: Shown) -> str:
    """Return what tells whether a page showed just this."""
    lines = "\n".join(sorted(f"{one} {other}" for one, other in shown.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def post_anyway(invoices: QuerySet[Invoice], because: str, user: User, shown: Shown, *, source: Source = None) -> int:
    """Let the undecided of `invoices` go to Xero beside the one that each was `shown` with; `because` has 1 to
    LONGEST_REASON characters. What else they look like, or look like by now, is asked next. Returns how many."""
    with transaction.atomic():
        locks.hold(invoices)
        decided = _decide(invoices, Decision.POST, because, user, shown)
        _record(source, "Post anyway", decided, because, user)
    return len(decided)


def leave_out(invoices: QuerySet[Invoice], because: str, user: User, shown: Shown, *, source: Source = None) -> int:
    """Ignore the undecided of `invoices`; all as for `post_anyway`. Returns how many."""
    with transaction.atomic():
        locks.hold(invoices)
        decided = _decide(invoices, Decision.EXCLUDE, because, user, shown)
        return ignoring.ignore(Invoice.objects.filter(number__in=decided), because, user, source=source)


def replace(invoice: Invoice, shown: str, user: User, *, source: Source = None) -> Replaced:
    """Let the invoice take the place of the one that it waits for, if that has the id `shown`: that is ignored, or
    stays where it is in Xero. What else it waits for is asked next; another one of its billing run it never replaces.
    Raises OnItsWay."""
    with transaction.atomic():
        one = Invoice.objects.filter(pk=invoice.pk)
        locks.hold(one)
        waits_for = comparison.lookalikes(comparison.undecided(one)).get(invoice.pk)
        if waits_for is None or str(waits_for.other.pk) != shown:
            return Replaced([], [])
        decided = _decide(one, Decision.REPLACE, "", user, {invoice.pk: waits_for.other.pk})
        others = Invoice.objects.filter(number__in=decided.values()).select_related("posting")
        if others.filter(posting__status__in=IN_PROGRESS).exists():
            raise OnItsWay
        in_xero = list(others.filter(posting__status=Posting.Status.POSTED))
        ignored = list(others.uploadable())
        _record(source, "It replaces the other", decided, "", user)
        ignoring.ignore(others, DuplicateDecision.replaced_by(invoice.number), user, source=source)
    return Replaced(ignored, in_xero)


def revert(invoice: Invoice, user: User, *, source: Source = None) -> bool:
    """Take back what was decided about an invoice that is neither in Xero nor on its way: it waits again, and what was
    ignored for it may go. Returns whether anything was."""
    with transaction.atomic():
        locks.hold(Invoice.objects.filter(pk=invoice.pk))
        rows = revertible(invoice)
        was = {each.other.number: each.get_decision_display() for each in rows.select_related("other")}
        if not was:
            return False
        set_aside = Q(pk__in=rows.filter(decision=Decision.REPLACE).values("other"))
        if rows.filter(decision=Decision.EXCLUDE).exists():
            set_aside |= Q(pk=invoice.pk)
        ignoring.take_up(Invoice.objects.filter(set_aside), source=source)
        rows.delete()
        record(source, Action.IGNORE, f"Decision taken back: {invoice.number}", before=was, actor=user)
    return True


def revertible(invoice: Invoice) -> QuerySet[DuplicateDecision]:
    """Return what was decided about an invoice, none once it is in Xero or on its way."""
    return DuplicateDecision.objects.filter(invoice__in=Invoice.objects.filter(pk=invoice.pk).not_sent())


def decisions_about(invoice: Invoice) -> QuerySet[DuplicateDecision]:
    """Return what was decided about an invoice and those like it, and still holds."""
    either = Q(invoice=invoice) | Q(other=invoice)
    has_effect = ~Q(decision=Decision.EXCLUDE) | ~Q(invoice__ignored_because="")
    people = ("invoice__period", "invoice__posting", "other__period", "other__posting", "decided_by")
    return DuplicateDecision.objects.in_force().filter(either, has_effect).select_related(*people)


def _decide(invoices: QuerySet[Invoice], decision: Decision, because: str, user: User, shown: Shown) -> dict[str, str]:
    """Keep the decision of each that looks like the one it was shown with first. Returns numbers by number."""
    alike = comparison.lookalikes(invoices)
    found = {pk: each.other for pk, each in alike.items() if each.other.pk == shown.get(pk)}
    ones = Invoice.objects.in_bulk(list(found))
    rows = [
        DuplicateDecision(
            invoice=ones[pk],
            other=other,
            decision=decision,
            reason=because,
            invoice_billed_hash=ones[pk].billed_hash,
            other_billed_hash=other.billed_hash,
            decided_by=user,
            decided_at=timezone.now(),
        )
        for pk, other in found.items()
    ]
    DuplicateDecision.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["invoice", "other"],
        update_fields=["decision", "reason", "invoice_billed_hash", "other_billed_hash", "decided_by", "decided_at"],
    )
    return {row.invoice.number: row.other.number for row in rows}


def _record(source: Source, what: str, decided: dict[str, str], because: str, user: User) -> None:
    if decided:
        after = {"Reason": because} if because else {}
        after |= {number: f"looks like {other}" for number, other in sorted(decided.items())}
        record(source, Action.IGNORE, f"{what}: {texts.invoices(len(decided))}", after=after, actor=user)
