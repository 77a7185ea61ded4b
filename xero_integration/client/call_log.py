"""A call's line in the log, and the figures that are counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from xero_integration.client.errors import XeroUnavailable

logger = logging.getLogger(__name__)

ANSWERS = {
    200: "ok",
    204: "ok",
    429: "limit",
    401: "sign_in",
    403: "sign_in",
    400: "refused",
    404: "refused",
    413: "refused",
}
# Every way in which a call can end.
RESULTS = (*dict.fromkeys(ANSWERS.values()), "error", "lost", "unreachable")


@dataclass
class CallRecord:
    """How a call went; `result` is "" before it, then one of RESULTS."""

    method: str = ""
    endpoint: str = ""
    status_code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    result: str = ""


def correlation_id(headers: Mapping[str, str]) -> str:
    """Return Xero's id of the call, "" when it gave none that could be one."""
    name = headers.get("Xero-Correlation-Id", "")[:64]
    return name if name.isascii() and name.isprintable() else ""


@contextmanager
def watched(record: CallRecord, method: str, path: str, *, tenant_id: str, key: str) -> Iterator[None]:
    """Complete the call's record and log one line, never with its query, body or token.

    `key`: its Idempotency-Key, the submission's id.
    """
    began = time.monotonic()
    record.method, record.endpoint, record.result = method, path.partition("/")[0], "lost"
    try:
        yield
    # Not a byte left.
    except XeroUnavailable:
        record.result = "unreachable"
        raise
    finally:
        record.seconds = time.monotonic() - began
        if record.status_code is not None:
            record.result = ANSWERS.get(record.status_code, "error")
        _log(record, tenant_id, key)


def _log(record: CallRecord, tenant_id: str, key: str) -> None:
    facts = {
        "method": record.method,
        "endpoint": record.endpoint,
        "result": record.result,
        "status": record.status_code,
        "milliseconds": round(record.seconds * 1000),
        "correlation_id": correlation_id(record.headers),
        "submission": key,
        "tenant": tenant_id,
    }
    words = "Xero: %(method)s %(endpoint)s %(result)s in %(milliseconds)s ms; %(correlation_id)s %(submission)s"
    logger.info(words, facts, extra=facts)
