"""What has to be set before a month of invoices can be posted: the first run's checklist."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from c3_integration.models import C3Settings
from invoices.models import BillingPeriod, ImportRun, Posting, TrialDraft
from xero_integration.models import XeroConnection, XeroSettings


@dataclass(frozen=True)
class Task:
    """One line of the checklist: `url` is the page where it is done, or what its button posts to; `is_admins` where
    only a System Admin may, `is_optional` where invoices are posted without it too."""

    name: str
    words: str
    is_done: bool
    url: str
    button: str
    is_admins: bool = False
    is_posted: bool = False
    is_optional: bool = False


def tasks(connection: XeroConnection | None) -> list[Task]:
    """Return the checklist; its questions are asked until invoices were posted once."""
    app = XeroSettings.load()
    missing = app.missing()
    general, invoices = reverse("settings_general"), reverse("invoice_list")
    has_source = C3Settings.load().is_complete or ImportRun.objects.exists()
    return [
        Task("Xero app", "Client ID and secret.", bool(app.client_id), general, "Open Settings → General", True),
        Task(
            "Organisation",
            "Whose books the invoices go to.",
            connection is not None,
            reverse("xero_connect") if app.client_id and connection is None else f"{invoices}#connect",
            "Connect to Xero" if connection is None else "See the connection",
            is_posted=bool(app.client_id) and connection is None,
        ),
        Task(
            "Accounts",
            f"Missing: {', '.join(missing)}." if missing else "One for each kind of SKU.",
            not missing,
            general,
            "Choose accounts",
            True,
        ),
        Task("Source of invoices", "C3, or a file of lines.", has_source, reverse("import_invoices"), "Import a file"),
        Task(
            "Taxes",
            "How the invoices' taxes are called in Xero.",
            connection is not None and BillingPeriod.objects.exists(),
            reverse("tax_overrides"),
            "See taxes",
        ),
        Task(
            "Contacts", "Which customer is which contact.", connection is not None, reverse("contacts"), "See contacts"
        ),
        Task(
            "Test",
            "Posts one draft for a test contact, shows it, and deletes it again.",
            connection is not None and _was_tried(connection),
            reverse("test_draft"),
            "Post a test draft",
            is_optional=True,
        ),
    ]


def _was_tried(connection: XeroConnection) -> bool:
    return TrialDraft.objects.filter(connection=connection, state=TrialDraft.State.DELETED).exists()


def is_first_run() -> bool:
    """Return whether the checklist takes the place of the figures: nothing was posted yet."""
    return not Posting.objects.exists()
