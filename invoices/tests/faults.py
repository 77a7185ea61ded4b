"""The faults of the sandbox, the calls of posting that they strike, and what each comes to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from c3portal.testing import wait_until
from xero_sandbox.testing import SandboxControl

# Each fault that leaves in doubt whether anything was written, with what an invoice's log then says.
DOUBT = {
    "drop_before": "broke before its answer came",
    "hang_before": "did not come in time",
    "500_before": "HTTP 500",
    "503_text": "HTTP 503",
    "redirect": "HTTP 302",
    "commit_then_drop": "broke before its answer came",
    "commit_then_500": "HTTP 500",
    "504_after_commit": "HTTP 504",
    "hang_after_commit": "did not come in time",
    "finish_late": "broke before its answer came",
    "truncated_json_after_commit": "could not be read",
    "garbled_json_after_commit": "cannot be read",
    "html_200_after_commit": "cannot be read",
}
GARBLED = ("truncated_json_after_commit", "garbled_json_after_commit", "html_200_after_commit")
# Nothing was written, and Xero says how long to stay away.
LIMITS = {
    "429_minute": "limit of calls a minute is reached",
    "429_day": "daily limit is reached",
    "429_concurrent": "busy with other calls",
}
HARMLESS = ("elements_shuffled", "nulls_and_unknown_enums", "slow")
FAULTS = (*DOUBT, *LIMITS, *HARMLESS, "elements_missing", "whole_batch_400", "401", "403")
# Real seconds, for the faults that take some. No call takes as long as these time-outs unless it is told to.
CALL_TIMEOUT = 0.3
SECONDS = {"hang_before": 0.4, "hang_after_commit": 0.4, "finish_late": 0.2, "slow": 0.02}
LATE_BY_NOW = 0.3


@dataclass(frozen=True)
class Step:
    """A call of posting, by method and path."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path.strip('^$')}"

    @property
    def is_lookup(self) -> bool:
        """Whether it looks up what is uncertain."""
        return self.method == "GET" and self.path in ("^Invoices$", "^CreditNotes$")

    @property
    def is_about_contacts(self) -> bool:
        return self.path == "^Contacts$"


LISTING, CONTACTS = Step("GET", "^Contacts$"), Step("PUT", "^Contacts$")
INVOICES, CREDIT_NOTES = Step("PUT", "^Invoices$"), Step("PUT", "^CreditNotes$")
INVOICE_LOOKUP, CREDIT_NOTE_LOOKUP = Step("GET", "^Invoices$"), Step("GET", "^CreditNotes$")
TOKENS = Step("POST", "^connect/token$")
STEPS = (LISTING, CONTACTS, INVOICES, CREDIT_NOTES, INVOICE_LOOKUP, CREDIT_NOTE_LOOKUP)


@dataclass(frozen=True)
class Expected:
    """What the fault comes to: the states right after it, what is said of it, and what a person has to do."""

    states: dict[str, int]
    words: str = ""
    person: tuple[str, ...] = ()


WAITING, ARRIVED, REFUSED = {"queued": 4}, {"posted": 4}, {"rejected": 4}


def expected(step: Step, fault: str) -> Expected:
    """Return what two invoices and two credit notes come to when `fault` strikes `step`.

    Credit notes go first, so that they are in Xero when the call for invoices is struck.
    """
    if fault in HARMLESS or (fault == "401" and step != TOKENS):
        return Expected(ARRIVED)
    if fault == "403":
        return Expected(_held_up(step), "disconnected in Xero", ("reconnect",))
    if fault in LIMITS:
        return Expected(_held_up(step), LIMITS[fault])
    if step.is_about_contacts:
        return _contacts_expected(step, fault)
    return _lookup_expected(step, fault) if step.is_lookup else _creation_expected(step, fault)


def _held_up(step: Step) -> dict[str, int]:
    """What waits when the step could not be made."""
    if step.is_lookup:
        return {"posted": 2, "uncertain": 2}
    return {"posted": 2, "queued": 2} if step == INVOICES else WAITING


def _contacts_expected(step: Step, fault: str) -> Expected:
    if fault == "whole_batch_400":
        return Expected(REFUSED, "Xero refused the request for contacts", ("upload again",))
    if step == LISTING:
        return Expected(WAITING, _unread(fault))
    return Expected(WAITING, "left some new contacts out" if fault == "elements_missing" else "new contacts was lost")


def _lookup_expected(step: Step, fault: str) -> Expected:
    if fault == "whole_batch_400":
        return Expected(_held_up(step))
    return Expected(_held_up(step), _unread(fault))


def _unread(fault: str) -> str:
    """What is said of a list that did not come whole."""
    if fault == "elements_missing":
        return "left a part out"
    return "answer cannot be read" if fault in GARBLED else "could not be read just now"


def _creation_expected(step: Step, fault: str) -> Expected:
    if fault == "elements_missing":
        return Expected(ARRIVED, "left it out")
    if fault == "whole_batch_400":
        return Expected(ARRIVED, "Xero refused the whole request: A validation exception occurred")
    return Expected({"posted": 2, "uncertain": 2}, DOUBT[fault])


def see_the_fault_out(sandbox: SandboxControl, began: float) -> None:
    """Wait for what the sandbox still does in the background, so that it is not done in the books of the next test."""
    see_hanging_calls_end(sandbox)
    if "finish_late" in _struck(sandbox):
        time.sleep(max(0, began + LATE_BY_NOW - time.monotonic()))


def see_hanging_calls_end(sandbox: SandboxControl) -> None:
    for name in _struck(sandbox) & {"hang_before", "hang_after_commit"}:
        wait_until(lambda name=name: any(call["fault"] == name for call in sandbox.calls()), "The call ends")


def _struck(sandbox: SandboxControl) -> set[str]:
    return {each["name"] for each in sandbox.faults() if each["fired"]}


def strike(sandbox: SandboxControl, settings: Any, step: Step, fault: str) -> None:
    """Order the fault for the next call of the step."""
    if fault.startswith("hang"):
        settings.XERO_CALL_TIMEOUT = CALL_TIMEOUT
    more = {"seconds": SECONDS[fault]} if fault in SECONDS else {}
    sandbox.place_fault(fault, method=step.method, path=step.path, **more)
