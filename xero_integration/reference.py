"""The organisation's reference data, read from Xero and kept: settings and invoices are checked against it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from c3portal.audit.record import masked
from c3portal.database import clock
from c3portal.encryption.fields import EncryptedTextField
from xero_integration.accounts import SALES_TYPES, AccountFacts, sales_problem
from xero_integration.client import timeouts
from xero_integration.client.errors import Problem, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.client.vocabulary import OrganisationClass, RecordStatus
from xero_integration.models import (
    Account,
    BrandingTheme,
    Currency,
    DifferencePolicy,
    TaxRate,
    TrackingCategory,
    XeroConnection,
    XeroSettings,
)
from xero_integration.time_zones import iana_name

ACCOUNT_FIELDS = {
    "license_account_code": "License based SKUs",
    "azure_account_code": "Azure Usage based SKUs",
    "custom_account_code": "Custom offer SKUs",
    "rounding_account_code": "Account of rounding lines",
}
# How long the copies are trusted before a preflight: a lock date is set, or an account archived, at any moment.
LIFE = dt.timedelta(minutes=1)
_JSON_DATE = re.compile(r"/Date\((-?\d+)")


def json_date(value: object) -> dt.date | None:
    """Return the day (UTC) of Xero's `/Date(1518685950940+0000)/` or of an ISO text, else None."""
    try:
        if match := _JSON_DATE.match(str(value)):
            return dt.datetime.fromtimestamp(int(match[1]) / 1000, tz=dt.UTC).date()
        return dt.date.fromisoformat(str(value)[:10])
    except (ValueError, OverflowError, OSError):
        return None


def json_moment(value: object) -> dt.datetime | None:
    """Return the moment of Xero's `/Date(1518685950940+0000)/`, else None."""
    try:
        match = _JSON_DATE.match(str(value))
        return dt.datetime.fromtimestamp(int(match[1]) / 1000, tz=dt.UTC) if match else None
    except (ValueError, OverflowError, OSError):
        return None


def is_stale(connection: XeroConnection) -> bool:
    """Whether the copies are too old to promise what Xero would accept."""
    return connection.reference_read_at is None or connection.reference_read_at < clock.now() - LIFE


def read(connection: XeroConnection, gateway: Gateway) -> None:
    """Replace the stored copies by what Xero has now, in six calls. Raises XeroUnavailable or XeroAuthError; then
    they stay."""
    offered = _asked(gateway)
    categories = gateway.read_list("TrackingCategories")
    with transaction.atomic():
        _store(connection, offered)
        _replace(TrackingCategory, connection, [_category(row) for row in categories])


def read_for_posting(connection: XeroConnection, gateway: Gateway) -> None:
    """Replace the copies of what decides whether Xero takes an invoice, in five calls. Raises as `read`."""
    offered = _asked(gateway)
    with transaction.atomic():
        _store(connection, offered)


@dataclass(frozen=True)
class _Offered:
    organisation: dict[str, Any]
    accounts: list[dict[str, Any]]
    themes: list[dict[str, Any]]
    tax_rates: list[dict[str, Any]]
    currencies: list[dict[str, Any]]


def _asked(gateway: Gateway) -> _Offered:
    return _Offered(
        _organisation(gateway),
        *(gateway.read_list(name) for name in ("Accounts", "BrandingThemes", "TaxRates", "Currencies")),
    )


def _store(connection: XeroConnection, offered: _Offered) -> None:
    _store_organisation(connection, offered.organisation)
    _replace(Account, connection, [_account(row) for row in offered.accounts if row.get("Code")])
    _replace(BrandingTheme, connection, [_theme(row) for row in offered.themes])
    _replace(TaxRate, connection, [_tax_rate(row) for row in offered.tax_rates])
    _replace(Currency, connection, [_currency(row) for row in offered.currencies])


def read_place(connection: XeroConnection, gateway: Gateway) -> None:
    """Read where the organisation is and its currency alone, in one call. Raises as `read`."""
    row = _organisation(gateway)
    connection.country_code = (row.get("CountryCode") or "")[:2]
    connection.base_currency = row.get("BaseCurrency") or ""
    connection.save(update_fields=["country_code", "base_currency"])


def _organisation(gateway: Gateway) -> dict[str, Any]:
    rows = gateway.read("Organisation").rows("Organisations")
    if not rows:
        raise XeroUnavailable(
            "Xero answered without the organisation. Try again in a minute.",
            retry_after=timeouts.retry_pause(),
            problem=Problem.UNREACHABLE,
        )
    return rows[0]


def _replace[M: (Account, BrandingTheme, TaxRate, Currency, TrackingCategory)](
    model: type[M], connection: XeroConnection, rows: list[dict[str, Any]]
) -> None:
    model._default_manager.filter(connection=connection).delete()
    model._default_manager.bulk_create([model(connection=connection, **row) for row in rows])


def _store_organisation(connection: XeroConnection, row: dict[str, Any]) -> None:
    connection.name = row.get("Name") or connection.name
    connection.short_code = row.get("ShortCode") or ""
    connection.country_code = (row.get("CountryCode") or "")[:2]
    connection.base_currency = row.get("BaseCurrency") or ""
    connection.time_zone = iana_name(row.get("Timezone") or "")
    connection.organisation_status = row.get("OrganisationStatus") or ""
    is_demo = row.get("IsDemoCompany") is True
    connection.organisation_class = OrganisationClass.DEMO if is_demo else str(row.get("Class") or "")[:20]
    connection.period_lock_date = json_date(row.get("PeriodLockDate"))
    connection.end_of_year_lock_date = json_date(row.get("EndOfYearLockDate"))
    connection.reference_read_at = clock.now()
    connection.save(
        update_fields=[
            "name",
            "short_code",
            "country_code",
            "base_currency",
            "time_zone",
            "organisation_status",
            "organisation_class",
            "period_lock_date",
            "end_of_year_lock_date",
            "reference_read_at",
        ]
    )


def _account(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": str(row["Code"]),
        "name": str(row.get("Name") or row["Code"]),
        "type": str(row.get("Type") or ""),
        "status": str(row.get("Status") or ""),
        "tax_type": str(row.get("TaxType") or ""),
    }


def _theme(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "theme_id": str(row.get("BrandingThemeID")),
        "name": str(row.get("Name") or ""),
        "sort_order": int(row.get("SortOrder") or 0),
    }


def _tax_rate(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "tax_type": str(row.get("TaxType")),
        "name": str(row.get("Name") or ""),
        "status": str(row.get("Status") or ""),
        "effective_rate": Decimal(str(row.get("EffectiveRate") or 0)),
        "can_apply_to_revenue": row.get("CanApplyToRevenue") is True,
        "components": _components(row),
    }


def _components(row: dict[str, Any]) -> list[list[str]]:
    parts = [part for part in row.get("TaxComponents") or [] if isinstance(part, dict)]
    return [[str(part.get("Name") or ""), str(part.get("Rate") or 0)] for part in parts]


def _category(row: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in row.get("Options") or [] if isinstance(option, dict)]
    return {
        "category_id": str(row.get("TrackingCategoryID")),
        "name": str(row.get("Name") or ""),
        "status": str(row.get("Status") or ""),
        "options": [
            str(option.get("Name")) for option in options if option.get("Status") in (None, RecordStatus.ACTIVE)
        ],
    }


def _currency(row: dict[str, Any]) -> dict[str, Any]:
    return {"code": str(row.get("Code")), "name": str(row.get("Description") or row.get("Code"))}


Choices = list[tuple[str, str]]


def accounts_of(connection: XeroConnection) -> dict[str, AccountFacts]:
    """Return the organisation's accounts by code; {} while none was read."""
    return by_code(account_facts(connection))


def account_facts(connection: XeroConnection) -> QuerySet[Account, tuple[Any, ...]]:
    """Return the query for what `by_code` takes."""
    return Account.objects.filter(connection=connection).values_list("code", "name", "type", "status")


def by_code(rows: Iterable[tuple[Any, ...]]) -> dict[str, AccountFacts]:
    """Return the rows of `account_facts` by code."""
    return {code: AccountFacts(code, *facts) for code, *facts in rows}


def account_choices(connection: XeroConnection) -> Choices:
    """Return code and words ("4010 Licence revenue (Revenue)") of the accounts that take sales."""
    return choices_of(accounts_of(connection).values())


def choices_of(accounts: Iterable[AccountFacts]) -> Choices:
    """Return the same of accounts that are at hand."""
    return [(each.code, f"{each} ({SALES_TYPES[each.type]})") for each in accounts if each.takes_sales]


def theme_choices(connection: XeroConnection) -> Choices:
    """Return id and name of each theme, in the organisation's order."""
    return list(BrandingTheme.objects.filter(connection=connection).values_list("theme_id", "name"))


def tax_choices(connection: XeroConnection) -> Choices:
    """Return tax type and words ("GST on Income (10 %)") of the tax rates for sales."""
    return [(each.tax_type, f"{each.name} ({each.effective_rate.normalize():f} %)") for each in sales_taxes(connection)]


def sales_taxes(connection: XeroConnection) -> list[TaxRate]:
    """Return the active tax rates that may be used for sales."""
    return list(taxes_for_sales(connection))


def taxes_for_sales(connection: XeroConnection) -> QuerySet[TaxRate]:
    """Return the query for `sales_taxes`."""
    return TaxRate.objects.filter(connection=connection, status=RecordStatus.ACTIVE, can_apply_to_revenue=True)


def with_current(choices: Choices, current: str, connection: XeroConnection) -> Choices:
    """Return the choices with `current` among them, marked when it is no longer offered."""
    if not current or current in dict(choices):
        return choices
    return [*choices, (current, f"{current} (not to be used in {connection.name})")]


def facts(settings: XeroSettings) -> dict[str, Any]:
    """Return Settings → General by label, for the audit record; the secret masked."""
    found: dict[str, Any] = {}
    for field in settings._meta.concrete_fields:
        if field.name in ("id", "updated_at", "updated_by"):
            continue
        value, label = getattr(settings, field.name), str(field.verbose_name)
        if isinstance(field, EncryptedTextField):
            value = masked(value)
        found[label[:1].upper() + label[1:]] = dict(field.flatchoices).get(value, value)
    return found


def follow_theme(settings: XeroSettings, connection: XeroConnection) -> str:
    """Keep the id and present name of the settings' theme. Returns a rename in words, else ""."""
    # A theme that the organisation lacks stays as it is, for `settings_problems` to tell.
    theme = find_theme(settings, connection) if settings.theme_id or settings.theme_name else None
    if theme is None or (theme.theme_id, theme.name) == (settings.theme_id, settings.theme_name):
        return ""
    is_renamed, before = theme.theme_id == settings.theme_id, settings.theme_name
    settings.theme_id, settings.theme_name = theme.theme_id, theme.name
    settings.save(update_fields=["theme_id", "theme_name"])
    return f"The theme “{before}” is now called “{theme.name}” in Xero; it stays the chosen one." if is_renamed else ""


@dataclass(frozen=True)
class SettingsProblem:
    """What the organisation lacks of a field of the settings; `key` tells it from others, whatever its words."""

    label: str
    words: str
    key: str

    def __str__(self) -> str:
        return f"{self.label}: {self.words}"


def settings_problems(
    settings: XeroSettings,
    connection: XeroConnection,
    accounts: Mapping[str, AccountFacts] | None = None,
    themes: Sequence[BrandingTheme] | None = None,
) -> dict[str, SettingsProblem]:
    """Return, by field of the settings, what the organisation lacks; {} before it was read. Its accounts and themes are
    given where they are at hand."""
    if connection.reference_read_at is None:
        return {}
    accounts, problems = accounts_of(connection) if accounts is None else accounts, {}
    for field, label in ACCOUNT_FIELDS.items():
        if field == "rounding_account_code" and settings.difference_policy != DifferencePolicy.ROUNDING_LINE:
            continue
        code = getattr(settings, field)
        if code and (problem := sales_problem(accounts, code, connection.name)):
            problems[field] = SettingsProblem(label, problem.words, problem.key)
    if settings.theme_name and find_theme(settings, connection, themes) is None:
        names = ", ".join(connection.brandingthemes.values_list("name", flat=True)) or "none"
        words = f"{connection.name} has no theme “{settings.theme_name}”. It has: {names}."
        problems["theme_name"] = SettingsProblem("Theme", words, f"theme:{settings.theme_id or settings.theme_name}")
    return problems


def find_theme(
    settings: XeroSettings, connection: XeroConnection, themes: Sequence[BrandingTheme] | None = None
) -> BrandingTheme | None:
    """Return the settings' theme: by its id, else by its name; of the organisation's themes where they are at hand."""
    # By id first, so that a rename in Xero does not break it.
    themes = list(BrandingTheme.objects.filter(connection=connection)) if themes is None else themes
    by_id = next((theme for theme in themes if theme.theme_id == settings.theme_id), None)
    return by_id or next((theme for theme in themes if theme.name.casefold() == settings.theme_name.casefold()), None)
