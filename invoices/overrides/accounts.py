"""Account overrides by SKU and by customer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from c3portal.models import User
from invoices.documents.builder import DocumentContext
from invoices.documents.mapping import AccountRule, UnmappedAccount
from invoices.models import AccountOverride, Customer, InvoiceLine
from invoices.overrides import billed_skus
from invoices.overrides.rows import Refused, Row
from xero_integration.accounts import sales_problem

COLUMNS = ("TenantID", "Kind", "SKU", "Match", "AccountCode")
SHOWN_COLUMNS = (*COLUMNS, "Name", "Default", "Applies", "Because")
EXACT, BEGINS = "exact", "begins"


def rows(context: DocumentContext) -> list[Row[AccountRule]]:
    """Return a row for each SKU and kind of the imported lines, then one for each other override."""
    kept = context.rows
    own = {rule.sku: rule for rule in context.accounts.overrides if not rule.customer and not rule.is_prefix}
    known = [_of_sku(context, sku, kind, name, sku in own) for sku, kind, name in billed_skus.skus()]
    seen = {row.subject.sku for row in known}
    others = [rule for rule in context.accounts.overrides if rule.customer or rule.is_prefix or rule.sku not in seen]
    names = {each.customer.tenant_id: each.customer.name for each in kept.accounts if each.customer}
    return known + [_of_rule(context, rule, names) for rule in others]


def counts(rows: Iterable[Row[AccountRule]]) -> dict[str, int]:
    """Return how many lines each of these rows is about, by its key."""
    of_skus = [row for row in rows if row.is_of_lines]
    found = billed_skus.counts({row.subject.sku for row in of_skus})
    return {row.key: found.get(tuple(json.loads(row.key)), 0) for row in of_skus}


def _of_sku(context: DocumentContext, sku: str, kind: str, name: str, is_overridden: bool) -> Row[AccountRule]:
    try:
        chosen = context.accounts.choose(kind, sku)
        applies, because = label(context, chosen.code), chosen.because
        problem = account_problem(context, chosen.code)
    except UnmappedAccount as error:
        applies, because, problem = "", "", str(error)
    return Row(
        key=json.dumps([sku, kind]),
        subject=AccountRule("", sku=sku),
        title=sku or "Lines without a SKU",
        detail=f"{name} · {context.accounts.labels[kind]}",
        default=label(context, context.accounts.by_kind.get(kind, "")),
        applies=applies,
        because=because,
        problem=problem,
        is_overridden=is_overridden,
        may_override=bool(sku),
        is_of_lines=True,
    )


def _of_rule(context: DocumentContext, rule: AccountRule, names: Mapping[str, str]) -> Row[AccountRule]:
    what = f"SKU {rule.sku}" if rule.sku else context.accounts.labels.get(rule.kind, "Every account")
    what = f"SKUs that begin with {rule.sku}" if rule.is_prefix else what
    return Row(
        key=json.dumps([rule.customer, rule.kind, rule.sku, rule.is_prefix]),
        subject=replace(rule, code=""),
        title=what,
        detail=f"Customer {names.get(rule.customer, rule.customer)}" if rule.customer else "Every customer",
        default=label(context, context.accounts.by_kind.get(rule.kind, "")) if rule.kind else "",
        applies=label(context, rule.code),
        because="it is overridden so",
        problem=account_problem(context, rule.code),
        is_overridden=True,
    )


def label(context: DocumentContext, code: str) -> str:
    account = context.organisation.accounts.get(code)
    return f"{code} {account.name}" if account else code


def account_problem(context: DocumentContext, code: str) -> str:
    """Return why sales cannot go to an account, "" when they can."""
    problem = sales_problem(context.organisation.accounts, code, context.organisation.name)
    return problem.words if problem else ""


def override(context: DocumentContext, subject: AccountRule, code: str) -> AccountRule:
    """Return the rule for `subject`. Raises Refused when the account takes no sales."""
    # https://developer.xero.com/documentation/api/accounting/accounts/ (Code)
    if not code or len(code) > 10:
        raise Refused("AccountCode", "An account code has 1 to 10 characters.")
    if words := account_problem(context, code):
        raise Refused("AccountCode", words)
    return replace(subject, code=code)


def save(rules: Iterable[AccountRule], user: User | None) -> int:
    """Keep each rule in place of the one before; one without a code reverts. Returns how many."""
    rules = list(rules)
    people = {each.tenant_id: each for each in Customer.objects.filter(tenant_id__in={rule.customer for rule in rules})}
    count = 0
    with transaction.atomic():
        for rule in rules:
            customer = people.get(rule.customer)
            facts: dict[str, Any] = {
                "customer": customer,
                "kind": rule.kind,
                "sku": rule.sku,
                "is_prefix": rule.is_prefix,
            }
            if rule.code:
                defaults = {"account_code": rule.code, "updated_by": user}
                AccountOverride.objects.update_or_create(**facts, defaults=defaults)
                count += 1
            else:
                count += AccountOverride.objects.filter(**facts).delete()[0]
    return count


def csv_rows(context: DocumentContext) -> Iterator[list[str]]:
    """Yield the rows under SHOWN_COLUMNS; an empty override where the default applies."""
    codes = {replace(rule, code=""): rule.code for rule in context.accounts.overrides}
    # A SKU that is billed as several kinds has several rows and one override.
    by_subject = {row.subject: row for row in rows(context) if row.may_override}
    for rule, row in by_subject.items():
        facts = [rule.customer, rule.kind, rule.sku, BEGINS if rule.is_prefix else EXACT if rule.sku else ""]
        yield [*facts, codes.get(rule, ""), row.detail, row.default, row.applies, row.because]


def read_row(context: DocumentContext, tenants: frozenset[str], cells: Mapping[str, str]) -> AccountRule:
    """Return the rule of a row of a file. Raises Refused."""
    tenant, kind, sku, match = (cells[name] for name in COLUMNS[:4])
    if tenant and tenant not in tenants:
        raise Refused("TenantID", f"There is no customer {tenant}.")
    if kind and kind not in InvoiceLine.Kind.values:
        raise Refused("Kind", f"A kind is one of {', '.join(InvoiceLine.Kind.values)}, or empty.")
    if match not in ("", EXACT, BEGINS) or (match == BEGINS and not sku):
        raise Refused("Match", f"Match is {EXACT} or {BEGINS}, and goes with a SKU.")
    subject = AccountRule("", tenant, kind, sku, is_prefix=match == BEGINS)
    check(subject)
    return override(context, subject, cells["AccountCode"]) if cells["AccountCode"] else subject


def check(subject: AccountRule) -> None:
    """Raise Refused for a rule that names nothing, or both a SKU and a kind."""
    if not subject.customer and not subject.sku:
        raise Refused("SKU", "Name a SKU or a customer; the accounts of whole kinds are in Settings → General.")
    if subject.sku and subject.kind:
        raise Refused("Kind", "Name a SKU or a kind of line, not both.")
    if len(subject.sku) > 100:
        raise Refused("SKU", "A SKU has at most 100 characters.")
