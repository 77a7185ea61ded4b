"""The permissions (scopes) that a consent is asked for, and what each is for. Pure."""

from __future__ import annotations

import datetime as dt

# https://developer.xero.com/documentation/guides/oauth2/scopes/
OPENID, OFFLINE = "openid", "offline_access"
SETTINGS, CONTACTS, INVOICES = "accounting.settings.read", "accounting.contacts", "accounting.invoices"
# Apps made from 2 March 2026 on have granular scopes alone; older ones may ask for the broad one until this day.
BROAD = "accounting.transactions"
BROAD_UNTIL = dt.date(2027, 9, 13)
PURPOSES = {
    SETTINGS: "to read accounts, tax rates, themes, currencies and lock dates",
    CONTACTS: "to find customers' contacts and to create those that are missing",
    INVOICES: "to post invoices and credit notes and to read what became of them",
}
# What opens as much and more.
_COVERED_BY = {SETTINGS: {"accounting.settings"}, INVOICES: {BROAD}}
# By the first part of a call's path; everything else that is called tells of the organisation.
_NEEDED = {"Contacts": CONTACTS, "Invoices": INVOICES, "CreditNotes": INVOICES}


def asked(*, is_broad: bool, today: dt.date) -> tuple[str, ...]:
    """Return what a consent asks for; `is_broad`: of an app made before 2 March 2026 that has the broad scopes."""
    return (OPENID, OFFLINE, SETTINGS, CONTACTS, BROAD if is_broad and today <= BROAD_UNTIL else INVOICES)


def missing(granted: str) -> tuple[str, ...]:
    """Return what the portal needs and a consent (its scopes, divided by blanks; "" while not known) does not give."""
    given = set(granted.split())
    return tuple(each for each in PURPOSES if given and not given & {each, *_COVERED_BY.get(each, ())})


def lacking(*names: str) -> str:
    """Return in words that a consent lacks these scopes, what for, and what to do."""
    said = "; ".join(f"{name}, needed {PURPOSES[name]}" for name in names)
    what = "a permission" if len(names) == 1 else "permissions"
    return f"The consent given in Xero lacks {what}: {said}. Reconnect to Xero and allow all that it asks for."


def needed_for(path: str) -> str:
    """Return the scope that opens `path` (below the accounting API)."""
    return _NEEDED.get(path.partition("?")[0].partition("/")[0], SETTINGS)
