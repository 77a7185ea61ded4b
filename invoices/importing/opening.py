"""Opens a file as a person, its profile or its header wants it read."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from invoices.matching.column_profile import BUILT_IN, ColumnProfile
from invoices.matching.conversion import Source, convert
from invoices.matching.new_columns import questions
from invoices.matching.profiles import profile_for
from invoices.matching.rates import rates_told
from invoices.reading.errors import FileRefused
from invoices.reading.hashing import HashingFile
from invoices.reading.rows import ReadOptions, Table
from invoices.reading.table import headers_of, open_table

# Digits; of longer ones the parser says that they are.
LONGEST_AMOUNT = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file is to be read and judged. `constants` are what the file does not say; `kinds` are the rules for its
    categories; `rates` the tax rates that its lines tell, where no column does; `is_c3` holds it to what C3 writes;
    `noticed` is what people should know of how it was opened."""

    profile: ColumnProfile = BUILT_IN
    constants: Mapping[str, str] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)
    time_zone: dt.tzinfo = dt.UTC
    kinds: Mapping[str, str] = field(default_factory=dict)
    rates: tuple[Decimal, ...] = ()
    is_c3: bool = True
    all_or_nothing: bool = False
    noticed: tuple[str, ...] = ()

    @property
    def basis(self) -> str:
        """Return a hash of all that says what the file's cells mean: with an equal one, the same file says the same.
        Its `rates` follow from that."""
        profile = self.profile
        said = {
            "columns": dict(profile.columns),
            "formats": profile.formats.as_json(),
            "built in": profile is BUILT_IN,
            "constants": dict(self.constants),
            "options": astuple(self.options),
            "time zone": str(self.time_zone),
            "kinds": dict(self.kinds),
            "c3": self.is_c3,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Settled:
    """A file's `table`, not to be read; how it is to be read, and by which profile, None when none fits. `questions`
    are what keeps it from coming in without a person, `noticed` what does not, a sentence each."""

    table: Table
    options: ReadOptions
    profile: ColumnProfile | None
    questions: list[str]
    noticed: tuple[str, ...] = ()


def settle(path: Path, options: ReadOptions, chosen: ColumnProfile | None = None) -> Settled:
    """Return how the file at `path` is to be read: as `options` say, else as the profile that a person `chosen`, or
    that fits, remembers. Raises FileRefused, OSError."""
    asked: list[str] = []
    left_out: list[str] = []
    with path.open("rb") as stream:
        table = open_table(stream, options)
    if options.sheet and options.sheet != table.sheet:
        listed = f"It has: {', '.join(table.sheets)}." if table.sheets else "It has none to choose from."
        raise FileRefused(f"The file has no sheet “{options.sheet[:100]}”. {listed}")
    if len(table.sheets) > 1 and not options.sheet:
        sheet, asked, left_out = _sheet(path, table, options, chosen)
        if sheet != table.sheet:
            options = replace(options, sheet=sheet)
            with path.open("rb") as stream:
                table = open_table(stream, options)
    profile = chosen or profile_for(table.header)
    if table.encoding_is_guessed and profile and profile.encoding == table.encoding:
        options = replace(options, encoding=table.encoding)
    elif table.encoding_is_guessed:
        asked.append(
            f"The file is not in UTF-8: its encoding may be {table.encoding}. Confirm the encoding on Match columns, "
            "where you see how it reads, or save the file again as UTF-8."
        )
    if profile:
        asked += questions(profile, table.header)
    noticed = (f"Only the sheet {_listed([table.sheet])} was read. {_not_read(left_out)}",) if left_out else ()
    return Settled(table, options, profile, asked, noticed)


def _not_read(sheets: Sequence[str]) -> str:
    fit = "fits as well and was" if len(sheets) == 1 else "fit as well and were"
    return f"{_listed(sheets)} {fit} not read."


def _listed(sheets: Sequence[str]) -> str:
    return ", ".join(f"“{name[:100]}”" for name in sheets[:10])


def _sheet(
    path: Path, table: Table, options: ReadOptions, chosen: ColumnProfile | None
) -> tuple[str, list[str], list[str]]:
    """Return the sheet to be read, what is to be asked about it, and the other sheets that could be meant."""
    fitting: dict[str, ColumnProfile] = {}
    for name, header in headers_of(path, table, options).items():
        profile = (chosen if chosen.fits(header) else None) if chosen else profile_for(header)
        if profile:
            fitting[name] = profile
    remembered = [name for name, profile in fitting.items() if profile.sheet == name]
    for names in (remembered, [*fitting]):
        if len(names) == 1:
            return names[0], [], [name for name in fitting if name != names[0]]
    if not fitting:
        return table.sheet, [], []
    several = f"Several of its sheets have these columns: {_listed([*fitting])}. Choose the one to be imported."
    return table.sheet, [several], []


def open_lines(file: BinaryIO, wanted: Wanted) -> Source:
    """Return the file's rows in our fields. Raises FileRefused."""
    stream = io.BufferedReader(file) if isinstance(file, HashingFile) else file
    table: Table = open_table(stream, wanted.options)
    if table.encoding_is_guessed and not wanted.options.encoding:
        raise FileRefused(
            f"The file is not in UTF-8: its encoding may be {table.encoding}. Import it by the page, where you see how "
            "it reads and confirm it, or save it again as UTF-8."
        )
    return convert(table, wanted.profile, wanted.constants, wanted.rates)


def with_rates(path: Path, wanted: Wanted) -> Wanted:
    """Return `wanted` with the tax rates that the lines of the file at `path` tell, as far as no column says them: then
    the file is read for that alone. Raises FileRefused."""
    if "TaxPercentage" in {**wanted.profile.columns, **wanted.profile.formats.fixed}:
        return wanted
    with path.open("rb") as file:
        return replace(wanted, rates=rates_told(_net_and_tax(open_lines(file, wanted))))


def _net_and_tax(source: Source) -> Iterator[tuple[Decimal, Decimal]]:
    for raw in source.rows:
        try:
            net, tax = Decimal(raw.cells["SubTotal"]), Decimal(raw.cells["TaxAmount"])
        except ArithmeticError:
            # No numbers: the parser says so of the line.
            continue
        if _is_amount(net) and _is_amount(tax):
            yield net, tax


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) <= LONGEST_AMOUNT
