"""The administrator's drill in short: a trial with processes of its own moves, and goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.drill import BEGIN, END, INCIDENTS, REPORT, Outcome, table
from c3portal.testing import BASE_DIR


@pytest.mark.whole
def test_a_trial_moves_while_it_posts_and_each_invoice_arrives_once() -> None:
    command = [sys.executable, "-m", "bench.drill", "--invoices", "60", "--only", "whole worker"]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "the trial on SQLite moves to PostgreSQL | " in done.stdout


def test_an_incident_that_went_wrong_shows() -> None:
    written = table([Outcome("nothing happens", 0, 12.4), Outcome("it burns", None, None, "not here: no fire")], 300)
    assert "| nothing happens | 0 s | 12 s |  |" in written
    assert "| it burns | – | – | not here: no fire |" in written


def test_the_document_has_a_row_for_every_incident() -> None:
    written = REPORT.read_text().partition(BEGIN)[2].partition(END)[0]
    assert [name for name, _ in INCIDENTS if f"| {name} | " not in written] == []
