"""The ordeal in short: workers and the broker are killed while every fault strikes, and each invoice arrives once."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from c3portal.testing import BASE_DIR

# What is not settled after so many seconds counts as stuck.
LIMIT = 80
# Beside the limit: start and end of everything, on a busy machine.
AROUND = 100


@pytest.mark.whole
@pytest.mark.parametrize(
    ("count", "duration", "more"),
    [(300, 20, []), (200, 20, ["--postgres"])],
    ids=["300 on SQLite", "200 on PostgreSQL"],
)
def test_each_invoice_arrives_exactly_once_whoever_dies_and_whatever_strikes(
    tmp_path: Path, count: int, duration: int, more: list[str]
) -> None:
    folder = str(tmp_path / "chaos")
    told = _chaos("--invoices", str(count), "--duration", str(duration), "--seed", "1", "--folder", folder, *more)

    assert _figure(told, "States") == f"{{'posted': {count}}}", told
    assert _figure(told, "In the sandbox") == str(count), told
    for nothing in ("Twice", "Missing", "Wrong total"):
        assert _figure(told, nothing) == "0", told
    assert _figure(told, "Violations") == "[]", told
    # And it was an ordeal; how many calls there are to strike, and whether a blow takes a process or its whole worker,
    # is chance.
    assert int(_figure(told, "Faults struck").split(",")[0]) >= 3, told
    killed = int(_figure(told, "Workers killed")) + int(_figure(told, "Workers' processes killed"))
    assert killed >= 3, told


def _chaos(*arguments: str) -> str:
    """Run it as a program of its own. Returns its tally. Raises AssertionError when it does not end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.chaos", "--limit", str(LIMIT), *arguments],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told, _ = process.communicate(timeout=LIMIT + AROUND)
    except subprocess.TimeoutExpired:
        # It still stops what it started.
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=AROUND)
        raise AssertionError(f"The ordeal did not end:\n{told}") from None
    return told


def _figure(told: str, name: str) -> str:
    found = re.search(rf"^{name}  +(.*)$", told, re.MULTILINE)
    assert found, f"No {name}:\n{told}"
    return found[1].strip()
