"""The invoices of a file, most of them on disk: memory stays the same however many there are."""

from __future__ import annotations

import datetime as dt
import itertools
import marshal
import sqlite3
import uuid
from array import array
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from invoices.importing.customer_keys import folded
from invoices.importing.facts import Action, Facts, FieldSums
from invoices.importing.fingerprint import Billed, Days
from invoices.importing.parser import Header

# About two kilobytes each: forty megabytes. At least twice as many as are ever worked on together.
IN_MEMORY = 20_000
AT_ONCE = 500
_TABLE = """
    CREATE TABLE invoices (
        place INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, row INTEGER, customer TEXT, name TEXT, erp_id TEXT,
        placeholder TEXT, billing_id TEXT, starts_on TEXT, ends_on TEXT, billed TEXT, facts BLOB
    )
"""
# Of rows without a readable number: what one says of whose it is, under the names of the columns above, or nothing.
_UNPLACED = "CREATE TABLE unplaced (said TEXT, value TEXT, row INTEGER, PRIMARY KEY (said, value)) WITHOUT ROWID"
_MAY_HAVE_THEM = """
    SELECT number, MIN(unplaced.row) FROM invoices CROSS JOIN unplaced ON
        (said = 'customer' AND value = customer) OR (said = 'erp_id' AND value = erp_id)
        OR (said = 'name' AND value = name)
        OR (:is_anywhere AND (said = '' OR (said = 'billing_id' AND value = billing_id)))
    GROUP BY number
"""
_INSERT = "INSERT INTO invoices VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"


class InvoiceStore:
    """Facts by number, in the order of the file.

    What `get` and the iterations give may be changed until IN_MEMORY // 2 others were asked for.
    """

    def __init__(self) -> None:
        # A file that nobody else sees, gone with this object: https://www.sqlite.org/inmemorydb.html#temp_db
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute("PRAGMA synchronous=OFF")
        self._rows.execute("PRAGMA journal_mode=OFF")
        self._rows.execute(_TABLE)
        self._rows.execute(_UNPLACED)
        self._recent: dict[str, Facts] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        query = f"SELECT place, number FROM invoices WHERE place > ? ORDER BY place LIMIT {AT_ONCE}"  # noqa: S608
        last = 0
        while rows := self._rows.execute(query, [last]).fetchall():
            last = rows[-1][0]
            yield from (number for _, number in rows)

    def __contains__(self, number: str) -> bool:
        return self.get(number) is not None

    def get(self, number: str) -> Facts | None:
        """Return what the file says of an invoice so far, None when there is none of that number."""
        if facts := self._recent.get(number):
            return facts
        found = self._rows.execute("SELECT facts FROM invoices WHERE number = ?", [number]).fetchone()
        return self._remember(number, _thawed(found[0])) if found else None

    def add(self, facts: Facts) -> None:
        """Add an invoice that is not there yet."""
        header = facts.header
        values = (
            *(header.number, facts.row, header.tenant_id, folded(header.customer_name), header.erp_id.casefold()),
            *(header.placeholder, header.billing_id, header.starts_on.isoformat(), header.ends_on.isoformat()),
        )
        self._rows.execute(_INSERT, values)
        self._count += 1
        self._remember(header.number, facts)

    def note_customer(self, facts: Facts) -> None:
        """Note what later rows of an invoice said of its customer."""
        values = facts.header.erp_id.casefold(), facts.header.placeholder, facts.header.number
        self._rows.execute("UPDATE invoices SET erp_id = ?, placeholder = ? WHERE number = ?", values)

    def pop(self, number: str) -> Facts | None:
        """Take an invoice out and return it."""
        facts = self.get(number)
        if facts is not None:
            del self._recent[number]
            self._rows.execute("DELETE FROM invoices WHERE number = ?", [number])
            self._count -= 1
        return facts

    def values(self) -> Iterator[Facts]:
        """Yield all invoices."""
        # One by one: what a page of them would hold may be changed before its turn.
        for number in self:
            if facts := self.get(number):
                yield facts

    def customers(self) -> Iterator[str]:
        """Yield the keys of the customers."""
        yield from (key for (key,) in self._rows.execute("SELECT DISTINCT customer FROM invoices"))

    def note_billed(self, hashes: Iterable[tuple[str, str]]) -> None:
        """Note the fingerprint of what was billed, as (fingerprint, number)."""
        self._rows.executemany("UPDATE invoices SET billed = ? WHERE number = ?", hashes)

    def billed_alike(self) -> list[tuple[str, str]]:
        """Return (number, other number) of invoices that bill the same as an earlier one of the file."""
        return self._rows.execute(
            "SELECT later.number, first.number FROM invoices AS later JOIN "
            "(SELECT billed, MIN(place) AS place FROM invoices GROUP BY billed HAVING COUNT(*) > 1) AS alike "
            "ON alike.billed = later.billed JOIN invoices AS first ON first.place = alike.place "
            "WHERE later.place > first.place ORDER BY later.place"
        ).fetchall()

    def several(self, key: str, value: str) -> dict[str, dict[str, int]]:
        """Return of the keys that have more than one value (columns of the table, empty ones left out) each value's
        first row."""
        found: dict[str, dict[str, int]] = {}
        wanted = f"{key} <> '' AND {value} <> ''"
        rows = self._rows.execute(
            f"SELECT {key}, {value}, MIN(row) FROM invoices WHERE {wanted} AND {key} IN "  # noqa: S608
            f"(SELECT {key} FROM invoices WHERE {wanted} GROUP BY {key} HAVING COUNT(DISTINCT {value}) > 1) "
            f"GROUP BY {key}, {value}"
        )
        for each, said, row in rows:
            found.setdefault(each, {})[said] = row
        return found

    def having(self, key: str, value: str) -> list[tuple[str, int]]:
        """Return number and row of the invoices whose column `key` is `value`."""
        return self._rows.execute(
            f"SELECT number, row FROM invoices WHERE {key} = ? ORDER BY place",  # noqa: S608 - a name of our own
            [value],
        ).fetchall()

    def has_of(self, billing_id: str, key: str, name: str) -> bool:
        """Return whether an invoice of the period is of the customer of this key, or of this folded name; "" is
        nobody's."""
        found = self._rows.execute(
            "SELECT 1 FROM invoices WHERE billing_id = ? "
            "AND ((customer = ? AND customer <> '') OR (name = ? AND name <> '')) LIMIT 1",
            [billing_id, key, name],
        )
        return found.fetchone() is not None

    def note_unplaced(self, row: int, said: Iterable[tuple[str, str]]) -> None:
        """Note a row whose number cannot be read, by what it says of whose it is (column, value); ("", "") says
        nothing."""
        values = [(about, value, row) for about, value in said]
        self._rows.executemany("INSERT OR IGNORE INTO unplaced VALUES (?, ?, ?)", values)

    def unplaced(self, said: Iterable[tuple[str, str]]) -> int:
        """Return the first noted row that says any of these, 0 when there is none."""
        found = (self._rows.execute("SELECT row FROM unplaced WHERE said = ? AND value = ?", each) for each in said)
        return min((row for rows in found for (row,) in rows), default=0)

    def first_unplaced(self, *columns: str) -> int:
        """Return the first noted row that speaks of any of these columns, 0 when there is none."""
        found = (self._rows.execute("SELECT MIN(row) FROM unplaced WHERE said = ?", [each]) for each in columns)
        return min((row for rows in found for (row,) in rows if row), default=0)

    def may_have_unplaced(self, *, is_anywhere: bool) -> list[tuple[str, int]]:
        """Return the numbers of the invoices whose customer a noted row names, with the first such row; where they are
        `is_anywhere`, of those that name none too."""
        return self._rows.execute(_MAY_HAVE_THEM, {"is_anywhere": is_anywhere}).fetchall()

    def period_days(self) -> dict[str, dict[Days, int]]:
        """Return of each BillingId how many invoices say which dates, what comes first in the file first."""
        found: dict[str, dict[Days, int]] = {}
        rows = self._rows.execute(
            "SELECT billing_id, starts_on, ends_on, COUNT(*) FROM invoices GROUP BY 1, 2, 3 ORDER BY MIN(place)"
        )
        for billing_id, starts_on, ends_on, count in rows:
            days = dt.date.fromisoformat(starts_on), dt.date.fromisoformat(ends_on)
            found.setdefault(billing_id, {})[days] = count
        return found

    def of_other_days(self, billing_id: str, days: Days) -> list[tuple[str, int]]:
        """Return number and row of the period's invoices that say other dates."""
        starts_on, ends_on = (day.isoformat() for day in days)
        return self._rows.execute(
            "SELECT number, row FROM invoices WHERE billing_id = ? AND NOT (starts_on = ? AND ends_on = ?)",
            [billing_id, starts_on, ends_on],
        ).fetchall()

    def _remember(self, number: str, facts: Facts) -> Facts:
        if len(self._recent) >= IN_MEMORY:
            oldest = list(itertools.islice(self._recent.items(), IN_MEMORY // 2))
            self._rows.executemany(
                "UPDATE invoices SET facts = ? WHERE number = ?", [(_frozen(each), key) for key, each in oldest]
            )
            for key, _ in oldest:
                del self._recent[key]
        self._recent[number] = facts
        return facts


def _frozen(facts: Facts) -> bytes:
    header, billed, days = facts.header, facts.billed, facts.period_days
    return marshal.dumps(
        (
            tuple(each.toordinal() if isinstance(each, dt.date) else each for each in header),
            (facts.row, facts.lines, str(facts.subtotal), str(facts.tax), str(facts.exact), facts.fingerprint),
            (billed.lines, billed.undated, billed.digests, _ordinal(billed.first_day), _ordinal(billed.last_day)),
            (
                facts.seen.tobytes(),
                facts.action.value,
                facts.position,
                facts.purchase_order,
                facts.erp_row,
                facts.pk.bytes,
            ),
            facts.field_sums.sums.tobytes() if facts.field_sums else None,
            (days[0].toordinal(), days[1].toordinal()) if days else None,
            facts.products,
        )
    )


def _thawed(frozen: bytes) -> Facts:
    header, sums, billed, rest, field_sums, days, products = marshal.loads(frozen)  # noqa: S302 - written by this process alone
    row, lines, subtotal, tax, exact, fingerprint = sums
    facts = Facts(row, _header(header), lines, Decimal(subtotal), Decimal(tax), Decimal(exact), fingerprint)
    count, undated, digests, first_day, last_day = billed
    facts.billed = Billed(count, undated, digests, _day(first_day), _day(last_day))
    seen, action, facts.position, facts.purchase_order, facts.erp_row, pk = rest
    facts.products = products
    facts.seen, facts.action, facts.pk = array("q", seen), Action(action), uuid.UUID(bytes=pk)
    if field_sums is not None:
        facts.field_sums = FieldSums()
        facts.field_sums.sums = array("Q", field_sums)
    if days is not None:
        facts.period_days = dt.date.fromordinal(days[0]), dt.date.fromordinal(days[1])
    return facts


def _header(values: tuple[Any, ...]) -> Header:
    days: Iterable[Any] = (dt.date.fromordinal(each) if isinstance(each, int) else each for each in values)
    return Header(*days)


def _ordinal(day: dt.date | None) -> int | None:
    return day.toordinal() if day else None


def _day(ordinal: int | None) -> dt.date | None:
    return dt.date.fromordinal(ordinal) if ordinal else None
