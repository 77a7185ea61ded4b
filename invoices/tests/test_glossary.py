"""One word, one thing: what pages call states, causes and steps is in docs/glossary.md."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from django.db.models import Choices

from c3_integration.models import C3Fetch
from c3portal.testing import BASE_DIR
from invoices.attention import causes
from invoices.contacts import link_statuses
from invoices.models import DuplicateDecision, ImportFinding, ImportRun
from invoices.models.statuses import ChangeStatus, PostingStatus
from invoices.readback.states import XeroState
from invoices.selection.selection import STATES
from xero_integration.models import XeroConnection
from xero_integration.models.connections import DifferencePolicy, InvoiceStatus

CHOICES: tuple[type[Choices], ...] = (
    PostingStatus,
    ChangeStatus,
    XeroState,
    InvoiceStatus,
    XeroConnection.Status,
    DifferencePolicy,
    ImportRun.State,
    ImportFinding.Kind,
    DuplicateDecision.Decision,
    C3Fetch.State,
)


def words() -> set[str]:
    """Return the words of the section on pages and mails."""
    section = (BASE_DIR / "docs" / "glossary.md").read_text().partition("## Words on pages and in mails")[2]
    rows = re.findall(r"^\| (.+?) \|", section.partition("\n## ")[0], re.MULTILINE)
    return {word.strip() for row in rows for word in row.split(", ")}


@pytest.mark.parametrize(
    "labels",
    [
        *([str(label) for label in choices.labels] for choices in CHOICES),
        [label for label in STATES.values() if label != "All"],
        [label for label, _ in causes.CHIPS.values()],
        list(link_statuses.LABELS.values()),
    ],
    ids=lambda labels: labels[0],
)
def test_every_state_and_cause_is_in_the_glossary(labels: Iterable[str]) -> None:
    assert set(labels) <= words()
