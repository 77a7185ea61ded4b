"""The environment of the portal's processes, and which of them a start needs."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import environ

from c3portal.processes import embedded_broker

BASE_DIR = Path(__file__).resolve().parent.parent.parent
XERO_ORIGINS = ("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL")
C3_ORIGIN = "C3_LOGIN_URL"
# How it runs on a machine for trying it out, unless it is told otherwise.
MANNERS = {"LOG_LEVEL": "WARNING", "LOG_FORMAT": "line", "MFA_REQUIRED_FOR": "none", "EMAIL_URL": "consolemail://"}
# In production Celery says so at each start.
ROOT_IS_NO_NEWS = "ignore:You're running the worker with superuser privileges"


@dataclass(frozen=True)
class Plan:
    """One start of the portal; `variables` is the environment of its processes."""

    port: int
    sandbox_port: int
    c3_sandbox_port: int
    portal_url: str
    var_dir: Path
    variables: dict[str, str]
    with_broker: bool
    with_sandbox: bool
    with_c3_sandbox: bool

    @property
    def processes(self) -> tuple[str, ...]:
        """The names of the processes, as in the Procfile, in the order of their start."""
        broker = ("broker",) if self.with_broker else ()
        return (*broker, *self.sandboxes, "web", "worker", "beat")

    @property
    def sandboxes(self) -> tuple[str, ...]:
        """The names of the stand-ins among the processes."""
        beside = (("sandbox", self.with_sandbox), ("c3-sandbox", self.with_c3_sandbox))
        return tuple(name for name, wanted in beside if wanted)

    @property
    def beat_pidfile(self) -> Path:
        """The file that the scheduler writes once it runs."""
        return self.var_dir / "beat.pid"

    @property
    def writes_mail_here(self) -> bool:
        """Whether mail goes to the terminal and to nobody."""
        return self.variables["EMAIL_URL"].startswith("consolemail:")

    @property
    def sandbox_url(self) -> str:
        return f"http://localhost:{self.sandbox_port}"

    @property
    def c3_sandbox_url(self) -> str:
        return f"http://localhost:{self.c3_sandbox_port}"


def plan(given: dict[str, str]) -> Plan:
    """Return the start that `given` and `.env` ask for, and make the state folder and missing secrets.

    Raises SystemExit for a bad port.
    """
    variables = with_dotenv(given)
    port = _port(variables, "PORT", 8000)
    sandbox_port = _port(variables, "SANDBOX_PORT", 8100)
    c3_sandbox_port = _port(variables, "C3_SANDBOX_PORT", 8200)
    var_dir = state_folder(variables)
    var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    with_sandbox = not any(variables.get(name) for name in XERO_ORIGINS)
    # Invented invoices are never a click away from somebody's real books.
    with_c3_sandbox = with_sandbox and not variables.get(C3_ORIGIN)
    with_broker = not variables.get("CELERY_BROKER_URL")
    defaults = {"PORTAL_URL": f"http://localhost:{port}", **MANNERS}
    if with_sandbox:
        defaults |= dict.fromkeys(XERO_ORIGINS, f"http://localhost:{sandbox_port}")
    if with_c3_sandbox:
        defaults[C3_ORIGIN] = f"http://localhost:{c3_sandbox_port}"
    if with_broker:
        defaults["CELERY_BROKER_URL"] = embedded_broker.url(var_dir)
    variables |= {name: value for name, value in defaults.items() if not variables.get(name)}
    variables |= {
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
        "C3_SANDBOX_PORT": str(c3_sandbox_port),
        "VAR_DIR": str(var_dir),
        "SANDBOX_DATABASE": str(var_dir / "sandbox.sqlite3"),
        "C3_SANDBOX_DATABASE": str(var_dir / "c3-sandbox.sqlite3"),
        "BEAT_PIDFILE": str(var_dir / "beat.pid"),
        "PYTHONWARNINGS": ROOT_IS_NO_NEWS,
    }
    variables |= _kept_secrets(var_dir, variables)
    return Plan(
        port=port,
        sandbox_port=sandbox_port,
        c3_sandbox_port=c3_sandbox_port,
        portal_url=variables["PORTAL_URL"].rstrip("/"),
        var_dir=var_dir,
        variables=variables,
        with_broker=with_broker,
        with_sandbox=with_sandbox,
        with_c3_sandbox=with_c3_sandbox,
    )


def with_dotenv(given: Mapping[str, str]) -> dict[str, str]:
    """Return `given` over `.env`, or over the file that ENV_FILE names."""
    return {**_dotenv(Path(given.get("ENV_FILE") or BASE_DIR / ".env")), **given}


def state_folder(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("VAR_DIR") or BASE_DIR / "var").absolute()


def fresh_secrets() -> dict[str, str]:
    """Return new values for SECRET_KEY and ENCRYPTION_KEYS."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def write_private(path: Path, text: str) -> None:
    """Write `text` to a new file that only its owner can ever read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _dotenv(path: Path) -> dict[str, str]:
    read: dict[str, str] = {}

    class Collected(environ.Env):  # type: ignore[misc]
        ENVIRON = read

    if path.is_file():
        Collected.read_env(path)
    return read


def _port(variables: dict[str, str], name: str, default: int) -> int:
    text = variables.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise SystemExit(f"{name} is {text!r}: set it to a number from 1 to 65535.")
    return int(text)


def _kept_secrets(var_dir: Path, variables: dict[str, str]) -> dict[str, str]:
    # Made at the first start, the same ones ever after.
    path = var_dir / "secrets"
    if not path.exists():
        write_private(path, "".join(f"{name}={value}\n" for name, value in fresh_secrets().items()))
    kept = dict(line.split("=", 1) for line in path.read_text().splitlines())
    return {name: value for name, value in kept.items() if not variables.get(name)}


if __name__ == "__main__":
    for name, value in fresh_secrets().items():
        print(f"{name}={value}")  # noqa: T201
