"""From what a person chose on the page to a profile, or to what is still missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from invoices.matching.column_profile import ColumnProfile, Formats, columns_in, field_of
from invoices.matching.computing import Computation, computations
from invoices.matching.meanings import DATES, LABELS, NUMBERS, REQUIRED_MEANINGS
from invoices.matching.proposal import ASKED, ColumnSeen, Proposal

_AMOUNTS = ("SubTotal", "Total")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose: the column of each field, how undecided columns are written (by the column's name), whether
    tax is in the amounts of one (too), and the values of fields that are the same for every line. `constants` hold for
    this file alone: its billing period."""

    columns: Mapping[str, str]
    marks: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    fractions: Mapping[str, bool] = field(default_factory=dict)
    taxed: Mapping[str, bool] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def given(self) -> set[str]:
        """Return the fields that have a column or a value."""
        chosen = {name for name, column in self.columns.items() if column}
        return chosen | {name for name, text in {**self.fixed, **self.constants}.items() if text}


def proposed_choice(proposal: Proposal) -> Choice:
    """Return what confirming the proposal as it stands would choose."""
    return Choice({name: each.column for name, each in proposal.fields.items() if each.column})


def computed(choice: Choice) -> list[Computation]:
    """Return what will be computed because no column has it."""
    return computations(choice.given)


def problems(proposal: Proposal, choice: Choice) -> list[str]:
    """Return what keeps the choice from being a profile, a sentence each."""
    found = choice_problems(choice)
    for name, column in choice.columns.items():
        if seen := proposal.column(column):
            found += _unsuitable(name, seen) or _unanswered(name, seen, choice)
            if asks_for_tax(proposal, choice.columns, name) and column not in choice.taxed:
                found.append(f"{LABELS[name]}: say whether tax is in the amounts of “{column}”.")
    return list(dict.fromkeys(found))


def asks_for_tax(proposal: Proposal, columns: Mapping[str, str], name: str) -> bool:
    """Whether a person has to say if tax is in the amounts of the column that is chosen for a field."""
    if name not in _AMOUNTS or not columns.get(name) or all(map(columns.get, _AMOUNTS)):
        return False
    proposed = proposal.fields[name]
    return proposed.sureness == ASKED and proposed.column == columns[name]


def answered(columns: Mapping[str, str], taxed: Mapping[str, bool]) -> dict[str, str]:
    """Return the columns with those under gross of which a person said that tax is in them, the others under net."""
    net, gross = _AMOUNTS
    moved = dict(columns)
    for column, has_tax in taxed.items():
        if column in (moved.get(net), moved.get(gross)) and not (moved.get(net) and moved.get(gross)):
            moved |= {net: "", gross: column} if has_tax else {net: column, gross: ""}
    return moved


def still_missing(profile: ColumnProfile, header: Sequence[str], constants: Mapping[str, str]) -> list[str]:
    """Return what a file of this header does not say although the profile fits, a sentence each: its billing period,
    most often."""
    return _missing(Choice(columns_in(profile, header), fixed=profile.formats.fixed, constants=constants))


def choice_problems(choice: Choice) -> list[str]:
    """Return what is wrong with a choice whatever the file holds, a sentence each."""
    return [*_missing(choice), *_twice(choice.columns)]


def profile_from(name: str, proposal: Proposal, choice: Choice) -> ColumnProfile:
    """Return the profile of a choice that has no problems."""
    columns = {field_name: column for field_name, column in choice.columns.items() if column}
    seen = {field_name: proposal.column(column) for field_name, column in columns.items()}
    rate = seen.get("TaxPercentage")
    formats = Formats(
        numbers={key: _mark(column, choice) for key, column in seen.items() if key in NUMBERS and column},
        dates={key: _order(column, choice) for key, column in seen.items() if key in DATES and column},
        rate_is_fraction=rate is not None and choice.fractions.get(rate.name, bool(rate.is_fraction)),
        fixed={key: text for key, text in choice.fixed.items() if text and key not in columns},
    )
    header = tuple(column.name for column in proposal.columns)
    return ColumnProfile(name, columns | _kept_as_they_are(header, columns), formats, header)


def _kept_as_they_are(header: Iterable[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return C3's own fields that nobody is asked about: they stay what their name says."""
    used = set(columns.values())
    named = {field_of(column): column for column in header if column not in used}
    return {name: column for name, column in named.items() if name and name not in LABELS}


def _missing(choice: Choice) -> list[str]:
    there = choice.given | {each.field for each in computed(choice)}
    return [f"{LABELS[name]} is missing: choose its column." for name in REQUIRED_MEANINGS if name not in there]


def _twice(columns: Mapping[str, str]) -> list[str]:
    users: dict[str, list[str]] = {}
    for name, column in columns.items():
        if column:
            users.setdefault(column, []).append(LABELS[name])
    return [
        f"The column “{column}” is chosen for {' and for '.join(labels)}."
        for column, labels in users.items()
        if len(labels) > 1
    ]


def _unsuitable(name: str, seen: ColumnSeen) -> list[str]:
    if not seen.filled:
        return [f"{LABELS[name]}: the column “{seen.name}” is empty in every row."] if name in REQUIRED_MEANINGS else []
    if name in NUMBERS and not seen.is_number:
        return [f"{LABELS[name]}: the column “{seen.name}” does not hold numbers."]
    if name in DATES and not seen.is_date:
        return [f"{LABELS[name]}: the column “{seen.name}” does not hold dates."]
    return []


def _unanswered(name: str, seen: ColumnSeen, choice: Choice) -> list[str]:
    questions = []
    if name in NUMBERS and seen.mark is None and not choice.marks.get(seen.name):
        questions.append(f"whether the numbers of “{seen.name}” have a decimal point or a decimal comma")
    if name in DATES and seen.order is None and not choice.orders.get(seen.name):
        questions.append(f"whether the dates of “{seen.name}” have the day or the month first")
    if name == "TaxPercentage" and seen.is_fraction is None and seen.name not in choice.fractions:
        questions.append(f"whether 0.1 in “{seen.name}” is 10 % or 0.1 %")
    return [f"{LABELS[name]}: say {question}." for question in questions]


def _mark(seen: ColumnSeen, choice: Choice) -> str:
    return str(choice.marks.get(seen.name, "") if seen.mark is None else seen.mark)


def _order(seen: ColumnSeen, choice: Choice) -> str:
    return str(choice.orders.get(seen.name, "") if seen.order is None else seen.order)
