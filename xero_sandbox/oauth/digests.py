"""How secrets, codes and tokens are kept: as digests, since all of them are long and random."""

import hashlib
import hmac


def digest(text: str) -> str:
    """Return the hex digest under which a random secret is stored and found."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)
