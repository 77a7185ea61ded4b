"""Whether a webhook's delivery comes from Xero."""

from __future__ import annotations

import base64
import hashlib
import hmac


def is_signed(body: bytes, signature: str, key: str) -> bool:
    """Whether `signature` (the header x-xero-signature) is that of exactly these bytes; never without a key."""
    # https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/
    if not key:
        return False
    expected = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest())
    # In constant time, so that nobody finds the signature byte by byte.
    return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
