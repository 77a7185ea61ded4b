"""What stands around a list of objects in JSON: C3's envelope, or another system's."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable

import ijson

from invoices.reading.errors import WANTED, FileRefused

# C3's answers: docs.cspcontrolcenter.com. Status decides, whatever the HTTP code was.
C3_LIST, C3_STATUS = "Data", "Status"
_C3_NAMES = (C3_STATUS, "ErrorMessage", "ErrorDetail", "RequestCorrelationID")
# Lists further down belong to a row.
DEEPEST_LIST = 4

_DEPTH = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}


class Envelope:
    """What C3 says of its answer beside the lines."""

    def __init__(self) -> None:
        self.said = {name: ijson.sendable_list() for name in _C3_NAMES}
        self.readers = [ijson.items_coro(said, name) for name, said in self.said.items()]

    def read(self, chunk: bytes) -> None:
        # Once it is Success, nothing else of the envelope matters.
        if self.said[C3_STATUS] != ["Success"]:
            for reader in self.readers:
                reader.send(chunk)

    def check(self) -> None:
        """Raises FileRefused with C3's own words unless its Status is Success."""
        statuses = self.said[C3_STATUS]
        if not statuses:
            raise FileRefused(f"The JSON has no Status, so it is not an answer of C3. {WANTED}")
        if statuses[-1] == "Success":
            return
        words = [text for name in ("ErrorMessage", "ErrorDetail") if (text := self._said(name))]
        reason = " ".join(words) or "no message"
        correlation = self._said("RequestCorrelationID")
        where = f" (RequestCorrelationID {correlation})" if correlation else ""
        raise FileRefused(f"C3 answered {str(statuses[-1])[:50]} instead of Success: {reason}{where}")

    def _said(self, name: str) -> str:
        return next((str(text)[:500] for text in self.said[name] if text), "")


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
    for chunk in chunks:
        reader.send(chunk)
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
