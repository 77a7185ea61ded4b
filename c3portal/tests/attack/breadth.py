"""How much of an attack is tried: all of it under `make attack`, a part of each kind in every run of the tests."""

from __future__ import annotations

import os
from collections.abc import Sequence

WHOLE = os.environ.get("ATTACK") == "whole"


def part[Thing](things: Sequence[Thing], turn: int, size: int = 2) -> list[Thing]:
    """Return all of `things`, or `size` of them, others at each `turn`: what many turns try is all of them."""
    if WHOLE:
        return list(things)
    return [things[(turn * size + index) % len(things)] for index in range(min(size, len(things)))]
