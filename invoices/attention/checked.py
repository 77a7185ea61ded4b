"""What a preflight finds, as the causes that every page shows: the same words, counts and sums."""

from __future__ import annotations

from invoices.attention import blocked, causes
from invoices.attention.causes import Cause
from invoices.preflight.preflight import Group


def cause_of(group: Group) -> Cause:
    """Return the cause that the invoices of a group share."""
    problem = group.problem
    return Cause(
        causes.kind_of(problem),
        problem.words,
        len(group.invoices),
        money=group.money,
        problem=problem,
        key=blocked.key_of(problem),
    )
