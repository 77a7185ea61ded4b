"""Opens a file as a person or its header wants it read."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from invoices.matching.column_profile import BUILT_IN, ColumnProfile
from invoices.matching.conversion import Source, convert
from invoices.reading.errors import FileRefused
from invoices.reading.hashing import HashingFile
from invoices.reading.rows import ReadOptions, Table
from invoices.reading.table import open_table


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file is to be read and judged. `constants` are what the file does not say; `kinds` are the rules for its
    categories; `is_c3` holds it to what C3 writes."""

    profile: ColumnProfile = BUILT_IN
    constants: Mapping[str, str] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)
    time_zone: dt.tzinfo = dt.UTC
    kinds: Mapping[str, str] = field(default_factory=dict)
    is_c3: bool = True
    all_or_nothing: bool = False


def open_lines(file: BinaryIO, wanted: Wanted) -> Source:
    """Return the file's rows in our fields. Raises FileRefused."""
    stream = io.BufferedReader(file) if isinstance(file, HashingFile) else file
    table: Table = open_table(stream, wanted.options)
    if table.encoding_is_guessed and not wanted.options.encoding:
        raise FileRefused(
            f"The file is not in UTF-8: its encoding may be {table.encoding}. Import it by the page, where you see how "
            "it reads and confirm it, or save it again as UTF-8."
        )
    return convert(table, wanted.profile, wanted.constants)
