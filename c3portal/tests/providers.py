"""A real OpenID provider, a process of its own, and ways through it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import requests

from c3portal.testing import wait_until
from xero_sandbox.testing import free_port


class ProviderProcess:
    """The provider: knows people by subject, asks who one is, and signs ID tokens."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        self.url = f"http://localhost:{port}"
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "localhost"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        wait_until(self._answers, "The OpenID provider answers")

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/.well-known/openid-configuration", timeout=5).ok
        except requests.ConnectionError:
            assert self.process.poll() is None, "The OpenID provider did not start"
            return False

    def knows(self, subject: str, **claims: object) -> None:
        """Have it say `claims` about `subject`."""
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=5).raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def provider_process(folder: Path) -> Iterator[ProviderProcess]:
    """Run a provider for as long as the block lasts."""
    process = ProviderProcess(folder / "provider.log")
    try:
        yield process
    finally:
        process.stop()


class Person:
    """Someone with a browser that has no pictures: follows the portal to the provider and back, over real HTTP."""

    def __init__(self, portal: str) -> None:
        self.portal = portal
        self.http = requests.Session()

    def leave(self) -> str:
        """Press the button on the sign-in page; return the provider's address that one is sent to."""
        page = self.http.get(f"{self.portal}/accounts/login/", timeout=30).text
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
        answer = self.http.post(
            f"{self.portal}/accounts/oidc/company/login/", {"csrfmiddlewaretoken": token}, timeout=30
        )
        answer.raise_for_status()
        return unescape(re.findall(r'<a href="([^"]+response_type=code[^"]*)"', answer.text)[0])

    def authenticate(self, url: str, subject: str) -> str:
        """Say at the provider who one is; return the portal's address that one is sent back to."""
        answer = self.http.post(url, {"sub": subject}, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def come_back(self, url: str) -> requests.Response:
        """Return what the portal shows in the end."""
        return self.http.get(url, timeout=30)

    def sign_in(self, subject: str) -> requests.Response:
        """Go the whole way."""
        return self.come_back(self.authenticate(self.leave(), subject))

    @property
    def is_in(self) -> bool:
        """Whether the portal knows who this is."""
        answer = self.http.get(f"{self.portal}/account/", timeout=30)
        return urlsplit(answer.url).path == "/account/" and answer.ok
