"""The version stands in one place, and everything that tells it reads it there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from django.conf import settings

from c3portal import __version__
from c3portal.notifications import webhook_client
from c3portal.testing import BASE_DIR
from xero_integration.client import oauth

CHANGELOG = (BASE_DIR / "CHANGELOG.md").read_text()
# Where a second one could be written down.
KINDS = ("*.py", "*.toml", "*.yaml", "Dockerfile", "Makefile", "*.html")


def test_the_newest_release_of_the_changelog_is_this_one() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", CHANGELOG, re.MULTILINE)
    assert released[0] == __version__
    assert released == sorted(released, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
    assert CHANGELOG.index("## [Unreleased]") < CHANGELOG.index(f"## [{__version__}]")


def test_the_version_is_written_down_once() -> None:
    folders = ("c3portal", "xero_integration", "c3_integration", "invoices", "operations", "templates")
    files = [path for kind in KINDS for path in BASE_DIR.glob(kind)]
    files += [path for folder in folders for kind in KINDS for path in (BASE_DIR / folder).rglob(kind)]
    assert len(files) > 300
    holding = [str(path.relative_to(BASE_DIR)) for path in files if f'"{__version__}"' in path.read_text()]
    assert holding == ["c3portal/__init__.py"]


def test_who_deploys_need_not_name_the_version() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PORTAL_VERSION"} | {"DEBUG": "1"}
    ask = "from django.conf import settings; print(settings.PORTAL_VERSION)"
    environment |= {"DJANGO_SETTINGS_MODULE": "c3portal.settings", "ENV_FILE": os.devnull}
    done = subprocess.run([sys.executable, "-c", ask], cwd=BASE_DIR, env=environment, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (__version__, "")


def test_xero_and_receivers_of_webhooks_are_told_the_version() -> None:
    assert f"/{settings.PORTAL_VERSION}" in oauth.USER_AGENT
    assert webhook_client.USER_AGENT.endswith(f"/{settings.PORTAL_VERSION}")
