"""A short chaos run: workers and the broker are killed while every fault strikes, and each invoice arrives once; so is
all done that is asked of it there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import chaos
from c3portal.testing import BASE_DIR

# What is not settled after so many seconds counts as stuck.
LIMIT = 150
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
    output = _chaos("--invoices", str(count), "--duration", str(duration), "--seed", "1", "--folder", folder, *more)

    # A twentieth has a credit note besides.
    documents = count + count // 20
    assert _figure(output, "States") == f"{{'posted': {documents}}}", output
    assert _figure(output, "In the sandbox") == str(documents), output
    for name in chaos.WRONG:
        assert _figure(output, name.capitalize()) in ("0", "[]"), output
    # And it was chaos; how many calls there are to strike, and whether a blow takes a process or its whole worker,
    # is chance.
    assert int(_figure(output, "Faults struck").split(",")[0]) >= 3, output
    killed = int(_figure(output, "Workers killed")) + int(_figure(output, "Workers' processes killed"))
    assert killed >= 3, output


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
        output, _ = process.communicate(timeout=LIMIT + AROUND)
    except subprocess.TimeoutExpired:
        # It still stops what it started.
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=AROUND)
        raise AssertionError(f"The chaos run did not end:\n{output}") from None
    return output


def _figure(output: str, name: str) -> str:
    found = re.search(rf"^{name}  +(.*)$", output, re.MULTILINE)
    assert found, f"No {name}:\n{output}"
    return found[1].strip()
