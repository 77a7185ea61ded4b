"""What in a page came from its data and not from its template: elements, attributes, addresses, scripts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# Every text of these tests carries this word wherever it would do something.
MARK = "attack"
LEADING = {"href", "src", "action", "formaction", "poster", "data", "srcset", "xlink:href"}
EXECUTED = re.compile(r"^(javascript|data|vbscript):", re.IGNORECASE)
# A file to save that a page holds in itself: what is in it cannot be seen from outside, and is text alone.
PLAIN = "data:text/plain;base64,"
# What a browser leaves out of an address before it looks at it.
IGNORED = re.compile(r"[\x00-\x20\u200b\ufeff]")


class Suspicions(HTMLParser):
    """Reads a page; `found` says what of it no template wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.script = self.json = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if MARK in tag or tag in ("base", "iframe", "object", "embed"):
            self.found.append(f"element <{tag}>")
        # What stands there as JSON is read and not run, and has no "<" to end it by.
        is_json = tag == "script" and ("type", "application/json") in attrs
        self.script, self.json = tag in ("script", "style") and not is_json, is_json
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if MARK in name or name.startswith("on") or (name in ("style", "srcdoc") and MARK in value):
            self.found.append(f"attribute {name} of <{tag}>")
        if name in LEADING and EXECUTED.match(IGNORED.sub("", value)) and not value.startswith(PLAIN):
            self.found.append(f"{name}={value!r} of <{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.script = self.json = False

    def handle_data(self, data: str) -> None:
        if (self.script and MARK in data) or (self.json and "<" in data):
            self.found.append(f"script {data[:80]!r}")


def suspicions(page: str) -> list[str]:
    """Return what a page does that its data told it to."""
    reader = Suspicions()
    reader.feed(page)
    reader.close()
    return reader.found
