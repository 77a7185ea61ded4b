"""What holds on SQLite holds on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from c3portal.testing import BASE_DIR


@pytest.mark.whole
@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="this is the run on PostgreSQL")
def test_what_is_marked_for_both_databases_holds_on_a_real_postgresql(postgres: str) -> None:
    command = [sys.executable, "-m", "pytest", "-m", "both_databases", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.pop("VAR_DIR")
    done = subprocess.run(
        [*command, "-o", "addopts="],
        env={**environment, "TEST_DATABASE_URL": postgres},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
