"""Keeps spreadsheets, of any language, from running cells as formulas."""

from __future__ import annotations

import re

# What begins a formula, with the full-width twins; what a spreadsheet takes for the end of a cell when its language
# separates lists by something else than a comma (the quotes around a text do not hold then); what it reads over.
_BEGINS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_SEPARATORS = ",;|\u061b"
_LINE = r"[\t\r\n]"

# All that stands between the beginning of a cell and what begins a formula. Found from its first character on alone, so
# that a long one takes no longer than its length.
_RUN = re.compile(rf"""(?<![\s"'])[\s"']*+(?={_BEGINS})""")
_LEADING_LINE = re.compile(rf"'*{_LINE}")
_IN_RUN = re.compile(rf"({_LINE})")
_IN_PROTECTED_RUN = re.compile(rf"({_LINE})'")


def protect(text: str) -> str:
    """Return `text` with an apostrophe before whatever begins a formula. Only for cells of text: negative amounts stay
    numbers. `unprotect` is the inverse."""
    # A text that begins with a tab or a line break gets one too.
    if _LEADING_LINE.match(text) and not _RUN.match(text):
        text = f"'{text}"

    def guarded(run: re.Match[str]) -> str:
        return ("'" if _begins_a_cell(run) else "") + _IN_RUN.sub(r"\1'", run[0])

    return _RUN.sub(guarded, text)


def unprotect(text: str) -> str:
    """Return what `protect` was given; other text stays as it is ("'t Hoen")."""
    if "'" not in text:
        return text
    if text.startswith("'") and _LEADING_LINE.match(text) and not _RUN.match(text):
        text = text[1:]

    def bare(run: re.Match[str]) -> str:
        was = run[0].removeprefix("'") if _begins_a_cell(run) else run[0]
        return _IN_PROTECTED_RUN.sub(r"\1", was)

    return _RUN.sub(bare, text)


def _begins_a_cell(run: re.Match[str]) -> bool:
    return not run.start() or run.string[run.start() - 1] in _SEPARATORS
