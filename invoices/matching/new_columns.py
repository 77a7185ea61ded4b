"""Columns that came since a profile was made, and say what it settles without them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from invoices.matching.column_profile import ColumnProfile, columns_in, folded
from invoices.matching.computing import computations
from invoices.matching.meanings import LABELS
from invoices.matching.synonyms import likeness

# What a name has to be like at least, to mean a field clearly.
CLEAR = 0.9
# Who is billed is never left aside without a word.
WHO = ("InvoiceEntity", "ResellerName")


def new_meanings(profile: ColumnProfile, header: Sequence[str]) -> dict[str, str]:
    """Return the columns of `header` that are new to the profile and clearly mean a field that it takes as the same for
    every line or computes, or who is billed, of which it has no column; by the field."""
    columns, known = columns_in(profile, header), {folded(name) for name in profile.header}
    fixed = [name for name, text in profile.formats.fixed.items() if text]
    computed = [each.field for each in computations([*columns, *fixed])]
    fields = [name for name in dict.fromkeys((*fixed, *computed, *WHO)) if name not in columns]
    found: dict[str, str] = {}
    for column in header:
        if column not in columns.values() and folded(column) not in known and (name := _meant(column, fields)):
            found.setdefault(name, column)
    return found


def questions(profile: ColumnProfile, header: Sequence[str]) -> list[str]:
    """Return why a person must match the columns although the profile fits, a sentence each."""
    return [
        f"The column “{column[:100]}” is new, and by its name it is “{LABELS[name]}”, which the profile "
        f"“{profile.name}” {_settled(profile, name)}."
        for name, column in new_meanings(profile, header).items()
    ]


def who_is_left_aside(columns: Iterable[str]) -> list[str]:
    """Return those of the columns that nobody uses which say who is billed."""
    return [column for column in columns if _meant(column, WHO)]


def brings_something(profile: ColumnProfile, header: Sequence[str], late: Sequence[str]) -> bool:
    """Whether it matters that these columns are missing in `header`."""
    complete = [*header, *late]
    is_used = columns_in(profile, complete).keys() != columns_in(profile, header).keys()
    return is_used or new_meanings(profile, complete).keys() != new_meanings(profile, header).keys()


def _meant(column: str, fields: Sequence[str]) -> str:
    """Return the field that a column clearly means, "" for none."""
    sure, name = max(((likeness(name, column), name) for name in fields), default=(0.0, ""))
    return name if sure >= CLEAR else ""


def _settled(profile: ColumnProfile, name: str) -> str:
    if text := profile.formats.fixed.get(name):
        return f"takes as “{text}” for every line"
    return "does not look at" if name in WHO else "computes"
