"""Invoices that people set aside for another one, and what becomes of them when that one is no longer what it was."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from c3portal.audit import record as audit
from c3portal.notifications import texts
from invoices.importing import likeness, locks
from invoices.importing.parser import shown
from invoices.models import DuplicateDecision, Invoice

if TYPE_CHECKING:
    from c3portal.models import User

AT_ONCE = 500
NAMED = 5
Decision = DuplicateDecision.Decision


def take_up_parted(decided: set[int], user: User | None, source: audit.Source) -> list[str]:
    """Let go again what is set aside by those of the decisions `decided` that have `parted`; return sentences on that.
    Such an invoice waits until someone decides about it anew."""
    apart_now = parted(decided)
    keys = by(apart_now)
    if not keys:
        return []
    pairs = DuplicateDecision.objects.filter(pk__in=sorted(apart_now)[:AT_ONCE]).select_related("invoice", "other")
    apart = [_apart(each) for each in pairs if {each.invoice_id, each.other_id} & keys]
    take_up(keys, user, source)
    more = " and others" if len(apart) > NAMED else ""
    return [
        f"Invoices that were set aside for another one, which is not like them any more: {len(keys):,} "
        f"({'; '.join(apart[:NAMED])}{more}). They are included again, and wait until a person decides again."
    ]


def parted(decisions: set[int]) -> set[int]:
    """Return those of the decisions that are no longer in force, their invoices being no longer alike."""
    found: set[int] = set()
    for chunk in itertools.batched(decisions, AT_ONCE):
        rows = DuplicateDecision.objects.filter(pk__in=chunk).exclude(pk__in=DuplicateDecision.objects.in_force())
        found |= {*rows.exclude(_is_of_alike()).values_list("pk", flat=True)}
    return found


def _apart(decision: DuplicateDecision) -> str:
    one, other = shown(decision.invoice.number), shown(decision.other.number)
    return f"{other} for {one}" if decision.decision == Decision.REPLACE else f"{one} for {other}"


def _is_of_alike() -> Q:
    """Return the condition that the invoices of a decision are alike as they are now."""
    ways = (likeness.same, likeness.rekeyed, likeness.near)
    alike = (way(lambda name: OuterRef(f"invoice__{name}")).filter(pk=OuterRef("other_id")) for way in ways)
    return Q(*(Exists(each) for each in alike), _connector=Q.OR)


def decided_about(keys: Collection[uuid.UUID], decisions: QuerySet[DuplicateDecision] | None = None) -> set[int]:
    """Return those of `decisions` that are about these invoices, by default of all: what lapsed while they were still
    alike sets aside all the same."""
    decisions = DuplicateDecision.objects.all() if decisions is None else decisions
    found: set[int] = set()
    for chunk in itertools.batched(keys, AT_ONCE):
        either = decisions.filter(Q(invoice__in=chunk) | Q(other__in=chunk))
        found |= {*either.values_list("pk", flat=True)}
    return found


def by(decisions: set[int]) -> set[uuid.UUID]:
    """Return the invoices that are ignored because of these decisions; for another reason they stay ignored."""
    found: set[uuid.UUID] = set()
    for chunk in itertools.batched(decisions, AT_ONCE):
        rows = DuplicateDecision.objects.filter(pk__in=chunk)
        replacing = rows.filter(decision=Decision.REPLACE)
        reasons = replacing.values_list("other", "invoice__number", "other__ignored_because")
        found |= {pk for pk, number, reason in reasons if reason == DuplicateDecision.replaced_by(number)}
        left_out = rows.filter(decision=Decision.EXCLUDE, invoice__ignored_because=F("reason"))
        found |= {*left_out.values_list("invoice", flat=True)}
    return found - _left_out_still(found, decisions)


def _left_out_still(keys: set[uuid.UUID], decisions: set[int]) -> set[uuid.UUID]:
    """Return those of the invoices that are left out by a decision in force, other than these, for the same reason."""
    found: set[uuid.UUID] = set()
    for chunk in itertools.batched(keys, AT_ONCE):
        rows = DuplicateDecision.objects.in_force().filter(invoice__in=chunk, decision=Decision.EXCLUDE)
        same = rows.filter(invoice__ignored_because=F("reason")).values_list("pk", "invoice")
        found |= {invoice for pk, invoice in same if pk not in decisions}
    return found


def take_up(keys: set[uuid.UUID], user: User | None, source: audit.Source) -> None:
    """Let these ignored invoices go to Xero again, as invoices/selection does."""
    reasons: dict[str, str] = {}
    for chunk in itertools.batched(sorted(keys), AT_ONCE):
        ignored = Invoice.objects.filter(pk__in=chunk).exclude(ignored_because="")
        locks.hold(ignored)
        reasons |= ignored.values_list("number", "ignored_because")
        ignored.update(ignored_because="", ignored_by=None, ignored_at=None)
    if reasons:
        words = f"Included again: {texts.invoices(len(reasons))}"
        after = dict.fromkeys(reasons, "")
        audit.record(source, audit.Action.IGNORE, words, before=reasons, after=after, actor=user)
