"""The link that mends a problem, and leads back to the page that showed it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from invoices.documents.rules import Fix, Problem

ACTIONS = {
    Fix.SETTINGS: ("Open Settings → General", "settings_general"),
    Fix.ACCOUNTS: ("Choose an account", "account_overrides"),
    Fix.TAXES: ("Map this tax", "tax_overrides"),
    Fix.KINDS: ("Say which kind it is", "kind_rules"),
    Fix.CUSTOMERS: ("Change the customer's settings", "customer_overrides"),
    Fix.ORDERS: ("See the PO numbers", "order_overrides"),
    Fix.CONTACTS: ("See to the contact", "contacts"),
    Fix.CHOOSE_CONTACT: ("Choose the contact", "choose_contact"),
    Fix.HELD_BACK: ("See what is held back", "held_back"),
}
# What of each page is shown: rows that name the problem's subject, or just its one.
SEARCHED = {Fix.ACCOUNTS: "q", Fix.TAXES: "pick", Fix.CONTACTS: "q"}


@dataclass(frozen=True)
class NextStep:
    """The link that mends a problem."""

    words: str
    url: str


def next_step(problem: Problem, back: str, *, may_set: bool) -> NextStep | None:
    """Return the link that mends a problem and leads `back`, None where the reader has no such page."""
    if problem.fix not in ACTIONS or (problem.fix == Fix.SETTINGS and not may_set):
        return None
    words, name = ACTIONS[problem.fix]
    query = {"next": back}
    if problem.fix == Fix.CHOOSE_CONTACT:
        return NextStep(words, f"{reverse(name, args=[problem.subject])}?{urlencode({'back': urlencode(query)})}")
    if problem.fix in SEARCHED and problem.subject:
        query = {SEARCHED[problem.fix]: problem.subject} | query
    try:
        return NextStep(words, f"{reverse(name)}?{urlencode(query)}")
    except NoReverseMatch:
        return None
