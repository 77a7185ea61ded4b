"""Watches one call for violations of the rule: what may have been created is looked up before it is sent again."""

from typing import Any

from django.http import QueryDict

from xero_sandbox import wire
from xero_sandbox.api.answers import Answer
from xero_sandbox.api.document_types import KINDS
from xero_sandbox.api.filters import sought
from xero_sandbox.monitor.call_log import call_log

# Parameters that narrow a list, so that what is not in the answer may still exist.
NARROWING = ("IDs", "ContactIDs", "Statuses", "where", "searchTerm")


class ViolationMonitor:
    """What one call tells about its sender's care."""

    def __init__(self, method: str, resource: str, ident: str, tenant: str, key: str) -> None:
        self.writes = method in ("PUT", "POST")
        self.method, self.resource, self.ident = method, resource, ident
        self.tenant, self.key = tenant.lower(), key
        self.kind = KINDS.get(resource)
        self.numbers: list[str] = []
        self.listed_all = False
        self.creates_by_post = False

    def read_elements(self, body: Any) -> int:
        """Note which numbers the body carries and return how many elements it has."""
        found = body.get(self.resource, body) if isinstance(body, dict) else body
        elements = [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]
        if self.kind:
            field, id_field = self.kind.number_field, self.kind.id_field
            self.numbers = [str(item[field]) for item in elements if item.get(field)]
            self.creates_by_post = (
                self.method == "POST" and not self.ident and not all(item.get(id_field) for item in elements)
            )
        return len(elements)

    def before(self, query: QueryDict, modified_since: str) -> None:
        """Note the violations that show before anything is done, and what a reader looks for."""
        if self.writes:
            self._check_write()
        elif self.kind:
            self._note_lookup(query, modified_since)

    def _check_write(self) -> None:
        if not self.key:
            call_log.violation("missing_idempotency_key", f"{self.method} {self.resource}")
        if self.creates_by_post:
            call_log.violation("create_by_post", f"{self.resource}: {', '.join(self.numbers[:5])}")
        call_log.check_resend(self.tenant, self.resource, self.numbers, self.key)

    def _note_lookup(self, query: QueryDict, modified_since: str) -> None:
        field = self.kind.number_field if self.kind else ""
        listed = [part.strip() for text in query.getlist(f"{field}s") for part in text.split(",")]
        self.numbers = [*listed, *sought(query.get("where", ""), field), *([self.ident] if self.ident else [])]
        narrowed = modified_since or any(query.get(name) for name in NARROWING)
        self.listed_all = not self.numbers and not narrowed

    def after(self, answer: Answer, in_doubt: bool) -> None:
        """Remember that the sender cannot know how it ended, or forget it when the answer told."""
        if in_doubt:
            self.doubt()
        elif self.kind and answer.status in (200, 404):
            self._settle(answer)

    def doubt(self) -> None:
        """Remember what the sender cannot know."""
        if self.kind and self.writes:
            call_log.doubt(self.tenant, self.resource, self.numbers, self.key)

    def _settle(self, answer: Answer) -> None:
        if self.listed_all:
            call_log.settle(self.tenant, self.resource, None)
            return
        call_log.settle(self.tenant, self.resource, [*self.numbers, *self._shown(answer)])

    def _shown(self, answer: Answer) -> list[str]:
        """Numbers that an answer to a narrowed list shows were seen as well."""
        if self.writes or self.numbers or self.kind is None or answer.status != 200:
            return []
        items = wire.decode(answer.body).get(self.resource, [])
        return [str(item.get(self.kind.number_field)) for item in items]
