"""What needs attention of one billing period, as the last count found it: for a line on pages that compute nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from invoices.attention.causes import Cause
from invoices.models import AttentionCheck, BillingPeriod
from invoices.selection import periods

# The rest is on the page that shows all.
NAMED = 6


@dataclass(frozen=True)
class Short:
    """A cause in a few words: how many of the period have it, what they come to by currency, and their list."""

    words: str
    count: int
    money: Mapping[str, Decimal]
    show: str


@dataclass(frozen=True)
class InShort:
    """What needs attention: `count` of all causes together, and the `first` of them."""

    count: int
    first: Sequence[Short]
    more: int


def kept(causes: Iterable[Cause]) -> dict[int, dict[str, Any]]:
    """Return, by billing period, what to keep of it in `AttentionCheck.in_short`."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for cause in causes:
        for part in cause.parts:
            money = {code: str(amount) for code, amount in part.money.items()}
            found[part.period.pk].append({"words": cause.short, "count": part.count, "money": money, "show": part.show})
    return {
        period: {
            "count": sum(each["count"] for each in several),
            "first": several[:NAMED],
            "more": max(0, len(several) - NAMED),
        }
        for period, several in found.items()
    }


def of(period: BillingPeriod, offered: Iterable[BillingPeriod]) -> InShort:
    """Return what was kept of the period, without asking for it; nothing of one that is not `offered`."""
    checks = periods.checks(each for each in offered if each.pk == period.pk)
    return read(checks[0]) if checks else InShort(0, (), 0)


def read(check: AttentionCheck) -> InShort:
    """Return what a check keeps."""
    first = [_short(each) for each in check.in_short.get("first", ())]
    return InShort(check.in_short.get("count", 0), first, check.in_short.get("more", 0))


def _short(kept: Mapping[str, Any]) -> Short:
    money = {code: Decimal(amount) for code, amount in kept["money"].items()}
    return Short(kept["words"], kept["count"], money, kept["show"])
