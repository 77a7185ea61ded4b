"""Everything that dead processes held."""

from __future__ import annotations

from invoices.changes import reconciliation as changes
from invoices.posting import reconciliation as posting


def release_expired() -> int:
    """Release what dead processes held, and rows past their lease: postings and changes. Returns how many moved."""
    return posting.release_expired_leases() + changes.release_expired_leases()
