"""What no longer fits the organisation since it was chosen, and where each is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.urls import reverse

from invoices.documents.builder import DocumentContext, read_context
from invoices.documents.kept import Kept
from invoices.documents.mapping import Tax, UnmappedTax
from xero_integration import reference
from xero_integration.accounts import sales_problem
from xero_integration.models import XeroConnection


@dataclass(frozen=True)
class Place:
    """Where it is used, and the page to change it; `is_general` is for System Admins."""

    words: str
    url: str
    is_general: bool = False


@dataclass(frozen=True)
class Drift:
    """One thing that changed in Xero: `key` tells what and why, whatever the `words`. A rename needs no mending."""

    key: str
    words: str
    places: tuple[Place, ...]
    needs_mending: bool = True


def find(connection: XeroConnection, context: DocumentContext | None = None) -> list[Drift]:
    """Return what no longer fits, in a constant number of queries, in none by a context that was just read; [] before
    the organisation was first read."""
    if connection.reference_read_at is None:
        return []
    context = context or read_context(connection)
    kept = context.rows
    found: dict[str, Drift] = {}
    for each in (
        *_settings(connection, context, kept),
        *_accounts(context, kept),
        *_taxes(context, kept),
        *_customers(connection, kept),
    ):
        known = found.get(each.key)
        found[each.key] = replace(known, places=known.places + each.places) if known else each
    return list(found.values())


def _settings(connection: XeroConnection, context: DocumentContext, kept: Kept) -> Iterator[Drift]:
    url, app = reverse("settings_general"), kept.app
    problems = reference.settings_problems(app, connection, context.organisation.accounts, kept.themes)
    for problem in problems.values():
        place = Place(f"Settings → General, {problem.label}", url, is_general=True)
        yield Drift(problem.key, problem.words, (place,))
    now = next((theme.name for theme in kept.themes if theme.theme_id == app.theme_id), "")
    if app.theme_name and now and now != app.theme_name:
        yield _renamed(app.theme_id, app.theme_name, now, Place("Settings → General, Theme", url, is_general=True))


def _renamed(theme_id: str, before: str, now: str, place: Place) -> Drift:
    words = f"The theme “{before}” is now called “{now}” in Xero; it stays the chosen one."
    # It stops nothing, and nobody has to choose anew.
    return Drift(f"renamed:{theme_id}:{before}", words, (place,), needs_mending=False)


def _accounts(context: DocumentContext, kept: Kept) -> Iterator[Drift]:
    used: dict[str, list[str]] = defaultdict(list)
    names = {each.customer.tenant_id: each.customer.name for each in kept.accounts if each.customer}
    for rule in context.accounts.overrides:
        what = rule.sku and f"SKU {rule.sku}" + ("…" if rule.is_prefix else "")
        what = what or context.accounts.labels.get(rule.kind, "every account")
        used[rule.code].append(f"{names.get(rule.customer, rule.customer)}: {what}" if rule.customer else what)
    for code, places in used.items():
        if problem := sales_problem(context.organisation.accounts, code, context.organisation.name):
            place = Place(", ".join(places), f"{reverse('account_overrides')}?show=unmapped")
            yield Drift(problem.key, problem.words, (place,))


def _taxes(context: DocumentContext, kept: Kept) -> Iterator[Drift]:
    for each in kept.taxes:
        tax = Tax(each.country, each.tax_name, each.percentage)
        try:
            context.taxes.choose(tax)
        except UnmappedTax as error:
            place = Place(f"tax {tax}", f"{reverse('tax_overrides')}?show=unmapped")
            yield Drift(f"tax:{each.country}:{each.tax_name}:{each.percentage}", str(error), (place,))


def _customers(connection: XeroConnection, kept: Kept) -> Iterator[Drift]:
    themes = {each.theme_id: each.name for each in kept.themes}
    missing: dict[tuple[str, str], list[str]] = defaultdict(list)
    renamed: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for own in sorted((each for each in kept.customers if each.theme_id), key=lambda each: each.customer.name):
        now = themes.get(own.theme_id)
        if now is None:
            missing[own.theme_id, own.theme_name or own.theme_id].append(own.customer.name)
        elif now != own.theme_name:
            renamed[own.theme_id, own.theme_name, now].append(own.customer.name)
    url = reverse("customer_overrides")
    for (theme_id, name), customers in missing.items():
        words = f"{connection.name} no longer has the theme “{name}”. Choose another."
        yield Drift(f"theme:{theme_id}", words, (Place(", ".join(customers), f"{url}?show=unmapped"),))
    for (theme_id, before, now), customers in renamed.items():
        yield _renamed(theme_id, before, now, Place(", ".join(customers), f"{url}?show=overridden"))
