"""What holds on SQLite holds on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from c3portal.testing import BASE_DIR

# Two runs side by side, each on a database of its own.
PARTS = {"shell": ["c3portal"], "posting": ["xero_integration", "c3_integration", "invoices", "operations"]}


@pytest.mark.whole
@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="this is the run on PostgreSQL")
def test_what_is_marked_for_both_databases_holds_on_a_real_postgresql(postgres: str) -> None:
    runs = [start(folders, urlsplit(postgres)._replace(path=f"/{name}").geturl()) for name, folders in PARTS.items()]
    for run in runs:
        output, _ = run.communicate()
        assert run.returncode == 0, output[-8000:]
        assert " passed" in output


def start(folders: list[str], database_url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", "-m", "both_databases", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.pop("VAR_DIR")
    return subprocess.Popen(
        [*command, "-o", "addopts=", *folders],
        env={**environment, "TEST_DATABASE_URL": database_url},
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
