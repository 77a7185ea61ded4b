"""What the pages of overrides share: a row, and a CSV file that is taken whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from c3portal.http.spreadsheet_cells import unprotect
from invoices.matching.meanings import CONTROL

ALL, UNMAPPED, OVERRIDDEN = "", "unmapped", "overridden"
# All rows are kept in one transaction, one by one.
MOST_COLUMNS, MOST_ROWS = 100, 20_000
SHOWN = {ALL: "All", UNMAPPED: "Unmapped", OVERRIDDEN: "Overridden"}


class Refused(Exception):
    """What cannot be kept, in words; `field` is the column or form field."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True)
class Row[Subject]:
    """One thing that has a default: `applies` is what it comes to now, `because` follows that word.

    `problem` says why nothing can be posted with it, `also` is what else it is found by. `count` is how many lines or
    invoices it is about, as far as `Page.counts` need not ask for it; `is_of_lines` says that it was found in lines.
    """

    key: str
    subject: Subject
    title: str
    detail: str
    default: str
    applies: str
    because: str
    problem: str = ""
    is_overridden: bool = False
    may_override: bool = True
    also: str = ""
    count: int = 0
    is_of_lines: bool = False

    def is_shown(self, shown: str, search: str) -> bool:
        if (shown == UNMAPPED and not self.problem) or (shown == OVERRIDDEN and not self.is_overridden):
            return False
        return not search or search.casefold() in f"{self.title} {self.detail} {self.applies} {self.also}".casefold()


@dataclass(frozen=True)
class Finding:
    """Why a row of a file is refused; `row` counts as a spreadsheet does, the header being 1."""

    row: int
    field: str
    reason: str


def read_file[Change](
    content: bytes,
    columns: Sequence[str],
    read: Callable[[Mapping[str, str]], Change],
    subject: Callable[[Change], Hashable],
    optional: Sequence[str] = (),
) -> tuple[list[Change], list[Finding]]:
    """Return the changes that a CSV file holds, and what is wrong with it.

    `columns` must be there, in any order and among others, `optional` ones may; `read` makes a change of a row or
    raises Refused. Two rows may not say different things of one `subject`.
    """
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        names = reader.fieldnames or ()
        if len(names) > MOST_COLUMNS:
            return [], [Finding(1, "", f"The file has more than {MOST_COLUMNS} columns.")]
        if missing := [name for name in columns if name not in names]:
            return [], [Finding(1, missing[0], f"The file has no column {', '.join(missing)}.")]
        columns = [*columns, *(name for name in optional if name in names)]
        rows = list(islice(enumerate(reader, start=2), MOST_ROWS + 1))
    except UnicodeDecodeError:
        return [], [Finding(1, "", "This is no text in UTF-8. Save it as “CSV UTF-8”.")]
    except csv.Error as error:
        return [], [Finding(1, "", f"This is no CSV file: {error}.")]
    if len(rows) > MOST_ROWS:
        words = f"The file has more than {MOST_ROWS:,} rows. What stays as it is need not be in it: leave those out."
        return [], [Finding(MOST_ROWS + 2, "", words)]
    changes: dict[Hashable, Change] = {}
    findings: list[Finding] = []
    for number, cells in rows:
        try:
            change = read({name: _cell(name, cells[name]) for name in columns})
            if changes.setdefault(subject(change), change) != change:
                raise Refused(columns[-1], "An earlier row of the file says something else of the same.")
        except Refused as refusal:
            findings.append(Finding(number, refusal.field, str(refusal)))
    return list(changes.values()), findings


def _cell(name: str, text: str | None) -> str:
    text = unprotect((text or "").strip())
    # Nothing written here has such characters, and no database takes them.
    if CONTROL.search(text):
        raise Refused(name, "The cell holds a control character.")
    return text
