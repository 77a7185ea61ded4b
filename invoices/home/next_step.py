"""The one thing to do next about a billing period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.urls import reverse

from invoices.home.figures import Figures
from invoices.models import BillingPeriod
from invoices.readback.states import XeroState
from invoices.selection.selection import NOT_UPLOADED


@dataclass(frozen=True)
class NextStep:
    """A button: it opens `url`, or posts `form` to it."""

    words: str
    url: str
    form: Mapping[str, str] = field(default_factory=dict)


def next_step(period: BillingPeriod, figures: Figures, *, to_fix: int, running: str, sends: bool) -> NextStep | None:
    """Return what is next for the period, None where nothing is. `to_fix` of its invoices need something first;
    `running` is the address of an upload that is not done, "" for none; `sends`: invoices are sent to the customers
    from here."""
    mine = {"period": period.billing_id, "all": "1"}
    waiting = figures.waiting.count
    if running:
        return NextStep("Watch the upload", running)
    if to_fix and waiting:
        return NextStep(f"Fix {to_fix:,}, then post them", reverse("needs_attention"))
    if waiting:
        words = f"Check and post {waiting:,} invoice{'' if waiting == 1 else 's'}"
        return NextStep(words, reverse("upload_to_xero"), mine | {"state": NOT_UPLOADED})
    if figures.drafts:
        words = f"Approve {figures.drafts:,} draft{'' if figures.drafts == 1 else 's'}"
        return NextStep(words, reverse("selected_approve"), mine | {"state": XeroState.DRAFT.value})
    if sends and figures.unsent:
        words = f"Send {figures.unsent:,} invoice{'' if figures.unsent == 1 else 's'}"
        return NextStep(words, reverse("selected_send"), mine | {"owed": "unsent"})
    return NextStep("Close the period", reverse("period_sheet", args=[period.pk])) if figures.imported.count else None
