"""What an endpoint is asked, once the caller's right to ask is settled."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from django.http import QueryDict

from xero_sandbox import clock, wire
from xero_sandbox.api.answers import Answer, Refusal, bad_request, json_answer
from xero_sandbox.models import App, Organisation


@dataclass(frozen=True)
class ApiRequest:
    """One authorised call. `ident` is what follows the resource in the path, `part_ident` what follows the part of a
    document that is asked for (an allocation's id); `body` is read JSON."""

    app: App
    organisation: Organisation
    ident: str
    query: QueryDict
    modified_since: str
    body: Any = None
    part_ident: str = ""

    @property
    def summarizes_errors(self) -> bool:
        """Whether one bad element makes the whole answer a 400 (the default)."""
        return self.query.get("summarizeErrors", "true").lower() != "false"

    @property
    def unit_places(self) -> Decimal:
        """The step to which unit amounts are rounded."""
        return Decimal("0.0001") if self.query.get("unitdp") == "4" else Decimal("0.01")

    def listed(self, name: str) -> list[str]:
        """Return a comma-separated parameter (given once or several times) as a list without blanks."""
        return [part.strip() for text in self.query.getlist(name) for part in text.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Return a true/false parameter."""
        return self.query.get(name, "").lower() == "true"

    def since(self) -> datetime | None:
        """Return If-Modified-Since, in its HTTP form or as an ISO time in UTC; None when absent or unreadable."""
        text = self.modified_since
        try:
            moment = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def elements(self, resource: str) -> list[Mapping[str, Any]]:
        """Return what the body carries: a list under the resource's name, or one element alone."""
        found = self.body.get(resource, self.body) if isinstance(self.body, dict) else self.body
        found = [found] if isinstance(found, dict) else found
        if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
            raise Refusal(bad_request(f"No {resource} were found in the request.", "PostDataInvalidException", 14))
        return found

    def envelope(self, resource: str, items: list[Any], status: int = 200, **more: Any) -> Answer:
        """Return the items in the accounting API's envelope; `more` goes before them (pagination)."""
        return json_answer(
            {
                "Id": str(uuid.uuid4()),
                "Status": "OK",
                "ProviderName": self.app.name,
                "DateTimeUTC": wire.ms_date(clock.now()),
                **more,
                resource: items,
            },
            status,
        )
