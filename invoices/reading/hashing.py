"""Proves that a file that is read twice is the same file."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any


class HashingFile(io.FileIO):
    """A file that knows the SHA-256 of what was read of it so far from its start."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sha256 = hashlib.sha256()
        self._hashed = 0

    def readinto(self, buffer: Any) -> int | None:
        """Read into `buffer`; what is read again after a seek counts once."""
        start = self.tell()
        count = super().readinto(buffer)
        if count:
            fresh = start + count - self._hashed
            if fresh > 0:
                self.sha256.update(memoryview(buffer)[count - fresh : count])
                self._hashed += fresh
        return count
