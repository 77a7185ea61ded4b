"""What Dockerfile, compose.yaml and deploy/env.example say, for tests to run it without a container engine.

`base` is the tree that the files are read from: this one, or the release before.
"""

from __future__ import annotations

import json
import re
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from c3portal.testing import BASE_DIR

FILLED_IN = {
    "SECRET_KEY": "a-secret-key-for-the-tests-which-signs-nothing-of-value",
    "ENCRYPTION_KEYS": "an-encryption-key-for-the-tests",
    "POSTGRES_PASSWORD": "passwordofthetests",
    "VALKEY_PASSWORD": "brokerpasswordofthetests",
    "PORTAL_ADMIN_EMAIL": "admin@contoso.example",
    "PORTAL_ADMIN_PASSWORD": "a password of the tests",
}


def example() -> dict[str, str]:
    """Return deploy/env.example as an administrator copies it: only what is blank there is filled in."""
    lines = (BASE_DIR / "deploy" / "env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value or FILLED_IN[name] for name, value in given.items()}


def dockerfile(base: Path = BASE_DIR) -> list[list[tuple[str, str]]]:
    """Return the stages of the Dockerfile, each as its instructions and what they say."""
    text = re.sub(r"\\\n", " ", (base / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    stages: list[list[tuple[str, str]]] = []
    for name, rest in lines:
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest))
    return stages


def image_says(instruction: str, base: Path = BASE_DIR) -> str:
    """Return what the image's own stage says for an instruction that it has once."""
    (value,) = [rest for name, rest in dockerfile(base)[-1] if name == instruction]
    return value


def image_environment(base: Path = BASE_DIR) -> dict[str, str]:
    """Return the variables that the image sets."""
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', image_says("ENV", base)))


def compose(env: dict[str, str], base: Path = BASE_DIR) -> dict[str, Any]:
    """Return the services of compose.yaml with the variables of `env` put in, as `docker compose` does."""

    def value(found: re.Match[str]) -> str:
        name, default = found["name"], found["default"]
        assert env.get(name) or default is not None, f"{name} is not in deploy/env.example"
        return env.get(name) or default

    text = (base / "compose.yaml").read_text()
    pattern = r"\$\{(?P<name>\w+)(:-(?P<default>[^}]*)|:\?[^}]*)?\}"
    services: dict[str, Any] = yaml.safe_load(re.sub(pattern, value, text).replace("$$", "$"))["services"]
    return services


def command(service: dict[str, Any], base: Path = BASE_DIR) -> list[str]:
    """Return what a service of the portal's image runs: the entry point and its arguments."""
    entry = service.get("entrypoint") or json.loads(image_says("ENTRYPOINT", base))
    return [*entry, *(service.get("command") or json.loads(image_says("CMD", base)))]


def health_command(service: dict[str, Any], base: Path = BASE_DIR) -> list[str]:
    """Return the health check of a service, its own or the image's."""
    if "healthcheck" in service:
        return list(service["healthcheck"]["test"][1:])
    return list(json.loads(image_says("HEALTHCHECK", base).partition("CMD")[2]))


def stage(folder: Path, base: Path = BASE_DIR) -> Path:
    """Copy into `folder` what the image holds of the project, by .dockerignore. Returns the folder."""
    lines = [line for line in (base / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    kept = [line[1:].rstrip("/") for line in lines if line.startswith("!")]
    left_out = [line.removeprefix("**/").rstrip("/") for line in lines if line.startswith("**/")]
    assert len(lines) == 1 + len(kept) + len(left_out)

    def ignored(_: str, names: list[str]) -> set[str]:
        return {name for name in names if any(fnmatch(name, pattern) for pattern in left_out)}

    folder.mkdir(parents=True)
    for name in kept:
        source = base / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name, **({"ignore": ignored} if source.is_dir() else {}))
    return folder
