"""The causes as a page shows them: with what mends each, for who looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from invoices.attention.causes import Cause, Kind


@dataclass(frozen=True)
class Step:
    """What mends a cause: a page to open."""

    words: str
    url: str


@dataclass(frozen=True)
class Line:
    """A cause, and what mends it; `step` is None where nobody who looks can, `again` whether a form posts them."""

    cause: Cause
    step: Step | None
    again: bool


_STEPS = {
    Kind.CONNECTION: "Reconnect",
    Kind.FETCH: "See the fetch",
    Kind.WAITING: "Match columns",
    Kind.HELD_BACK: "See what is held back",
    Kind.DRIFT: "Choose another",
    Kind.CHANGED: "Decide",
    Kind.DIFFERS: "Compare",
    Kind.AMENDED: "Compare",
    Kind.LOOKS_SAME: "Compare",
    Kind.OUTDATED: "See them",
}


def lines(causes: Iterable[Cause], next_step: Callable[[Cause], Step | None], *, may_act: bool) -> list[Line]:
    """Return a line for each cause; `next_step` is what mends a preflight's problem. Readers look and do nothing."""
    found = []
    for each in causes:
        step = next_step(each) if each.problem else None
        if step is None and each.show and each.kind in _STEPS:
            step = Step(_STEPS[each.kind], each.show)
        found.append(Line(each, step if may_act else None, bool(each.again) and may_act))
    return found
