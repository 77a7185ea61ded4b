"""What keeps a spreadsheet, of any language, from running a cell of a CSV file as a formula."""

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
    """Return `text` as it may stand in a cell of text in a CSV file that a spreadsheet opens, in any language.

    What a spreadsheet would take for a formula gets one apostrophe in front: what starts with = + - @ or their
    full-width twins, at the beginning of the text or behind a separator, tab or line break in it, where a spreadsheet
    of another language begins a cell; spaces, quotes and apostrophes between do not count. So does a text that begins
    with a tab or a line break. Only cells of text pass through here: numbers and dates stay as they are, so that a
    negative amount is still a number. `unprotect` is the inverse.
    """
    if _LEADING_LINE.match(text) and not _RUN.match(text):
        text = f"'{text}"

    def guarded(run: re.Match[str]) -> str:
        return ("'" if _begins_a_cell(run) else "") + _IN_RUN.sub(r"\1'", run[0])

    return _RUN.sub(guarded, text)


def unprotect(text: str) -> str:
    """Return what `protect` was given; a text that it would not have written stays as it is ("'t Hoen")."""
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
