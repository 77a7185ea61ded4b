"""The sections of docs/performance.md that a run of their own writes; the others stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def section_of(title: str, text: str) -> str:
    """Return the section from its title to the next one's, "" when there is none."""
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def with_section(title: str, section: str, text: str) -> str:
    """Return `text` with this section in place of the one with its title, or behind all others."""
    before = section_of(title, text)
    section = section.strip() + "\n"
    if before:
        return text.replace(before, section + ("\n" if not text.endswith(before) else ""))
    return f"{text.rstrip()}\n\n{section}"


def put_section(title: str, section: str, report: Path = REPORT) -> None:
    """Write the section into the report."""
    report.write_text(with_section(title, section, report.read_text()))
