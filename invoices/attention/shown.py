"""The causes as a page shows them: with what mends each, for who looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from invoices.attention.causes import Cause, Kind, Part
from invoices.documents.rules import Fix
from invoices.models import Upload, UploadDraft
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
    """What mends a cause, or posts it anew, where it stands: a button that posts `fields` to `url`."""

    words: str
    url: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A cause, and what mends it, as far as who looks can. `accounts` are offered in place of the one that blocks, by a
    form that holds `fields`; `group` is what the preflight shows besides."""

    cause: Cause
    step: Step | None = None
    forms: Sequence[Form] = ()
    accounts: Sequence[tuple[str, str]] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    ask_admin: bool = False
    group: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Page:
    """Where causes are shown: the `forms` that a page has for one, what its form for an account holds ({}: it has
    none), and what mends a preflight's problem there."""

    forms: Callable[[Cause], Sequence[Form]]
    account: Callable[[Cause], Mapping[str, str]]
    next_step: Callable[[Cause], Step | None]


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
    causes: Iterable[Cause], page: Page, connection: XeroConnection | None, *, may_act: bool, may_set: bool
) -> list[Line]:
    """Return a line for each cause. Readers look and do nothing, `may_set` is whether who looks may change
    Settings → General; `connection` is whose accounts are offered, None for none."""
    found = list(causes)
    if not may_act:
        return [Line(each) for each in found]
    accounts = _accounts(found, connection, may_set=may_set)
    return [_line(each, page, accounts, may_set=may_set) for each in found]


def _line(cause: Cause, page: Page, accounts: Mapping[str, Choices], *, may_set: bool) -> Line:
    step = page.next_step(cause)
    if step is None and cause.show and cause.kind in _STEPS:
        step = Step(_STEPS[cause.kind], cause.show)
    fields = page.account(cause) if cause.problem and _is_account(cause) else {}
    offered = accounts.get(cause.problem.subject, []) if cause.problem and fields else []
    ask_admin = bool(cause.problem and cause.problem.fix == Fix.SETTINGS and not may_set)
    return Line(cause, step, page.forms(cause), offered, fields, ask_admin)


def forms(cause: Cause) -> list[Form]:
    """Return a form for each billing period of the cause, which names it where there are several."""
    if cause.kind == Kind.CONNECTION:
        return [Form("Reconnect", reverse("xero_connect"))]
    if cause.kind == Kind.FETCH:
        return [Form("Fetch again", reverse("fetch_from_c3"))]
    several = len(cause.parts) > 1
    return [_form(cause, each, f" of {each.name}" if several else "") for each in cause.parts if each.again]


def forms_of_upload(cause: Cause, upload: Upload) -> list[Form]:
    """Return what is done about a cause of an upload: for its invoices alone, and for its own organisation."""
    if cause.kind == Kind.CONFIRMING:
        return [Form("Check with Xero now", reverse("upload_check", args=[upload.pk]))]
    url, fields = reverse("upload_again", args=[upload.pk]), {"cause": cause.key}
    if cause.problem and cause.problem.fix == Fix.DRAFTS:
        return [Form("Post as drafts", url, fields | {"drafts": "1"})]
    return [Form(f"Check again and post {cause.count:,}", url, fields)]


def forms_of_preflight(cause: Cause, draft: UploadDraft) -> list[Form]:
    """Return what is done about a cause on the page of a preflight, which checks again by itself then."""
    fix = cause.problem.fix if cause.problem else Fix.NONE
    as_drafts, link = (reverse(name, args=[draft.pk]) for name in ("preflight_drafts", "preflight_link"))
    return {
        Fix.DRAFTS: [Form("Post as drafts", as_drafts)],
        Fix.AWAITING: [Form("Post all awaiting approval", as_drafts, {"awaiting": "1"})],
        Fix.LINK: [Form("Link it" if cause.count == 1 else f"Link all {cause.count:,}", link, {"all": "1"})],
    }.get(fix, [])


def _form(cause: Cause, part: Part, which: str) -> Form:
    if cause.kind == Kind.GONE:
        return Form(f"Post again{which}…", reverse("post_again"), part.again)
    if cause.problem and cause.problem.fix == Fix.DRAFTS:
        words = f"Post {part.count:,}{which} as drafts" if which else "Post as drafts"
        return Form(words, reverse("attention_post"), {**part.again, "as_drafts": "1"})
    return Form(f"Check again and post {part.count:,}{which}", reverse("attention_post"), part.again)


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
