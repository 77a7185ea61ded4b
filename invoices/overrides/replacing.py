"""Another account in place of one that takes no sales any more, wherever that one is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from c3portal.audit.record import Action, Source, record_changes
from c3portal.models import User
from invoices.documents import builder
from invoices.documents.mapping import AccountRule
from invoices.models import AccountOverride
from invoices.overrides import accounts
from invoices.overrides.pages import Accounts
from invoices.overrides.rows import Refused
from xero_integration import reference
from xero_integration.models import XeroConnection, XeroSettings


@dataclass(frozen=True)
class Used:
    """Where an account is used: by its fields in Settings → General, and by so many overrides."""

    fields: tuple[str, ...]
    overrides: int

    @property
    def count(self) -> int:
        return len(self.fields) + self.overrides


def used(codes: Collection[str]) -> dict[str, Used]:
    """Return where each of these accounts is used, in a constant number of queries."""
    app = XeroSettings.load()
    overridden = Counter(
        AccountOverride.objects.filter(account_code__in=codes).order_by().values_list("account_code", flat=True)
    )
    return {
        code: Used(tuple(name for name in reference.ACCOUNT_FIELDS if getattr(app, name) == code), overridden[code])
        for code in codes
    }


def replace(old: str, new: str, connection: XeroConnection, user: User, *, may_set: bool, source: Source) -> int:
    """Have everything that goes to account `old` go to `new`, and record it; call it in a transaction, behind
    `XeroSettings.lock`. Returns in how many places. Raises Refused: `new` takes no sales, or `old` stands in
    Settings → General and `may_set` is not given."""
    accounts.override(builder.read_context(connection), AccountRule(""), new)
    places = used([old])[old]
    if places.fields and not may_set:
        raise Refused("AccountCode", f"Account {old} is set in Settings → General: ask a System Admin.")
    if places.fields:
        _in_settings(places.fields, new, user, source)
    if places.overrides:
        page = Accounts(connection)
        before = page.kept()
        AccountOverride.objects.filter(account_code=old).update(account_code=new, updated_by=user)
        subject = f"Settings → {page.title}: {new} in place of {old}"
        record_changes(source, Action.MAPPING, subject, before, page.kept())
    return places.count


def _in_settings(fields: tuple[str, ...], code: str, user: User, source: Source) -> None:
    app = XeroSettings.lock()
    before = reference.facts(app)
    for name in fields:
        setattr(app, name, code)
    app.updated_by = user
    app.save()
    record_changes(source, Action.SETTINGS, "Settings → General", before, reference.facts(app))
