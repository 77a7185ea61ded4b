"""Whether a document fits into one call to Xero."""

from __future__ import annotations

from collections.abc import Iterable

from invoices.documents.rules import Fix, Problem, Severity
from xero_integration.client.gateway import LARGEST_REQUEST, MAX_BODY_BYTES
from xero_integration.payloads import Document

# More than a letter and everything around the words of a line can take.
BYTES_EACH_LETTER = 6
BYTES_EACH_LINE = 400
BYTES_BESIDES = 20_000
TO_DO = "Divide the invoice at its source and import that, or ignore it here."
DOUBTFUL = "Xero may refuse this one; nothing is recorded then."


def problems(document: Document) -> Iterable[Problem]:
    """Yield that a document is too large for a call of its own, or may be."""
    if _at_most(document) <= MAX_BODY_BYTES:
        return
    size = _bytes(document)
    if size > MAX_BODY_BYTES:
        surely = size > LARGEST_REQUEST
        yield Problem(
            "size",
            "",
            f"Xero takes about {MAX_BODY_BYTES / 1_000_000:.1f} MB in one call, and a document is never divided by the "
            f"portal. {TO_DO if surely else DOUBTFUL}",
            Fix.NONE,
            Severity.BLOCKED if surely else Severity.WARNING,
            f"{len(document.lines):,} lines, {size / 1_000_000:.2f} MB.",
        )


def _at_most(document: Document) -> int:
    # Writing it out takes time, and all but one in many thousands are small.
    letters = sum(len(line.description) for line in document.lines)
    return letters * BYTES_EACH_LETTER + len(document.lines) * BYTES_EACH_LINE + BYTES_BESIDES


def _bytes(document: Document) -> int:
    # Web processes do without xero-python until they need it (`xero_models`).
    from xero_integration.xero_models import documents_body

    try:
        return len(documents_body([document]))
    except ValueError:
        # The rules say what cannot be sent to the digit.
        return 0
