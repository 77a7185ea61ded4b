"""The one place where an outcome turns into moves of its postings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db import transaction

from invoices.models import Posting, Submission
from invoices.posting import kept_answers, transitions
from invoices.posting.outcomes import (
    Absent,
    Alike,
    Outcome,
    Posted,
    Rejected,
    Released,
    StillUncertain,
    Uncertain,
)


@transaction.atomic
def settle(submission: Submission, outcome: Outcome) -> int:
    """Move the postings that this submission still answers for, and no others. Returns how many changed state."""
    # In one transaction: a call must not look finished while a row of it still waits for its end.
    if outcome.batch_cap is not None:
        transitions.answered_by(submission).update(batch_cap=outcome.batch_cap)
    alike: dict[Alike, list[int]] = defaultdict(list)
    posted, rejected = {}, {}
    for pk, one in outcome.each.items():
        match one:
            case Posted(document):
                posted[pk] = document
            case Rejected(words):
                rejected[pk] = words
            case _:
                alike[one].append(pk)
    if bool(posted) + bool(rejected) + len(alike) > 1:
        # In one order, whatever becomes of each: others settle the same ones at the same time, by what they saw.
        transitions.hold(submission, outcome.each)
    moved = transitions.mark_posted(submission, posted)
    moved += transitions.mark_rejected(transitions.answered_by(submission), rejected)
    moved += sum(_move(submission, one, among) for one, among in alike.items())
    if outcome.rest is not None:
        moved += _move(submission, outcome.rest)
    if outcome.call is not None:
        transitions.close(submission, outcome.call)
    kept_answers.keep(submission, outcome.elements)
    return moved


def _move(submission: Submission, outcome: Alike, among: Collection[int] | None = None) -> int:
    rows = transitions.answered_by(submission, among)
    looked_up = rows.filter(status=Posting.Status.UNCERTAIN)
    match outcome:
        case Uncertain(words, lookup_from, is_number_taken):
            return transitions.mark_uncertain(
                submission, words, lookup_from=lookup_from, among=among, is_number_taken=is_number_taken
            )
        case Released():
            return transitions.requeue(rows, "")
        case Absent(looked_at):
            return transitions.requeue(looked_up, "", looked_at=looked_at)
        case StillUncertain(lookup_from):
            transitions.postpone_lookup(looked_up, lookup_from)
            return 0
