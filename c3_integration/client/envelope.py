"""C3's envelope around every answer, judged by its Status; read whole, or while it streams past."""

from __future__ import annotations

import re
from typing import Any

import ijson

from c3_integration.client.errors import C3Refused, C3Unavailable
from c3portal.outgoing import plain_json

SUCCESS = "Success"
# The JSON reader dies with its whole process of a number of more than 4,300 digits (ijson 3.6).
MOST_DIGITS = 1_000
DEEPEST = 32
LONGEST_WORDS = 500
BOM = b"\xef\xbb\xbf"
_TOO_MANY_DIGITS = re.compile(rb"\d{%d}" % (MOST_DIGITS + 1))
_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_FIELDS = ("Status", "RequestCorrelationID", "ErrorMessage", "ErrorDetail")
NOT_READABLE = "C3's answer cannot be read: {}. Nothing was imported from it."


def data_of(content: bytes, content_type: str = "") -> tuple[list[Any], str]:
    """Return Data and RequestCorrelationID of a short answer. Raises C3Refused for Status Error, C3Unavailable for what
    is no envelope."""
    try:
        answer = plain_json.parse(content)
    except plain_json.Unreadable as error:
        raise not_readable(f"it is no JSON{f' but {content_type}' if content_type else ''}") from error
    if not isinstance(answer, dict):
        raise not_readable("it is no envelope")
    judge(answer)
    data = answer.get("Data")
    if not isinstance(data, list):
        raise not_readable("it has no list of Data", correlation_id(answer))
    return data, correlation_id(answer)


def judge(answer: dict[str, Any]) -> None:
    """Raise C3Refused when the Status is not Success, C3Unavailable when there is none."""
    status = answer.get("Status")
    if status == SUCCESS:
        return
    if not isinstance(status, str) or not status:
        raise not_readable("it has no Status", correlation_id(answer))
    raise C3Refused(f"C3 answered {words(status)}: {refusal(answer)}", correlation_id=correlation_id(answer))


def refusal(answer: dict[str, Any]) -> str:
    """Return C3's own words of an error, as one sentence or two."""
    said = [words(answer.get(name)) for name in ("ErrorMessage", "ErrorDetail")]
    return " ".join(each if each.endswith((".", "!", "?")) else f"{each}." for each in said if each) or "no reason."


def correlation_id(answer: dict[str, Any]) -> str:
    """Return C3's id of the call, "" when it gave none that could be one."""
    value = answer.get("RequestCorrelationID")
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def words(value: Any) -> str:
    """Return others' words on one line, for a page."""
    text = "".join(each if each.isprintable() else " " for each in str(value or ""))
    return " ".join(text.split())[:LONGEST_WORDS]


def not_readable(why: str, correlation_id: str = "") -> C3Unavailable:
    """Return the error for an answer that is not what it should be."""
    return C3Unavailable(NOT_READABLE.format(why), correlation_id=correlation_id)


def first_names(content: bytes) -> list[str]:
    """Return the names of the first line's fields in the beginning of an answer, [] while it is not there whole."""
    found = ijson.sendable_list()
    reader = ijson.items_coro(found, "Data.item", use_float=False)
    try:
        reader.send(content.removeprefix(BOM))
    except (ijson.JSONError, ValueError, ArithmeticError):
        return []
    return [words(name) for name in found[0]] if found and isinstance(found[0], dict) else []


class PassingEnvelope:
    """An envelope that is read while it passes by, in memory that does not grow: is it whole, what is its Status, how
    many lines are in its Data."""

    def __init__(self) -> None:
        self.lines = 0
        self.fields: dict[str, Any] = {}
        self._events = ijson.sendable_list()
        self._reader = ijson.basic_parse_coro(self._events, use_float=False)
        self._depth, self._key, self._in_data = 0, "", False
        self._began, self._before = False, b""

    def read(self, chunk: bytes) -> None:
        """Take the next bytes. Raises C3Unavailable as soon as they cannot be part of an envelope."""
        if not self._began:
            chunk = self._before + chunk
            if len(chunk) < len(BOM):
                self._before = chunk
                return
            chunk, self._began, self._before = chunk.removeprefix(BOM), True, b""
        self._send(chunk)

    def _send(self, chunk: bytes) -> None:
        # An empty one would stand for the end.
        if not chunk:
            return
        known = self._before + chunk
        if _TOO_MANY_DIGITS.search(known):
            raise not_readable("it holds a number that is too long")
        self._before = known[-MOST_DIGITS:]
        try:
            self._reader.send(chunk)
        except (ijson.JSONError, ValueError, ArithmeticError) as error:
            raise not_readable("it is no JSON", self.correlation_id) from error
        self._take_events()

    def close(self) -> None:
        """Raises C3Unavailable when it ended too soon, C3Refused when its Status is not Success."""
        try:
            self._reader.close()
        except (ijson.JSONError, ValueError, ArithmeticError) as error:
            raise not_readable("it ends in the middle", self.correlation_id) from error
        judge(self.fields)
        if not self._in_data:
            raise not_readable("it has no list of Data", self.correlation_id)

    @property
    def correlation_id(self) -> str:
        """RequestCorrelationID, as far as it came by."""
        return correlation_id(self.fields)

    def _take_events(self) -> None:
        for event, value in self._events:
            if event in ("end_map", "end_array"):
                self._depth -= 1
                continue
            if event == "map_key":
                self._key = value if self._depth == 1 else self._key
                continue
            self._value(event, value)
        self._events.clear()

    def _value(self, event: str, value: Any) -> None:
        if self._depth == 0 and event != "start_map":
            raise not_readable("it is no envelope")
        if self._depth == 1 and self._key in _FIELDS:
            self.fields[self._key] = value
        if self._depth == 1 and self._key == "Data" and event == "start_array":
            self._in_data = True
        if self._depth == 2 and self._key == "Data":
            self.lines += 1
        if event in ("start_map", "start_array"):
            self._depth += 1
            if self._depth > DEEPEST:
                raise not_readable("it is nested too deep")
