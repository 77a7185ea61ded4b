"""What was refused of an upload, by its cause, in the shape in which the preflight shows what blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from invoices.documents.rules import Fix, Problem
from invoices.models import Posting
from invoices.preflight.preflight import Group, Troubled
from xero_integration.client import refusals
from xero_integration.client.refusals import Topic

FIXES = {
    Topic.ACCOUNT: Fix.ACCOUNTS,
    Topic.TAX: Fix.TAXES,
    Topic.THEME: Fix.SETTINGS,
    Topic.CURRENCY: Fix.XERO,
    Topic.LOCKED: Fix.DRAFTS,
    Topic.CONTACT: Fix.CONTACTS,
    Topic.NAME: Fix.CONTACTS,
    Topic.EMAIL: Fix.CONTACTS,
    Topic.NUMBER: Fix.XERO,
    Topic.DUE_DATE: Fix.CUSTOMERS,
}
# Of whoever it is about, the page shows the customer; of an account, its lines.
_SUBJECT_SHOWN = frozenset({Topic.ACCOUNT, Topic.CURRENCY})


def problems(message: str) -> list[Problem]:
    """Return what a refusal in these words means; unknown words as they are. The detail is Xero's own words."""
    found = [
        Problem(
            cause.topic,
            cause.subject if cause.topic in _SUBJECT_SHOWN else "",
            cause.words,
            FIXES.get(cause.topic, Fix.NONE),
            detail=message,
        )
        for cause in refusals.causes(message)
    ]
    return found or [Problem("", message, message, Fix.NONE)]


def groups(postings: Iterable[Posting]) -> list[Group]:
    """Return the refused of `postings` (with their invoice and customer) by cause, the most frequent first."""
    found: dict[Problem, list[Troubled]] = defaultdict(list)
    for posting in postings:
        for problem in problems(posting.message):
            found[problem].append(Troubled(posting.invoice, problem.detail, None))
    made = [Group(problem, tuple(invoices)) for problem, invoices in found.items()]
    return sorted(made, key=lambda each: (-len(each.invoices), each.problem.words))
