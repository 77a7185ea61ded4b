"""What the portal does at start with what the environment says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from c3portal.settings import mailer
from c3portal.testing import BASE_DIR

NEEDED = {
    "SECRET_KEY": "a-secret-key-for-the-tests-which-signs-nothing-of-value",
    "ENCRYPTION_KEYS": "an-encryption-key-for-the-tests",
}


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` in an environment of its own."""
    bare = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **environment}
    command = [sys.executable, "manage.py", "check", *arguments]
    return subprocess.run(command, env=bare, cwd=BASE_DIR, capture_output=True, text=True)


@pytest.mark.parametrize("name", NEEDED)
def test_it_does_not_start_without_its_secrets(name: str) -> None:
    done = check(**{**NEEDED, name: ""})
    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr
    assert "make secrets" in done.stderr


def test_it_starts_with_them_on_a_machine_that_has_nothing_of_it_yet(tmp_path: Path) -> None:
    done = check(**NEEDED, VAR_DIR=str(tmp_path / "not" / "there"))
    assert done.returncode == 0, done.stderr


def test_debug_stands_in_for_the_secrets(tmp_path: Path) -> None:
    done = check(**dict.fromkeys(NEEDED, ""), DEBUG="1", VAR_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_production_portal_has_nothing_left_to_secure() -> None:
    production = {
        "PORTAL_URL": "https://portal.example.com",
        "ALLOWED_HOSTS": "portal.example.com",
        "DATABASE_URL": "postgres://portal@localhost/portal",
        "CELERY_BROKER_URL": "redis://localhost:6379/0",
        "EMAIL_URL": "smtp+tls://portal:password@mail.example.com:587",
    }
    done = check("--deploy", "--fail-level", "WARNING", **NEEDED, **production)
    assert done.returncode == 0, done.stderr


def test_mail_leaves_by_the_server_that_is_named() -> None:
    options = mailer("smtp+tls://portal:p%40ss@mail.example.com:587")["OPTIONS"]
    assert (options["host"], options["port"], options["use_tls"]) == ("mail.example.com", 587, True)
    assert (options["username"], options["password"]) == ("portal", "p@ss")


def test_a_link_to_a_new_password_never_ends_up_in_the_log() -> None:
    assert mailer("")["BACKEND"] == "django.core.mail.backends.dummy.EmailBackend"


def test_a_trial_writes_mail_to_its_terminal() -> None:
    assert mailer("consolemail://") == {"BACKEND": "django.core.mail.backends.console.EmailBackend"}


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_what_it_keeps_is_for_its_owner_alone_in_a_folder_that_was_there_before(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    (folder / "portal.sqlite3-wal").touch(mode=0o644)
    given = {**NEEDED, "PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "VAR_DIR": str(folder)}
    subprocess.run([sys.executable, "manage.py", "migrate"], env=given, cwd=BASE_DIR, check=True, umask=umask)
    for each in folder.iterdir():
        assert not each.stat().st_mode & 0o077, each


@pytest.mark.parametrize(("given", "batch"), [("", 50), ("7", 7), ("500", 50), ("0", 1), ("-3", 1)])
def test_no_call_carries_more_than_xero_takes_nor_nothing(given: str, batch: int) -> None:
    variables = {"XERO_BATCH": given} if given else {}
    environment = {**NEEDED, **variables, "PATH": os.environ["PATH"], "ENV_FILE": os.devnull}
    command = [sys.executable, "-c", "from c3portal import settings; print(settings.XERO_BATCH)"]
    done = subprocess.run(command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=True)
    assert int(done.stdout) == batch
