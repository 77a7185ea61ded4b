"""Each kind of change and its rule."""

from __future__ import annotations

from invoices.changes import allocations, approval, mailing, status_moves, updates
from invoices.changes.rules import Rule
from invoices.models import ChangeCall, DocumentChange, DocumentType
from invoices.models.statuses import ChangeKind
from invoices.posting.responses import KINDS, Kind

RULES: dict[ChangeKind, Rule] = {
    ChangeKind.DELETE: status_moves.DELETE,
    ChangeKind.VOID: status_moves.VOID,
    ChangeKind.APPROVE: approval.APPROVE,
    ChangeKind.SEND: mailing.SEND,
    ChangeKind.ALLOCATE: allocations.ALLOCATE,
    ChangeKind.UPDATE: updates.UPDATE,
}


def rule_of(row: ChangeCall | DocumentChange) -> Rule:
    """Return the rule of its kind of change."""
    return RULES[ChangeKind(row.kind)]


def document_kind(row: ChangeCall | DocumentChange) -> Kind:
    """Return its kind of document."""
    return KINDS[DocumentType(row.document_type)]
