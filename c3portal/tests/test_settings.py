"""What the portal does at start with what the environment says."""

import os
import subprocess
import sys

import pytest

from c3portal.testing import BASE_DIR

NEEDED = {
    "SECRET_KEY": "a-secret-key-for-the-tests-which-signs-nothing-of-value",
    "ENCRYPTION_KEYS": "an-encryption-key-for-the-tests",
}


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` in an environment of its own; an empty value stands before whatever .env says."""
    bare = {"PATH": os.environ["PATH"], "DEBUG": "0", "PORTAL_URL": "http://localhost:8000", **environment}
    command = [sys.executable, "manage.py", "check", *arguments]
    return subprocess.run(command, env=bare, cwd=BASE_DIR, capture_output=True, text=True)


@pytest.mark.parametrize("name", NEEDED)
def test_it_does_not_start_without_its_secrets(name: str) -> None:
    done = check(**{**NEEDED, name: ""})
    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr
    assert "make secrets" in done.stderr


def test_it_starts_with_them() -> None:
    done = check(**NEEDED)
    assert done.returncode == 0, done.stderr


def test_debug_stands_in_for_the_secrets() -> None:
    done = check(**dict.fromkeys(NEEDED, ""), DEBUG="1")
    assert done.returncode == 0, done.stderr


def test_a_production_portal_has_nothing_left_to_secure() -> None:
    production = {
        "PORTAL_URL": "https://portal.example.com",
        "ALLOWED_HOSTS": "portal.example.com",
        "DATABASE_URL": "postgres://portal@localhost/portal",
        "CELERY_BROKER_URL": "redis://localhost:6379/0",
    }
    done = check("--deploy", "--fail-level", "WARNING", **NEEDED, **production)
    assert done.returncode == 0, done.stderr
