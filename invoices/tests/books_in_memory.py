"""Xero as a model in memory whose documents end: deleted, voided, and their numbers free again or not."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from invoices.tests.xero_in_memory import ID_KEYS, Call, Xero, odd
from xero_integration.client.errors import Problem, XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Answer
from xero_integration.client.vocabulary import GONE, DocumentStatus

SUFFIX = re.compile(r"-R\d+$")
# What each may become.
MOVES = {DocumentStatus.DRAFT: DocumentStatus.DELETED, DocumentStatus.AUTHORISED: DocumentStatus.VOIDED}
AFTER_A_WHILE = dt.timedelta(seconds=129)


@dataclass
class Books(Xero):
    """Numbers are unique, or not; `free_after_void`: a voided document frees its number, as a deleted one does."""

    free_after_void: bool = False

    def live(self) -> list[dict[str, Any]]:
        return [each for each in self.documents if each["Status"] not in GONE]

    def numbers(self) -> list[str]:
        """Return of each live document the number of its invoice."""
        return [SUFFIX.sub("", each["Number"]) for each in self.live()]

    def expected(self) -> set[str]:
        return {SUFFIX.sub("", each) for each in super().expected()}

    def _is_taken(self, number: str) -> bool:
        keeps = [each for each in self.documents if each["Number"] == number]
        freed = {DocumentStatus.DELETED, *([DocumentStatus.VOIDED] if self.free_after_void else [])}
        return any(each["Status"] not in freed for each in keeps)

    def _create(self, endpoint: str, element: dict[str, Any]) -> dict[str, Any]:
        if self.unique and self._is_taken(element["Number"]):
            return element | {"HasErrors": True, "ValidationErrors": [{"Message": "Invoice # must be unique."}]}
        document = element | {
            f"{endpoint.removesuffix('s')}ID": str(uuid.uuid4()),
            "Total": self.totals[SUFFIX.sub("", element["Number"])],
            "StatusAttributeString": "OK",
        }
        self.documents.append(document)
        return dict(document)

    def end(self, xero_id: str) -> None:
        """Somebody deletes or voids it by hand."""
        document = self._of(xero_id)
        document["Status"] = MOVES[document["Status"]]

    def _of(self, xero_id: str) -> dict[str, Any]:
        return next(each for each in self.documents if xero_id in [each.get(key) for key in ID_KEYS])

    def with_ids(self, text: str) -> list[dict[str, Any]]:
        # As they are when Xero is asked.
        return [dict(each) for each in super().with_ids(text)]

    def find(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        return [dict(each) for each in super().find(numbers)]

    def receive_change(self, call: Call, fate: str) -> Answer:
        if fate == "limit":
            raise XeroUnavailable("The limit is reached", retry_after=dt.timedelta(seconds=30), problem=Problem.MINUTE)
        if fate == "no access":
            raise XeroAuthError("Connect again.")
        if fate == "refused":
            raise XeroRejected("A validation exception occurred", status_code=400)
        if fate == "refused but done":
            self._carry_out(call, [])
            raise XeroRejected("A validation exception occurred", status_code=400)
        if fate == "done late":
            self.late.append((timezone.now() + AFTER_A_WHILE, call))
        elif fate != "nothing done":
            return odd(self._carry_out(call, []), fate)
        raise XeroOutcomeUnknown("The answer was lost.")

    def _carry_out(self, call: Call, elements: list[dict[str, Any]]) -> Answer:
        (asked,) = json.loads(call.body).values()
        if not any(key in asked[0] for key in ID_KEYS):
            return super()._carry_out(call, elements)
        return Answer({call.endpoint: [self._change(each) for each in asked]}, 200, "")

    def _change(self, asked: dict[str, Any]) -> dict[str, Any]:
        document = self._of(next(asked[key] for key in ID_KEYS if key in asked))
        if MOVES.get(document["Status"]) != asked["Status"]:
            return asked | {"HasErrors": True, "ValidationErrors": [{"Message": "It is not of a status for that."}]}
        document["Status"] = asked["Status"]
        return dict(document)
