"""A process of a new release that finds no schema to work on, or no database."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from c3portal.tests import containers
from c3portal.tests.machine import Machine
from xero_sandbox.testing import free_port

pytestmark = pytest.mark.whole


def test_it_does_not_wait_for_the_schema_for_ever(tmp_path: Path, postgres: str) -> None:
    with Machine(tmp_path / "machine", postgres, "http://localhost:9", "empty") as portal:
        argv = containers.command(portal.services["worker"])
        given = portal.environment("worker", SCHEMA_PATIENCE="0.1")
        done = subprocess.run(argv, env=given, cwd=portal.release, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "worker waits and does nothing yet: the database lacks" in done.stderr
    assert "worker has not started within 0 seconds" in done.stderr
    assert "passwordofthetests" not in done.stderr


def test_it_waits_for_a_database_that_is_away(tmp_path: Path, postgres: str) -> None:
    with Machine(tmp_path / "machine", postgres, "http://localhost:9", "away") as portal:
        address = f"postgres://c3portal:passwordofthetests@127.0.0.1:{free_port()}/portal"
        argv = containers.command(portal.services["web"])
        given = portal.environment("web", SCHEMA_PATIENCE="0.1", DATABASE_URL=address)
        done = subprocess.run(argv, env=given, cwd=portal.release, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "web waits and does nothing yet: the database does not answer (" in done.stderr
    assert "passwordofthetests" not in done.stderr
