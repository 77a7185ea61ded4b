"""What a fresh portal is shown with: users, an app in the Xero sandbox, a way into the C3 sandbox, billing periods."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from django.conf import settings

from c3_integration.models import C3Settings
from c3portal.audit.record import masked
from c3portal.launch.environment import write_private
from c3portal.models import User, roles
from invoices.importing.importer import import_file
from invoices.models import BillingPeriod, ImportRun, TaxOverride
from xero_integration import reference
from xero_integration.models import XeroSettings

SAMPLE_DATA = settings.BASE_DIR / "sample_data"
EMAILS = {
    roles.SYSTEM_ADMIN: "admin@contoso.example",
    roles.FINANCE_ADMIN: "finance@contoso.example",
    roles.SYSTEM_READER: "reader@contoso.example",
}
# Without the signs that are easily taken for one another.
PASSWORD_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105 - what they are made of
COMMAND = "manage.py setup_demo"
APP_NAME = "C3 portal"
ACCOUNT_CODES = {"license_account_code": "4010", "azure_account_code": "4020", "custom_account_code": "4030"}
THEME_NAME = "Cloud services"
# C3's lines name no tax, and the sandbox's organisation has several rates of 0 %: the one for sales, as in the sample.
TAX_WITHOUT_A_NAME = {"country": "", "tax_name": "", "percentage": Decimal(0)}
TAX_TYPE_WITHOUT_A_NAME = "EXEMPTOUTPUT"
C3_LABELS = {
    "api_url": "API address",
    "tenant_id": "Directory (tenant) ID",
    "client_id": "Client ID",
    "scope": "Scope",
    "resource": "Resource",
}


class SampleRefusedError(Exception):
    """A file of the sample data was not imported; `str(error)` says why."""


@dataclass(frozen=True)
class SignIn:
    """How someone signs in; `password` is a remark in brackets where it is not ours to show."""

    role: str
    email: str
    password: str


def people() -> list[SignIn]:
    """Make the missing users of EMAILS, and return how each signs in.

    Generated passwords are kept in var/sign-ins.
    """
    path = settings.VAR_DIR / "sign-ins"
    kept = dict(line.split() for line in path.read_text().splitlines()) if path.exists() else {}
    emails = EMAILS | ({roles.SYSTEM_ADMIN: settings.PORTAL_ADMIN_EMAIL} if settings.PORTAL_ADMIN_EMAIL else {})
    made = {email: kept.get(email) or _password() for email in emails.values()}
    if not made.items() <= kept.items():
        write_private(path, "".join(f"{email} {password}\n" for email, password in (kept | made).items()))
    return [_ensure(role, email, made[email]) for role, email in emails.items()]


def _ensure(role: str, email: str, password: str) -> SignIn:
    if role == roles.SYSTEM_ADMIN and settings.PORTAL_ADMIN_PASSWORD:
        shown, password = "(PORTAL_ADMIN_PASSWORD)", settings.PORTAL_ADMIN_PASSWORD
    else:
        shown = password
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        user = User.objects.create_user(email, password, role=role)
    return SignIn(role, email, shown if user.check_password(password) else "(the password you chose)")


def _password() -> str:
    return "-".join("".join(secrets.choice(PASSWORD_SIGNS) for _ in range(4)) for _ in range(4))


def periods(folder: Path = SAMPLE_DATA) -> int:
    """Import the missing billing periods of `folder`, and return how many. Raises SampleRefusedError.

    A file's name ends with the BillingId of its period.
    """
    there = set(BillingPeriod.objects.values_list("billing_id", flat=True))
    missing = [path for path in sorted(folder.glob("*.csv")) if path.stem.rpartition("-")[2] not in there]
    for path in missing:
        run = import_file(path, name=path.name, source=COMMAND)
        if run.state == ImportRun.State.REFUSED:
            raise SampleRefusedError(f"{path.name} was not imported: {run.reason or 'its rows are at fault.'}")
    return len(missing)


def facts() -> dict[str, Any]:
    """Return users, periods and settings as they stand, for the audit record."""
    people = {f"User {user.email}": roles.role_of(user) or "" for user in User.objects.all()}
    periods = {f"Billing period {each}": "there" for each in BillingPeriod.objects.all()}
    taxes = {f"Tax {tax}": tax_type for tax, tax_type in (each.as_text for each in TaxOverride.objects.all())}
    return people | periods | taxes | reference.facts(XeroSettings.load()) | _c3_facts(C3Settings.load())


def _c3_facts(row: C3Settings) -> dict[str, Any]:
    found = {f"C3: {label}": getattr(row, name) for name, label in C3_LABELS.items()}
    return found | {"C3: Client Secret": masked(row.client_secret)}


def sandbox_app() -> None:
    """Register the portal with the sandbox, and fill the empty fields of Settings → General.

    Raises requests.RequestException when the sandbox does not answer.
    """
    row = XeroSettings.load()
    app = _registered()
    # What a person filled in stays, unless the sandbox does not know that app.
    if row.client_id == app["client_id"] or not _is_taken_by_the_sandbox(row):
        row.client_id, row.client_secret = app["client_id"], app["client_secret"]
    for field, value in {**ACCOUNT_CODES, "theme_name": THEME_NAME}.items():
        setattr(row, field, getattr(row, field) or value)
    row.save()


def c3_sandbox() -> None:
    """Fill in Settings → Invoices from C3 with what the C3 sandbox hands out, and once the tax of 0 % without a name.

    Raises requests.RequestException when the sandbox does not answer.
    """
    row = C3Settings.load()
    is_first = not row.api_url
    answer = requests.get(f"{settings.C3_LOGIN_URL}/sandbox/credentials", timeout=10)
    answer.raise_for_status()
    given = answer.json()
    # What a person filled in stays. Of the sandbox's own, the port may have been moved or the secret made anew.
    if row.api_url not in ("", settings.C3_LOGIN_URL) and row.client_id != given["client_id"]:
        return
    wanted = {"api_url": settings.C3_LOGIN_URL, "tenant_id": given.pop("directory_id"), **given}
    if any(getattr(row, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(row, name, value)
        row.save()
    if is_first:
        TaxOverride.objects.get_or_create(**TAX_WITHOUT_A_NAME, defaults={"tax_type": TAX_TYPE_WITHOUT_A_NAME})


def _registered() -> dict[str, str]:
    """Return the client id and a new secret of the app APP_NAME, with our redirect URI."""
    body = {"name": APP_NAME, "redirect_uris": [f"{settings.PORTAL_URL}/"]}
    answer = requests.post(f"{settings.XERO_LOGIN_URL}/sandbox/apps", json=body, timeout=10)
    answer.raise_for_status()
    app: dict[str, str] = answer.json()
    return app


def _is_taken_by_the_sandbox(row: XeroSettings) -> bool:
    answer = requests.post(
        f"{settings.XERO_IDENTITY_URL}/connect/token",
        data={"grant_type": "refresh_token", "refresh_token": "none"},
        auth=(row.client_id, row.client_secret),
        timeout=10,
    )
    # As Xero tells: a known app that its grant is wrong, an unknown one that the client is.
    return row.has_app and "invalid_client" not in answer.text
