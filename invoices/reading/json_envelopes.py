"""What stands around a list of objects in JSON: C3's envelope, or another system's."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import ijson

from invoices.reading.budget import RowBudget
from invoices.reading.errors import WANTED, FileRefused

# C3's answers: docs.cspcontrolcenter.com. Status decides, whatever the HTTP code was.
C3_LIST, C3_STATUS, C3_SUCCESS = "Data", "Status", "Success"
_C3_NAMES = (C3_STATUS, "ErrorMessage", "ErrorDetail", "RequestCorrelationID")
LONGEST_SAID = 500
# Lists further down belong to a row.
DEEPEST_LIST = 4

_DEPTH = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}


class Envelope:
    """What C3 says of its answer beside the lines."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.events = ijson.sendable_list()
        self.reader = ijson.basic_parse_coro(self.events)
        self.name, self.depth = "", 0

    def read(self, chunk: bytes) -> None:
        # Once it is Success, nothing else of the envelope matters.
        if self.said.get(C3_STATUS) != C3_SUCCESS:
            self.reader.send(chunk)
            for event, value in self.events:
                self._see(event, value)
            self.events.clear()

    def _see(self, event: str, value: Any) -> None:
        if event in _DEPTH:
            self.depth += _DEPTH[event]
        elif event == "map_key":
            self.name = value if self.depth == 1 else self.name
        elif self.name in _C3_NAMES and value is not None:
            # A detail may be a list or an object, whose texts say what is wrong.
            self.said[self.name] = " ".join(filter(None, (self.said.get(self.name), str(value))))[:LONGEST_SAID]

    def check(self) -> None:
        """Raises FileRefused with C3's own words unless its Status is Success."""
        status = self.said.get(C3_STATUS)
        if status is None:
            raise FileRefused(f"The JSON has no Status, so it is not an answer of C3. {WANTED}")
        if status == C3_SUCCESS:
            return
        words = [text for name in ("ErrorMessage", "ErrorDetail") if (text := self.said.get(name))]
        reason = " ".join(words) or "no message"
        correlation = self.said.get("RequestCorrelationID")
        where = f" (RequestCorrelationID {correlation})" if correlation else ""
        raise FileRefused(f"C3 answered {status[:50]} instead of {C3_SUCCESS}: {reason}{where}")


def top_level_names(start: str) -> set[str]:
    """Return the names of the outermost object in a JSON text that begins with `start`, as far as it goes."""
    events = ijson.sendable_list()
    # What is wrong with the JSON is said when it is read.
    with contextlib.suppress(ijson.JSONError, ArithmeticError):
        ijson.basic_parse_coro(events).send(start.encode())
    names, depth = set(), 0
    for event, value in events:
        depth += _DEPTH.get(event, 0)
        if event == "map_key" and depth == 1:
            names.add(value)
    return names


def lists_of_objects(chunks: Iterable[bytes]) -> tuple[str, ...]:
    """Return where in a JSON object lists of objects stand, as "result.lines", the longest first."""
    events = ijson.sendable_list()
    reader = ijson.basic_parse_coro(events)
    found: Counter[str] = Counter()
    # For each object that is open the name that was read last, for each list None.
    opened: list[str | None] = []
    budget = RowBudget()
    for chunk in chunks:
        budget.spend(len(chunk))
        reader.send(chunk)
        if events:
            budget.row_done()
        for event, value in events:
            if event == "map_key":
                opened[-1] = value
            elif event == "start_map":
                _count(opened, found)
                opened.append("")
            elif event == "start_array":
                opened.append(None)
            elif event in _DEPTH:
                opened.pop()
        events.clear()
    return tuple(path for path, _ in found.most_common())


def _count(opened: list[str | None], found: Counter[str]) -> None:
    """Count the object that begins inside of `opened` when it belongs to a list that is not itself in one."""
    if 1 < len(opened) <= DEEPEST_LIST and opened[-1] is None and None not in opened[:-1]:
        found[".".join(filter(None, opened))] += 1
