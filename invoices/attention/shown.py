"""The causes as a page shows them: with what mends each, for who looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from invoices.attention.causes import Cause, Kind, Part
from invoices.documents.rules import Fix
from invoices.overrides import replacing
from xero_integration import reference
from xero_integration.models import XeroConnection
from xero_integration.reference import Choices


@dataclass(frozen=True)
class Step:
    """What mends a cause: a page to open."""

    words: str
    url: str


@dataclass(frozen=True)
class Form:
    """What mends a cause, or posts it anew, where it stands: a button that posts `fields` to the address `name`."""

    words: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A cause, and what mends it, as far as who looks can; `accounts` are offered in place of the one that blocks."""

    cause: Cause
    step: Step | None = None
    forms: Sequence[Form] = ()
    accounts: Sequence[tuple[str, str]] = ()


_STEPS = {
    Kind.FETCH: "See the fetch",
    Kind.WAITING: "Match columns",
    Kind.HELD_BACK: "See what is held back",
    Kind.DRIFT: "Choose another",
    Kind.CONFIRMING: "See them",
    Kind.GONE: "See them",
    Kind.CHANGED: "Decide",
    Kind.DIFFERS: "Compare",
    Kind.AMENDED: "Compare",
    Kind.LOOKS_SAME: "Compare",
    Kind.OUTDATED: "See them",
}
_ACCOUNT = "account"


def lines(
    causes: Iterable[Cause],
    next_step: Callable[[Cause], Step | None],
    connection: XeroConnection | None,
    *,
    may_act: bool,
    may_set: bool,
) -> list[Line]:
    """Return a line for each cause; `next_step` is what mends a preflight's problem. Readers look and do nothing,
    `may_set` is whether who looks may change Settings → General."""
    found = list(causes)
    if not may_act:
        return [Line(each) for each in found]
    accounts = _accounts(found, connection, may_set=may_set)
    return [_line(each, next_step(each), accounts) for each in found]


def _line(cause: Cause, next_step: Step | None, accounts: Mapping[str, Choices]) -> Line:
    step = next_step
    if step is None and cause.show and cause.kind in _STEPS:
        step = Step(_STEPS[cause.kind], cause.show)
    offered = accounts.get(cause.problem.subject, []) if cause.problem and cause.again and _is_account(cause) else []
    return Line(cause, step, _forms(cause), offered)


def _forms(cause: Cause) -> list[Form]:
    """Return a form for each billing period of the cause, which names it where there are several."""
    if cause.kind == Kind.CONNECTION:
        return [Form("Reconnect", "xero_connect")]
    if cause.kind == Kind.FETCH:
        return [Form("Fetch again", "fetch_from_c3")]
    several = len(cause.parts) > 1
    return [_form(cause, each, f" of {each.name}" if several else "") for each in cause.parts if each.again]


def _form(cause: Cause, part: Part, which: str) -> Form:
    if cause.kind == Kind.GONE:
        return Form(f"Post again{which}…", "post_again", part.again)
    if cause.problem and cause.problem.fix == Fix.DRAFTS:
        words = f"Post {part.count:,}{which} as drafts" if which else "Post as drafts"
        return Form(words, "attention_post", {**part.again, "as_drafts": "1"})
    return Form(f"Check again and post {part.count:,}{which}", "attention_post", part.again)


def _is_account(cause: Cause) -> bool:
    return cause.problem is not None and cause.problem.code == _ACCOUNT and bool(cause.problem.subject)


def _accounts(causes: Iterable[Cause], connection: XeroConnection | None, *, may_set: bool) -> dict[str, Choices]:
    """Return, by the account that blocks, which others may take its place everywhere; what else asks nothing."""
    codes = {each.problem.subject for each in causes if each.problem and _is_account(each)}
    if not codes or connection is None:
        return {}
    choices = reference.account_choices(connection)
    return {code: choices for code, used in replacing.used(codes).items() if _may_replace(used, may_set=may_set)}


def _may_replace(used: replacing.Used, *, may_set: bool) -> bool:
    return used.count > 0 and (may_set or not used.fields)
