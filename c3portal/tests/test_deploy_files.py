"""The files that an administrator installs the portal with: valid, hardened, and saying the same as the Procfile."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from honcho.environ import parse_procfile

from c3portal.processes import start
from c3portal.settings import CELERY_TASK_TIME_LIMIT, IMPORT_MAX_BYTES
from c3portal.testing import BASE_DIR
from c3portal.tests import containers, machine
from c3portal.tests.imports import PACKAGES
from xero_sandbox.testing import free_port

BESIDE = Path(sys.executable).parent
UNITS = sorted((BASE_DIR / "deploy" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
PROCESSES = ("web", "worker", "beat")
OPERATIONS = BASE_DIR / "docs" / "operations"


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def services() -> dict[str, Any]:
    return containers.compose(containers.example())


# Linters


def test_the_dockerfile_has_no_finding() -> None:
    done = run(BESIDE / "hadolint", "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_compose_file_is_valid() -> None:
    done = run(BESIDE / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")
    assert done.returncode == 0, done.stdout


def proxy_config(**environment: str) -> dict[str, Any]:
    """Return deploy/Caddyfile as Caddy itself understands it."""
    given = {"PORTAL_URL": "https://portal.example.com", "ACME_EMAIL": "admin@example.com", **environment}
    done = run(BESIDE / "caddy", "adapt", "--config", "deploy/Caddyfile", "--validate", **given)
    assert done.returncode == 0, done.stderr
    assert '"level":"warn"' not in done.stderr, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def found(key: str, within: Any) -> list[Any]:
    """Return every value that stands under `key`, at any depth."""
    if isinstance(within, list):
        return [each for part in within for each in found(key, part)]
    if not isinstance(within, dict):
        return []
    here = [within[key]] if key in within else []
    return here + [each for part in within.values() for each in found(key, part)]


def test_the_proxy_takes_what_the_portal_takes_and_little_more(tmp_path: Path) -> None:
    config = proxy_config(XDG_DATA_HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    (largest,) = found("max_size", config)
    assert IMPORT_MAX_BYTES < largest < 1.1 * IMPORT_MAX_BYTES
    assert found("dial", config) == ["web:8000"]
    assert found("host", config) == [["portal.example.com"]]
    # No access log.
    assert found("logs", config["apps"]) == []


def test_the_proxys_log_of_failures_holds_no_address(tmp_path: Path) -> None:
    portal_url = f"https://localhost:{free_port()}"
    proxy = machine.start_proxy(tmp_path, portal_url, f"127.0.0.1:{free_port()} 127.0.0.1:{free_port()}", "0s")
    try:
        given = {"Referer": f"{portal_url}/people/invitation/key-of-a-link", "Cookie": "sessionid=a-session"}
        address = f"{portal_url}/people/invitation/key-of-a-link?code=code-of-a-consent"
        root = tmp_path / "certificates" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        assert requests.get(address, headers=given, verify=str(root), timeout=30).status_code == 502
        proxy.says("connection refused")
    finally:
        proxy.stop()
    for secret in ("key-of-a-link", "code-of-a-consent", "a-session"):
        assert secret not in proxy.output


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units_and_finds_them_hardened(tmp_path: Path) -> None:
    for unit in UNITS:
        # A template is looked at as one of its instances, with a program that this machine has.
        name = unit.name.replace("web@", "web@8000").replace("worker@", "worker@1")
        text = unit.read_text().replace("/opt/c3portal/.venv/bin/python", os.path.realpath(sys.executable))
        (tmp_path / name).write_text(text)
    names = [str(path) for path in tmp_path.iterdir()]
    done = run("systemd-analyze", "verify", "--man=no", *names)
    assert (done.returncode, done.stderr) == (0, "")
    services = [name for name in names if name.endswith(".service")]
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", *services)
    assert done.returncode == 0, done.stdout


# One truth for the commands


def unit_of(process: str) -> configparser.SectionProxy:
    """Return the [Service] of a process's unit; of a setting that stands there twice, the last."""
    (path,) = [unit for unit in SERVICES if re.match(rf"c3portal-{process}[@.]", unit.name)]
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path)
    return parser["Service"]


@pytest.mark.parametrize("process", PROCESSES)
def test_containers_and_units_run_what_the_procfile_says(process: str, services: dict[str, Any]) -> None:
    assert containers.command(services[process]) == ["python", "-m", "c3portal.processes.start", process]
    assert unit_of(process)["ExecStart"] == f"/opt/c3portal/.venv/bin/python -m c3portal.processes.start {process}"
    assert start.command_of(process) == parse_procfile((BASE_DIR / "Procfile").read_text()).processes[process]


def test_a_process_that_there_is_not_is_named() -> None:
    with pytest.raises(SystemExit, match="no process 'wev'; it has web, worker, beat"):
        start.command_of("wev")


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_has_the_same_time_to_stop_everywhere(process: str, services: dict[str, Any]) -> None:
    assert seconds(services[process]["stop_grace_period"]) == seconds(unit_of(process)["TimeoutStopSec"])


def test_the_time_to_stop_covers_what_is_in_flight(services: dict[str, Any]) -> None:
    assert seconds(services["worker"]["stop_grace_period"]) > CELERY_TASK_TIME_LIMIT
    (graceful,) = re.findall(r"--graceful-timeout (\d+)", start.command_of("web"))
    assert 60 < int(graceful) < seconds(services["web"]["stop_grace_period"])


def test_what_a_unit_writes_to_is_made_by_the_installation() -> None:
    install = (OPERATIONS / "install.md").read_text().partition("## Without containers")[2].partition("\n## ")[0]
    made = re.findall(r"^install -d -o c3portal -g c3portal -m 700 (\S+)$", install, re.MULTILINE)
    units = [configparser.ConfigParser(strict=False, interpolation=None) for _ in SERVICES]
    for parser, path in zip(units, SERVICES, strict=True):
        parser.read(path)
    written = {folder for each in units for folder in each["Service"].get("ReadWritePaths", "").split()}
    assert written
    assert written <= set(made)


# Hardening


def test_every_container_is_shut_in(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name


def test_no_container_of_the_portal_gains_anything_back(services: dict[str, Any]) -> None:
    for name in ("migrate", "backup", *PROCESSES):
        assert "cap_add" not in services[name], name
        assert "user" not in services[name], name
    assert containers.image_says("USER") == "10001:10001"


def test_only_the_proxy_can_be_reached_from_outside(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    for name in ("postgres", "valkey"):
        assert services[name]["networks"] == ["inside"], name
    assert "inside" not in services["proxy"]["networks"]


def test_images_are_pinned(services: dict[str, Any]) -> None:
    foreign = [service["image"] for service in services.values() if "build" not in service]
    bases = [rest.split()[0] for stage in containers.dockerfile() for name, rest in stage if name == "FROM"]
    for image in foreign + bases:
        assert re.search(r":\d+\.\d+(\.\d+)?-", image), image
    assert len(set(bases)) == 1


def test_web_and_worker_share_the_folder_of_files_to_be_imported(services: dict[str, Any]) -> None:
    state = containers.image_environment()["VAR_DIR"]
    shared = f"imports:{state}/imports"
    holders = {name for name, service in services.items() if shared in service.get("volumes", [])}
    assert holders == {"web", "worker"}
    # A fresh volume belongs to whom the folder in the image belongs to.
    (made,) = [rest for name, rest in containers.dockerfile()[-1] if name == "RUN" and "install --directory" in rest]
    assert f"{state}/imports" in made
    folders = {unit_of(name)["Environment"].split()[0] for name in ("web", "worker")}
    assert folders == {f"VAR_DIR={state}"}


def test_backups_are_made_by_tools_of_the_servers_version(services: dict[str, Any]) -> None:
    (tools,) = [rest for name, rest in containers.dockerfile()[-1] if name == "RUN" and "apt-get install" in rest]
    major = re.findall(r"postgresql-client-(\d+)", tools)
    assert major == re.findall(r"^postgres:(\d+)", services["postgres"]["image"])
    assert services["backup"]["command"] == unit_of("backup")["ExecStart"].split()[2:]


def test_the_broker_keeps_its_messages(services: dict[str, Any]) -> None:
    written = [line.strip() for line in services["valkey"]["command"][-1].splitlines()]
    assert {"maxmemory-policy noeviction", "appendonly yes", 'save ""'} <= set(written)


def test_the_broker_asks_for_its_password(services: dict[str, Any]) -> None:
    password = containers.FILLED_IN["VALKEY_PASSWORD"]
    assert 'requirepass "$VALKEYCLI_AUTH"' in services["valkey"]["command"][-1]
    assert services["valkey"]["environment"]["VALKEYCLI_AUTH"] == password
    assert f":{password}@valkey:" in services["web"]["environment"]["CELERY_BROKER_URL"]


def test_no_secret_stands_in_a_command_line(services: dict[str, Any]) -> None:
    for name, service in services.items():
        written = json.dumps([service.get("command"), service.get("entrypoint"), service.get("healthcheck")])
        assert not [secret for secret in containers.FILLED_IN.values() if secret in written], name


def test_a_container_has_no_secret_that_it_has_no_use_for(services: dict[str, Any]) -> None:
    """What a container has is .env, as far as it is given that, and over it its own environment."""
    webs_alone = {
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
        "METRICS_TOKEN",
        "PORTAL_ADMIN_PASSWORD",
        "OIDC_CLIENT_SECRET",
    }
    useless = {
        "postgres": {"VALKEY_PASSWORD", "SECRET_KEY", "ENCRYPTION_KEYS", "METRICS_TOKEN", "PORTAL_ADMIN_PASSWORD"},
        "valkey": {"POSTGRES_PASSWORD", "SECRET_KEY", "ENCRYPTION_KEYS", "METRICS_TOKEN", "PORTAL_ADMIN_PASSWORD"},
        "proxy": set(containers.FILLED_IN) | {"METRICS_TOKEN", "EMAIL_URL"},
        "web": {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"},
        "migrate": {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"},
        "backup": webs_alone,
        "worker": webs_alone,
        "beat": webs_alone | {"EMAIL_URL"},
    }
    assert services.keys() == useless.keys()
    for name, service in services.items():
        whole = dict.fromkeys(useless[name], "given") if "env_file" in service else {}
        has = {
            each for each, value in (whole | service.get("environment", {})).items() if value not in ("", "kept-by-web")
        }
        own = {"POSTGRES_PASSWORD"} if name == "postgres" else set()
        assert not has & (useless[name] - own), name


def test_the_image_holds_no_secret_and_no_test(tmp_path: Path) -> None:
    assert not {"SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL"} & containers.image_environment().keys()
    held = {path.name for path in containers.stage(tmp_path / "app").rglob("*")}
    assert {"manage.py", "Procfile", "base.html", "portal.css", *PACKAGES} <= held
    assert not held & {"xero_sandbox", "c3_sandbox", "bench"}
    assert not held & {"tests", "testing.py", ".env", "var", "conftest.py", ".git"}


# The example of the settings


def test_a_portal_with_the_examples_settings_has_nothing_left_to_secure() -> None:
    done = run(sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **example_portal())
    assert done.returncode == 0, done.stderr
    assert "System check identified no issues (0 silenced)." in done.stdout + done.stderr


def example_portal(**changed: str) -> dict[str, str]:
    """Return what a process of compose.yaml finds in its environment with the example's settings."""
    example = containers.example()
    return {**example, **containers.compose(example)["web"]["environment"], "ENV_FILE": os.devnull, **changed}


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"MFA_REQUIRED_FOR": "System Admn"}, "MFA_REQUIRED_FOR names 'System Admn', which is no role."),
        ({"OIDC_ISSUER": "https://login.microsoftonline.com/common/v2.0"}, "people of every organisation sign in"),
    ],
    ids=["misspelt role", "everyone's sign-in"],
)
@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_starts_with_a_mistake_in_the_settings(process: str, mistake: dict[str, str], message: str) -> None:
    company = {"OIDC_CLIENT_ID": "portal", "OIDC_CLIENT_SECRET": "a secret"}
    done = run(sys.executable, "-m", "c3portal.processes.start", process, **example_portal(**company, **mistake))
    assert done.returncode == 1
    assert f"{process} does not start, since the settings are wrong." in done.stderr
    assert message in done.stderr
    assert "waits" not in done.stderr


def test_a_file_of_settings_is_read_with_blanks_in_its_values(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    given = {**example_portal(), "MFA_REQUIRED_FOR": "System Admin,Finance Admin"}
    file.write_text("".join(f"{name}={value}\n" for name, value in given.items() if name != "ENV_FILE"))
    command = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = run(sys.executable, *command, ENV_FILE=str(file))
    assert done.returncode == 0, done.stderr


READERS = {
    "c3portal/settings.py": r"(?:env\.\w+|secret)\(\s*\"([A-Z_]+)\"",
    "c3portal/telemetry/log_config.py": r"env\.\w+\(\"([A-Z_]+)\"",
    "Procfile": r"\$\{([A-Z_]+)",
    "compose.yaml": r"\$\{([A-Z_]+)",
    "deploy/Caddyfile": r"\{\$([A-Z_]+)",
}


def read_by(path: str) -> set[str]:
    """Return the variables that a file reads."""
    return set(re.findall(READERS[path], (BASE_DIR / path).read_text()))


@pytest.mark.parametrize("path", READERS)
def test_every_variable_that_is_read_is_explained(path: str) -> None:
    table = (OPERATIONS / "settings.md").read_text()
    cells = " ".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `"))
    explained = set(re.findall(r"`([A-Z_]+)`", cells))
    # The waits and time-outs around Xero share a row.
    left = {name for name in read_by(path) - explained if not ("`XERO_…`" in cells and name.startswith("XERO_"))}
    assert read_by(path)
    assert left == set()


def test_the_examples_name_every_variable_of_the_portal() -> None:
    examples = "".join((BASE_DIR / name).read_text() for name in (".env.example", "deploy/env.example"))
    named = set(re.findall(r"^#?([A-Z_]+)=", examples, re.MULTILINE))
    of_trials = {name for name in read_by("c3portal/settings.py") if name.startswith("XERO_")} | {"SWEEP_EVERY"}
    assert read_by("c3portal/settings.py") | read_by("Procfile") <= named | of_trials | {"ENV_FILE", "BEAT_PIDFILE"}


def test_every_setting_of_the_example_is_one() -> None:
    texts = [
        (BASE_DIR / name).read_text()
        for name in ("c3portal/settings.py", "Procfile", "compose.yaml", "deploy/Caddyfile")
    ]
    unknown = [name for name in containers.example() if not any(name in text for text in texts)]
    assert unknown == []
