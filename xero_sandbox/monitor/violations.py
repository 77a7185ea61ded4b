"""Watches one call for violations of the rule: what may have been done is looked up before it is sent again."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from xero_sandbox import wire
from xero_sandbox.api.answers import Answer
from xero_sandbox.api.document_types import KINDS
from xero_sandbox.api.filters import sought
from xero_sandbox.monitor.call_log import call_log

# Parameters that narrow a list, so that what is not in the answer may still exist.
NARROWING = ("IDs", "ContactIDs", "Statuses", "where", "searchTerm")
WRITES = ("PUT", "POST", "DELETE")


class ViolationMonitor:
    """What one call tells about its sender's care. A document is named by its id where the call has one, else by its
    number; what is done to a document in a call of its own (a mail, an allocation) is in doubt under its id too."""

    def __init__(self, method: str, resource: str, ident: str, tenant: str, key: str) -> None:
        self.writes = method in WRITES
        self.method, self.resource, self.ident = method, resource, ident
        self.tenant, self.key = tenant.lower(), key
        self.kind = KINDS.get(resource)
        self.names: list[str] = [_as_name(ident)] if ident and self.kind else []
        self.listed_all = False
        self.creates_by_post = False

    def read_elements(self, body: Any) -> int:
        """Note which documents the body is about and return how many elements it has."""
        found = body.get(self.resource, body) if isinstance(body, dict) else body
        elements = [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]
        if self.kind and not self.ident:
            self.names = [name for item in elements if (name := self._name(item))]
            id_field = self.kind.id_field
            self.creates_by_post = self.method == "POST" and not all(item.get(id_field) for item in elements)
        return len(elements)

    def _name(self, element: Mapping[str, Any]) -> str:
        if self.kind is None:
            return ""
        changes = self.method == "POST" and element.get(self.kind.id_field)
        return _as_name(str(element.get(self.kind.id_field if changes else self.kind.number_field) or ""))

    def before(self, query: QueryDict, modified_since: str) -> None:
        """Note the violations that show before anything is done, and what a reader looks for."""
        if self.writes:
            self._check_write()
        elif self.kind:
            self._note_lookup(query, modified_since)

    def _check_write(self) -> None:
        if not self.key and self.method != "DELETE":
            call_log.violation("missing_idempotency_key", f"{self.method} {self.resource}")
        if self.creates_by_post:
            call_log.violation("create_by_post", f"{self.resource}: {', '.join(self.names[:5])}")
        call_log.check_resend(self.tenant, self.resource, self.names, self.key)

    def _note_lookup(self, query: QueryDict, modified_since: str) -> None:
        field = self.kind.number_field if self.kind else ""
        listed = [_as_name(part) for name in (f"{field}s", "IDs") for part in _parts(query, name)]
        self.names += [*listed, *sought(query.get("where", ""), field)]
        narrowed = modified_since or any(query.get(name) for name in NARROWING)
        self.listed_all = not self.names and not narrowed

    def after(self, answer: Answer, in_doubt: bool) -> None:
        """Remember that the sender cannot know how it ended, or forget it when the answer told."""
        if in_doubt:
            self.doubt()
        elif self.kind and answer.status in (200, 204, 404):
            self._settle(answer)

    def doubt(self) -> None:
        """Remember what the sender cannot know."""
        if self.kind and self.writes:
            call_log.doubt(self.tenant, self.resource, self.names, self.key)

    def left_some_out(self, answer: Answer) -> None:
        """Forget what was in doubt of what an answer shows; of what it leaves out it told nothing."""
        if call_log.any_doubt():
            call_log.settle(self.tenant, self.resource, self._shown(answer))

    def _settle(self, answer: Answer) -> None:
        if self.listed_all:
            call_log.settle(self.tenant, self.resource, None)
        elif call_log.any_doubt():
            shown = [] if self.writes else self._shown(answer)
            call_log.settle(self.tenant, self.resource, [*self.names, *shown])

    def _shown(self, answer: Answer) -> list[str]:
        """What an answer shows was seen, under its number and under its id."""
        if self.kind is None or answer.status != 200:
            return []
        items = wire.decode(answer.body).get(self.resource, [])
        fields = (self.kind.number_field, self.kind.id_field)
        return [_as_name(str(item.get(field))) for item in items for field in fields]


def _parts(query: QueryDict, name: str) -> list[str]:
    return [part.strip() for text in query.getlist(name) for part in text.split(",")]


def _as_name(text: str) -> str:
    """Return an id in its usual form, and a number as it is."""
    return str(wire.parse_id(text) or text)
