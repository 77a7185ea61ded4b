"""The columns of the list that each user chose, and the views they saved: filters under a name."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import transaction

from c3portal.models import User
from invoices.listing import columns
from invoices.models import ListChoices
from invoices.selection.filters import LABELS
from invoices.selection.selection import Selection

MOST_VIEWS = 20
LONGEST_NAME = 60
# What a view keeps of an address; the billing period is the one that is shown.
KEPT = ("q", "state", *LABELS, "sort")


class Refused(Exception):
    """A view that is not saved; its text says why."""


@dataclass(frozen=True)
class View:
    """A saved view, as the list of a period shows it."""

    name: str
    address: str
    is_current: bool


def of(user: User) -> ListChoices:
    """Return what the user chose."""
    return ListChoices.objects.filter(user=user).first() or ListChoices(user=user)


def views(choices: ListChoices, selection: Selection, sort: str) -> list[View]:
    """Return the saved views, by name, each for the period that is shown."""
    period, now = {"period": selection.period.billing_id}, query_of(selection, sort)
    return [
        View(each["name"], urlencode(period | _ordered(each["query"])), each["query"] == now)
        for each in sorted(choices.views, key=lambda each: str(each["name"]).casefold())
    ]


def query_of(selection: Selection, sort: str) -> dict[str, str]:
    """Return what a view of this selection keeps: known names with their values, no period."""
    return _ordered(selection.fields() | {"sort": columns.known_sort(sort)})


def _ordered(query: Mapping[str, str]) -> dict[str, str]:
    """Return what of it a view keeps, in one order: PostgreSQL keeps none."""
    return {name: query[name] for name in KEPT if query.get(name)}


def choose_columns(user: User, names: Iterable[str]) -> None:
    """Show the user these columns from now on, beside those that are always there; of other names nothing is kept."""
    wanted = columns.shown([*names, *columns.FIXED])
    _change(user, lambda choices: setattr(choices, "columns", [] if wanted == columns.USUAL else [*wanted]))


def usual_columns(user: User) -> None:
    """Show the user the usual columns again."""
    _change(user, lambda choices: setattr(choices, "columns", []))


def save_view(user: User, name: str, query: Mapping[str, str]) -> None:
    """Keep a filter under a name, in place of one that has it. Raises Refused."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or any(unicodedata.category(each)[0] == "C" for each in name):
        raise Refused(f"Give the view a name of at most {LONGEST_NAME} characters.")
    if not query:
        raise Refused("There is nothing to save: set a filter first.")

    def add(choices: ListChoices) -> None:
        others = [each for each in choices.views if each["name"].casefold() != name.casefold()]
        if len(others) >= MOST_VIEWS:
            raise Refused(f"You have {MOST_VIEWS} views. Delete one first.")
        choices.views = [*others, {"name": name, "query": dict(query)}]

    _change(user, add)


def delete_view(user: User, name: str) -> None:
    """Forget the view of this name, if there is one."""
    _change(user, lambda choices: setattr(choices, "views", [each for each in choices.views if each["name"] != name]))


def _change(user: User, change: Callable[[ListChoices], None]) -> None:
    with transaction.atomic():
        ListChoices.objects.get_or_create(user=user)
        # Two tabs may save at the same moment.
        choices = ListChoices.objects.select_for_update(no_key=True).get(user=user)
        change(choices)
        choices.save()
