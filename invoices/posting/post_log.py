"""What happened to an invoice: in the database for people, in the log by ids alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from itertools import batched, groupby
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from invoices.models import Posting, PostLog

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)


def write(rows: QuerySet[Posting], status: str, *, user: User | None = None) -> int:
    """Write a PostLog line for each row as it stands now. Returns how many."""
    found = list(rows.values_list("invoice", "upload", "submission", "message", "xero_id"))
    lines = [
        PostLog(
            invoice_id=invoice, upload_id=upload, submission_id=submission, status=status, message=message, user=user
        )
        for invoice, upload, submission, message, _ in found
    ]
    PostLog.objects.bulk_create(lines, batch_size=500)
    transaction.on_commit(partial(_log, status, found), robust=True)
    return len(lines)


def _log(status: str, found: Iterable[tuple[Any, ...]]) -> None:
    for submission, rows in groupby(sorted(found, key=lambda row: str(row[2])), key=lambda row: row[2]):
        for some in batched(rows if submission else (), settings.XERO_BATCH):
            # The portal's ids and Xero's alone: words of Xero's may hold names.
            documents = " ".join(f"{row[0]}={row[4] or '-'}" for row in some)
            facts = {"status": str(status), "submission": str(submission), "documents": documents}
            logger.info("Invoices %(status)s with submission %(submission)s: %(documents)s", facts, extra=facts)
