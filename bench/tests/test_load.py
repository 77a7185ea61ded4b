"""The measurement under load in short: a few people beside an upload, and a report that keeps its neighbours."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.load import QUICK, Outcome, section
from bench.section import section_of, with_section
from bench.virtual_users import Measurements
from c3portal.testing import BASE_DIR


@pytest.mark.whole
def test_people_get_their_pages_while_an_upload_runs() -> None:
    command = [sys.executable, "-m", "bench.load", "--quick"]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert re.search(r"^Errors +0$", done.stdout, re.MULTILINE), done.stdout
    # How many in its few seconds is the machine's affair: enough that people were there.
    assert int(re.search(r"^Requests +(\d+)$", done.stdout, re.MULTILINE)[1]) >= 10, done.stdout  # type: ignore[index]


def test_a_page_that_fails_and_an_upload_that_is_slowed_down_are_told() -> None:
    measured = Measurements()
    for tenths in range(1, 101):
        measured.note("list", tenths / 1000, "500" if tenths == 100 else "")
    report = section(Outcome(alone=10, beside=13, measured=measured), QUICK)
    assert "| Requests that failed | 0 of 100 | 1 | **missed** |" in report
    assert "13.0 s beside 10.0 s = 1.30 × | **missed** |" in report
    assert "| list | 100 | 50 | 95 | 99 |" in report


def test_a_section_is_written_without_touching_the_others() -> None:
    report = "# Performance\n\n| a |\n\n## How\n\nso\n\n## Under load\n\nold\n\n## Spread\n\n- b\n"
    new = with_section("Under load", "## Under load\n\nnew", report)
    assert new == report.replace("old", "new")
    assert section_of("Under load", new) == "## Under load\n\nnew\n\n"
    without = with_section("Under load", "## Under load\n\nnew", "# Performance\n\n## How\n\nso\n")
    assert without == "# Performance\n\n## How\n\nso\n\n## Under load\n\nnew\n"
