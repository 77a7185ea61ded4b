"""Nothing that a real run writes or shows holds a secret: processes, files, pages, mails and addresses are searched.

A portal of its own is brought up on a database file, with web, worker and broker as processes that log at DEBUG. Every
secret in it is a canary. The main job is done, faults and a lost connection included, every page is opened, and then
all that was written is searched for the canaries.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import Fernet
from django.db import connection

from c3portal.testing import (
    BASE_DIR,
    BeatProcess,
    BrokerServer,
    PortalProcess,
    WorkerProcess,
    answers,
    wait_until,
)
from c3portal.tests.addresses import every_address
from c3portal.tests.receivers import MailServer, mail_server
from invoices.tests.pages import ready_form
from operations.demo import SAMPLE_DATA
from xero_integration.tests.consent_walk import answer_consent
from xero_sandbox.testing import SandboxControl, free_port

EMAIL = "admin@contoso.example"
PASSWORD = "canary-password-which-nobody-guesses"
TOTP = "CANARYTOTPSECRETCANARYTOTPSECRET"
WEBHOOK = "whsec_Y2FuYXJ5LW9mLXRoZS13ZWJob29r"
RECOVERY_CODE = "canary-recovery-code"
MAIL_PASSWORD = "canary-password-at-the-mail-server"
METRICS_TOKEN = "canary-token-for-the-figures"
COMPANY_SECRET = "canary-secret-at-the-company"
REPORTS_KEY = "canarykeyoferrorreports"
SECRET_KEY = "canary-secret-key-which-signs-the-sessions-of-this-run"
ENCRYPTION_KEY = Fernet.generate_key().decode()
SETUP = """
import sys, json
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from c3portal.models import User, Webhook
from c3portal.encryption.cipher import cipher
given = json.load(sys.stdin)
user = User.objects.create_user(given["email"], given["password"], role="System Admin")
EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
kept = {name: cipher().encrypt(given[name].encode()).decode() for name in ("totp", "recovery_code")}
Authenticator.objects.create(user=user, type="totp", data={"secret": kept["totp"]})
Authenticator.objects.create(user=user, type="recovery_codes", data={"migrated_codes": [kept["recovery_code"]]})
Webhook.objects.create(url="https://hooks.invalid/", secret=given["webhook"])
"""


@dataclass
class Run:
    """A portal that runs, the browser in it, and what both came by."""

    folder: Path
    url: str
    environment: dict[str, str]
    mails: MailServer
    browser: requests.Session = field(default_factory=requests.Session)
    shown: list[str] = field(default_factory=list)
    canaries: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "var" / "portal.sqlite3"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self._keep(self.browser.get(f"{self.url}{path}", timeout=60, **more))

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> requests.Response:
        headers = {"X-CSRFToken": self.browser.cookies.get("csrftoken") or "", "Referer": self.url}
        return self._keep(self.browser.post(f"{self.url}{path}", data, headers=headers, timeout=60, **more))

    def _keep(self, answer: requests.Response) -> requests.Response:
        for each in (*answer.history, answer):
            self.shown += [each.url, each.headers.get("Location", ""), each.text]
        return answer

    def mail_with(self, words: str) -> str:
        """Return the text of the first mail that has these words."""
        return next(text for mail in self.mails.mails if words in (text := mail.get_content()))

    def has_mail(self, words: str) -> bool:
        return any(words in mail.get_content() for mail in self.mails.mails)

    def manage(self, *words: str, stdin: str = "") -> None:
        with (self.folder / "manage.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "manage.py", *words],
                env=self.environment,
                cwd=BASE_DIR,
                input=stdin.encode(),
                stdout=log,
                stderr=subprocess.STDOUT,
                check=True,
            )

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.database, timeout=20) as database:
            return list(database.execute(question, values))

    def note_tokens(self) -> None:
        """Add the tokens that are stored now to the canaries."""
        for pair in self.ask("SELECT access_token, refresh_token FROM xero_integration_tokenset"):
            for kind, stored in zip(("access token", "refresh token"), pair, strict=True):
                text = Fernet(ENCRYPTION_KEY).decrypt(stored.encode()).decode()
                self.canaries[f"{kind} {text[-6:]}"] = text


@pytest.fixture
def run(transactional_db: None, sandbox: SandboxControl, tmp_path: Path) -> Iterator[Run]:
    """A portal with web, worker and broker of its own, and a System Admin with a second factor."""
    var, port = tmp_path / "var", free_port()
    url = f"http://localhost:{port}"
    var.mkdir()
    with mail_server() as mails:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "c3portal.tests.settings",
            "TEST_VAR_DIR": str(var),
            "TEST_DATABASE_URL": f"sqlite:///{var / 'portal.sqlite3'}",
            "TEST_PORTAL_URL": url,
            "TEST_XERO_URL": sandbox.url,
            "TEST_SECRET_KEY": SECRET_KEY,
            "TEST_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "TEST_LOG_LEVEL": "DEBUG",
            "TEST_SENTRY_DSN": f"http://{REPORTS_KEY}@localhost:9/1",
            "EMAIL_URL": f"smtp://portal:{MAIL_PASSWORD}@localhost:{mails.port}",
            "METRICS_TOKEN": METRICS_TOKEN,
            "OIDC_ISSUER": "http://localhost:9",
            "OIDC_CLIENT_ID": "the-portal",
            "OIDC_CLIENT_SECRET": COMPANY_SECRET,
            "XERO_LOOK_AFTER": "0",
            "XERO_SETTLES_AFTER": "0",
            "XERO_RETRY_AFTER": "1",
            "SWEEP_EVERY": "1",
            "PORT": str(port),
            "WEB_PROCESSES": "1",
            # A log of every address that is asked for, which is searched too.
            "GUNICORN_CMD_ARGS": "--access-logfile -",
        }
        it = Run(tmp_path, url, environment, mails)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(it.database)])
        given = {"email": EMAIL, "password": PASSWORD, "totp": TOTP, "webhook": WEBHOOK, "recovery_code": RECOVERY_CODE}
        it.manage("shell", "-c", SETUP, stdin=json.dumps(given))
        # As long as someone has the database open, its write-ahead log stays.
        with processes(it), closing(sqlite3.connect(it.database)) as held:
            held.execute("SELECT 1 FROM django_session").fetchall()
            yield it


@contextmanager
def processes(run: Run) -> Iterator[None]:
    """Broker, web, worker and scheduler while the block runs."""
    with ExitStack() as running:
        broker = BrokerServer(run.folder / "var")
        broker.start()
        running.callback(broker.stop)
        running.enter_context(PortalProcess("web", run.environment, run.folder / "web.log"))
        worker = WorkerProcess(run.environment, run.folder / "worker.log")
        running.callback(worker.stop)
        beat = BeatProcess(run.environment, run.folder / "beat.log")
        running.callback(beat.stop)
        wait_until(lambda: answers(f"{run.url}/health/live"), "The portal answers")
        yield


# The job


def sign_in(run: Run) -> None:
    run.get("/accounts/login/")
    run.post("/accounts/password/reset/", {"email": EMAIL})
    run.post("/accounts/login/", {"login": EMAIL, "password": "a wrong password"})
    run.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    answer = run.post("/accounts/login/second-factor/", {"code": RECOVERY_CODE})
    assert "Download Invoice/Payments" in answer.text
    run.post("/accounts/logout/")
    run.post("/accounts/oidc/company/login/")
    run.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    code = format_hotp_value(hotp_value(TOTP, int(time.time()) // 30))
    answer = run.post("/accounts/login/second-factor/", {"code": code})
    assert "Download Invoice/Payments" in answer.text
    run.canaries["session id"] = run.browser.cookies["sessionid"]


def invite(run: Run) -> None:
    """Invite someone, and keep what this mail and the one about a new password lead to."""
    run.post("/settings/users/invite/", {"email": "anna@contoso.example", "role": "System Reader"})
    for what, words in (("invitation token", "/accounts/invitation/"), ("password-reset key", "/password/reset/key/")):
        wait_until(partial(run.has_mail, words), f"The mail with the {what}")
        (run.canaries[what],) = re.findall(rf"{words}(\S+)/", run.mail_with(words))


def roll_the_secret(run: Run) -> None:
    ((webhook,),) = run.ask("SELECT id FROM c3portal_webhook")
    answer = run.post(f"/settings/webhooks/{webhook}/secret/")
    (run.canaries["webhook's new secret"],) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.text))


def read_the_figures(run: Run) -> None:
    assert "# HELP" in run.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).text


def connect(run: Run, sandbox: SandboxControl) -> None:
    app = sandbox.ensure_app("C3 portal", [f"{run.url}/"])
    run.canaries["client secret"] = app["client_secret"]
    pair = f"{app['client_id']}:{app['client_secret']}"
    run.canaries["client secret as it is sent"] = base64.b64encode(pair.encode()).decode()
    codes = {"license_account_code": "4010", "azure_account_code": "4020", "custom_account_code": "4030"}
    policy = {"invoice_status": "AUTHORISED", "difference_policy": "block", "difference_limit": "0.05"}
    run.post("/settings/general/", {**app, **codes, **policy})
    consent = run.post("/xero/connect/", allow_redirects=False).headers["Location"]
    back = answer_consent(consent)
    assert "Connected to" in run.get(back.removeprefix(run.url)).text
    run.note_tokens()


def import_state(run: Run) -> str:
    ((state,),) = run.ask("SELECT state FROM invoices_importrun")
    return str(state)


def upload(run: Run, sandbox: SandboxControl) -> None:
    """Post a period, through an access token that ran out, a refused one, and a lost answer."""
    (path,) = SAMPLE_DATA.glob("*20260918.csv")
    with path.open("rb") as file:
        answer = run.post("/invoices/import/", files={"file": (path.name, file)})
    assert re.search(r"/invoices/import/\d+/$", answer.url), f"{answer.status_code} at {answer.url}\n{answer.text}"
    wait_until(lambda: import_state(run) == "ready", "A worker has looked through the file")
    run.post(f"{answer.url.removeprefix(run.url)}start/")
    wait_until(lambda: import_state(run) == "imported", "The file is imported")
    for name in ("401", "500_before", "commit_then_drop"):
        sandbox.place_fault(name, method="POST", path="Invoices")
    run.ask("UPDATE xero_integration_tokenset SET access_expires_at = '2026-01-01 00:00:00'")
    page = run.post("/invoices/upload/", {"period": "20260918", "all": "1"})
    run.post(*ready_form(page.text))

    def all_posted() -> bool:
        run.note_tokens()
        return run.ask("SELECT COUNT(*) FROM invoices_posting WHERE status != 'posted'") == [(0,)]

    wait_until(all_posted, "Everything is in Xero")
    assert run.ask("SELECT COUNT(*) FROM invoices_posting") == [(120,)]


def lose_the_connection(run: Run, sandbox: SandboxControl) -> None:
    (client_id,) = run.ask("SELECT client_id FROM xero_integration_xerosettings")[0]
    sandbox.revoke_tokens(client_id)
    run.post("/xero/refresh/")
    assert run.ask("SELECT status FROM xero_integration_xeroconnection") == [("needs_reconnecting",)]


def open_every_page(run: Run) -> int:
    """Open every address, with rows that there are, and return how many pages were shown."""
    (invoice,) = run.ask("SELECT id FROM invoices_invoice")[0]
    given = {"int": "1", "uuid": str(invoice), "str": "invoices"}
    shown = 0
    for address in every_address():
        path = address.path(**{name: given.get(kind, "x") for name, kind in address.parts})
        shown += run.get(f"{path}?period=20260918").ok
    return shown


def meet_an_error(run: Run) -> None:
    """Ask for a page whose secret no key reads."""
    (kept,) = run.ask("SELECT client_secret FROM xero_integration_xerosettings")[0]
    run.ask("UPDATE xero_integration_xerosettings SET client_secret = 'nothing that a key wrote'")
    assert run.get("/settings/general/").status_code == 500
    run.ask("UPDATE xero_integration_xerosettings SET client_secret = ?", kept)


# The search


def written(run: Run) -> dict[str, bytes]:
    """Return everything that the run wrote or showed, by where."""
    # Whatever is read from the database now stays where it is until the last file is read.
    with closing(sqlite3.connect(run.database, isolation_level=None)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT 1 FROM django_session").fetchall()
        files = {str(path.relative_to(run.folder)): path for path in run.folder.rglob("*") if path.is_file()}
        found = {name: content(path) for name, path in files.items()}
    found["pages and their addresses"] = "\n".join(run.shown).encode()
    found["mails"] = "\n".join(str(mail) for mail in run.mails.mails).encode()
    return found


def content(path: Path) -> bytes:
    """Return what is in a file, read by another process: whoever closes a file of SQLite's gives up all that its own
    process has locked in it."""
    return subprocess.run(["cat", path], capture_output=True).stdout


def forms(secret: str) -> set[bytes]:
    """Return the secret as it may be written: itself, quoted in an address, escaped in JSON, in Base64."""
    plain = base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    return {each.encode() for each in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], plain)}


# Where a secret may be.
BELONGS = {
    # A row's key in the table of sessions, and of the list of signed-in places.
    "session id": "var/portal.sqlite3",
    "invitation token": "mails",
    "password-reset key": "mails",
    # Shown once.
    "webhook's new secret": "pages",
}


def leaks(canaries: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Return which secret is in clear where."""
    return [
        f"{what} in {where}"
        for what, secret in canaries.items()
        for where, content in places.items()
        if any(form in content for form in forms(secret)) and not where.startswith(BELONGS.get(what, ()))
    ]


@pytest.mark.whole
def test_no_secret_is_in_anything_that_a_run_writes_or_shows(run: Run, sandbox: SandboxControl) -> None:
    run.canaries |= {"password": PASSWORD, "TOTP secret": TOTP, "webhook secret": WEBHOOK, "SECRET_KEY": SECRET_KEY}
    run.canaries |= {"ENCRYPTION_KEYS": ENCRYPTION_KEY, "recovery code": RECOVERY_CODE, "METRICS_TOKEN": METRICS_TOKEN}
    run.canaries |= {"EMAIL_URL": MAIL_PASSWORD, "OIDC_CLIENT_SECRET": COMPANY_SECRET, "SENTRY_DSN": REPORTS_KEY}
    sign_in(run)
    invite(run)
    roll_the_secret(run)
    read_the_figures(run)
    connect(run, sandbox)
    upload(run, sandbox)
    assert open_every_page(run) > 40
    run.manage("backup", str(run.folder / "backups"))
    lose_the_connection(run, sandbox)
    meet_an_error(run)
    run.get("/settings/general/")

    assert run.mails.mails
    assert len([name for name in run.canaries if "token" in name]) >= 4
    places = written(run)
    assert {"web.log", "worker.log", "manage.log", "var/portal.sqlite3", "var/portal.sqlite3-wal"} <= places.keys()
    assert any(name.startswith("backups/") for name in places)
    assert any("aof" in name for name in places)
    for name in ("web.log", "worker.log"):
        assert b"DEBUG" in places[name]
    assert leaks(run.canaries, places) == []

    # The search finds what is there: planted in the database, in a log, and in an address.
    theme = run.canaries["client secret"]
    run.ask("UPDATE xero_integration_xerosettings SET theme_name = ?", theme)
    run.get(f"/analyze/business/invoices/?q={quote(PASSWORD)}")
    web_log = run.folder / "web.log"
    wait_until(lambda: quote(PASSWORD, safe="").encode() in web_log.read_bytes(), "The request is logged")
    found = leaks(run.canaries, written(run))
    assert [each for each in found if each.startswith("client secret in var/portal.sqlite3")]
    assert "password in web.log" in found
    assert "password in pages and their addresses" in found
