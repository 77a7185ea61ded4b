"""Which billing periods a fetch downloads: what C3 lists against what is known. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

BILLING_ID = re.compile(r"\d{8}", re.ASCII)


@dataclass(frozen=True)
class Listed:
    """A period as C3 lists it, with its days in the billing time zone."""

    c3_id: int
    billing_id: str
    starts_on: dt.date
    ends_on: dt.date


@dataclass(frozen=True)
class Known:
    """A period as the portal has it."""

    c3_id: int | None
    starts_on: dt.date
    ends_on: dt.date
    # Each of its invoices is in Xero or ignored, and none is held back.
    is_settled: bool


@dataclass
class Plan:
    """What is to be downloaded, oldest first, and sentences on what is odd. `refused` are those that cannot be."""

    downloads: list[Listed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def billed_on(billing_id: str) -> dt.date | None:
    """Return the day that a BillingId stands for, None when it is not eight digits of one."""
    if not BILLING_ID.fullmatch(billing_id):
        return None
    try:
        return dt.date(int(billing_id[:4]), int(billing_id[4:6]), int(billing_id[6:]))
    except ValueError:
        return None


def plan(
    listed: Collection[Listed],
    known: Mapping[str, Known],
    today: dt.date,
    keep_fresh: dt.timedelta,
    taken_back: Collection[str] = (),
) -> Plan:
    """Return what a fetch downloads on `today`, given what C3 lists and what is `known` by BillingId. `taken_back` are
    periods whose last import a person undid or discarded, so that they do not come in again by themselves."""
    found = Plan()
    for each in _usable(listed, found):
        day, there = billed_on(each.billing_id), known.get(each.billing_id)
        found.notes += _differences(each, there)
        if day is None or day > today:
            continue
        if there is None and each.billing_id in taken_back:
            found.notes.append(
                f"Period {each.billing_id} was taken back or discarded here, so it does not come in by itself. Press "
                "“Fetch from C3” to have it again."
            )
        elif there is None or (not there.is_settled and today <= day + keep_fresh):
            found.downloads.append(each)
    found.downloads.sort(key=lambda each: each.billing_id)
    found.notes += _vanished(listed, known, today, keep_fresh)
    return found


def _usable(listed: Collection[Listed], found: Plan) -> list[Listed]:
    usable: dict[str, Listed] = {}
    for each in listed:
        if billed_on(each.billing_id) is None:
            found.refused.append(
                f"C3 lists a billing period whose BillingId is “{each.billing_id}”, which is no day as yyyymmdd. It "
                "was not fetched: ask C3 what it is."
            )
        elif each.billing_id in usable:
            found.notes.append(
                f"C3 lists period {each.billing_id} twice, as {usable[each.billing_id].c3_id} and {each.c3_id}; the "
                "newer one is taken."
            )
        else:
            usable[each.billing_id] = each
    return list(usable.values())


def _differences(each: Listed, known: Known | None) -> list[str]:
    if known is None or (known.starts_on, known.ends_on) == (each.starts_on, each.ends_on):
        return []
    return [
        f"C3 says that period {each.billing_id} runs from {each.starts_on} to {each.ends_on}; it is known from "
        f"{known.starts_on} to {known.ends_on}, and stays so."
    ]


def _vanished(
    listed: Collection[Listed], known: Mapping[str, Known], today: dt.date, keep_fresh: dt.timedelta
) -> list[str]:
    there = {each.billing_id for each in listed}
    oldest = min(there, default="")
    gone = [
        billing_id
        for billing_id, period in sorted(known.items())
        if period.c3_id is not None
        and billing_id not in there
        and billing_id > oldest
        and (day := billed_on(billing_id))
        and today <= day + keep_fresh
    ]
    return [
        f"C3 does not list period {billing_id} any more. Its invoices stay as they are here: look whether they were "
        "billed again under another period before you post them."
        for billing_id in gone
    ]
