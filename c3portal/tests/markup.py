"""A page's HTML in one form, whatever the layout of its template: what tests look for in it."""

from __future__ import annotations

import re

# Around these, whitespace is not seen.
_BLOCKS = (
    "body|button|caption|dd|details|div|dl|dt|fieldset|footer|form|h[1-6]|header|html|input|label|legend|li|main|nav|"
    "ol|optgroup|option|p|section|select|summary|table|tbody|td|th|thead|tr|ul"
)
_AROUND_BLOCKS = re.compile(rf"\s*(</?(?:{_BLOCKS})(?:\s[^<>]*)?>)\s*")


def markup(html: str) -> str:
    """Return `html` with single spaces, none around blocks, and none before the end of a tag."""
    single = re.sub(r"\s+", " ", html)
    return _AROUND_BLOCKS.sub(r"\1", re.sub(r"(<[^<>]*?) >", r"\1>", single))
