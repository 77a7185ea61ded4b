"""Puts organisations into the data file. Their ids depend on their names alone, so a fresh seed keeps them."""

import uuid
from dataclasses import replace
from decimal import Decimal

from django.db import connection
from django.db.models import Model

from xero_sandbox import clock
from xero_sandbox.models import (
    Account,
    Allocation,
    App,
    BrandingTheme,
    Code,
    Connection,
    Contact,
    Currency,
    Document,
    Grant,
    HistoryNote,
    Mail,
    Organisation,
    Payment,
    RefreshToken,
    Secret,
    TaxRate,
    TrackingCategory,
    Webhook,
    WebhookEvent,
)
from xero_sandbox.seed_data import CHART, CLASS_OF_TYPE, SEEDS, SeedOrganisation
from xero_sandbox.storage import writing

BOOKS: list[type[Model]] = [
    WebhookEvent,
    Allocation,
    Payment,
    Mail,
    HistoryNote,
    Document,
    Contact,
    Account,
    TaxRate,
    BrandingTheme,
    Currency,
    TrackingCategory,
    Connection,
    Organisation,
]
ACCESS: list[type[Model]] = [Webhook, RefreshToken, Code, Grant, Secret, App]
NAMESPACE = uuid.UUID("5a7d6c2e-0b1f-4c55-9d43-1f0e7a3b9c11")


def seed_when_empty() -> None:
    """Make the two organisations when the data file holds none."""
    if not Organisation.objects.exists():
        start_fresh()


def start_fresh(keep_apps: bool = False) -> None:
    """Forget everything and seed again. With `keep_apps`, apps, tokens and connections survive."""
    with writing():
        kept = list(Connection.objects.filter(organisation_id__in=_seeded_ids())) if keep_apps else []
        _empty([*BOOKS, *([] if keep_apps else ACCESS)])
        for position, seed in enumerate(SEEDS):
            plant(seed, position)
        Connection.objects.bulk_create(kept)


def _empty(tables: list[type[Model]]) -> None:
    """Delete everything at once, without Django reading it first: tests start afresh hundreds of times."""
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608 - names of our own tables


def plant_copies(count: int) -> list[Organisation]:
    """Make this many more organisations, Australian ones with names of their own."""
    made = []
    with writing():
        first = Organisation.objects.count() + 1
        for number in range(first, first + count):
            seed = replace(SEEDS[0], name=f"Contoso Cloud {number} (AU)", short_code=f"!sbX{number}")
            made.append(plant(seed, number))
    return made


def plant(seed: SeedOrganisation, position: int) -> Organisation:
    """Write one organisation with its reference data and contacts."""
    organisation = Organisation.objects.create(
        tenant_id=_tenant_id(seed),
        name=seed.name,
        short_code=seed.short_code,
        country=seed.country,
        base_currency=seed.base_currency,
        time_zone=seed.time_zone,
        tax_number=seed.tax_number,
        position=position,
    )
    _plant_chart(organisation, seed)
    _plant_taxes(organisation, seed)
    _plant_themes_and_currencies(organisation, seed)
    _plant_contacts(organisation, seed)
    return organisation


def _tenant_id(seed: SeedOrganisation) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, seed.name)


def _seeded_ids() -> list[uuid.UUID]:
    return [_tenant_id(seed) for seed in SEEDS]


def _id(organisation: Organisation, *words: str) -> uuid.UUID:
    return uuid.uuid5(organisation.tenant_id, "/".join(words))


def _plant_chart(organisation: Organisation, seed: SeedOrganisation) -> None:
    Account.objects.bulk_create(
        Account(
            account_id=_id(organisation, "account", line.code),
            organisation=organisation,
            code=line.code,
            name=line.name,
            type=line.type,
            klass=CLASS_OF_TYPE[line.type],
            tax_type=seed.default_taxes[line.tax],
            status=line.status,
            system_account=line.system,
        )
        for line in CHART
    )


def _plant_taxes(organisation: Organisation, seed: SeedOrganisation) -> None:
    TaxRate.objects.bulk_create(
        TaxRate(
            organisation=organisation,
            tax_type=tax.tax_type,
            name=tax.name,
            rate=Decimal(tax.rate),
            report_tax_type=tax.report,
            component="GST",
            applies_to=tax.applies_to,
        )
        for tax in seed.taxes
    )


def _plant_themes_and_currencies(organisation: Organisation, seed: SeedOrganisation) -> None:
    BrandingTheme.objects.bulk_create(
        BrandingTheme(theme_id=_id(organisation, "theme", name), organisation=organisation, name=name, sort_order=order)
        for order, name in enumerate(seed.themes)
    )
    Currency.objects.bulk_create(
        Currency(organisation=organisation, code=code, description=words) for code, words in seed.currencies.items()
    )
    TrackingCategory.objects.bulk_create(
        TrackingCategory(
            category_id=_id(organisation, "tracking", name),
            organisation=organisation,
            name=name,
            options={option: str(_id(organisation, "tracking", name, option)) for option in options},
        )
        for name, options in seed.tracking.items()
    )


def _plant_contacts(organisation: Organisation, seed: SeedOrganisation) -> None:
    Contact.objects.bulk_create(
        Contact(
            contact_id=_id(organisation, "contact", contact.name),
            organisation=organisation,
            name=contact.name,
            name_key=contact.name.casefold(),
            number=contact.number,
            email=contact.email,
            status=contact.status,
            updated_at=clock.now(),
        )
        for contact in seed.contacts
    )
