"""The reference data that callers read: organisation, accounts, themes, tax rates, currencies, tracking."""

from typing import Any

from xero_sandbox import wire
from xero_sandbox.api.answers import Answer
from xero_sandbox.api.filters import where_filter
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import Account, BrandingTheme, Organisation, TaxRate, TrackingCategory

MAILS_ON_TRIAL = 20
ACCOUNT_COLUMNS = {
    "Status": "status",
    "Type": "type",
    "Class": "klass",
    "Code": "code",
    "SystemAccount": "system_account",
}
TAX_CLASSES = {
    "CanApplyToAssets": "ASSET",
    "CanApplyToEquity": "EQUITY",
    "CanApplyToExpenses": "EXPENSE",
    "CanApplyToLiabilities": "LIABILITY",
    "CanApplyToRevenue": "REVENUE",
}


def show_organisation(request: ApiRequest) -> Answer:
    """GET /Organisation."""
    return request.envelope("Organisations", [organisation_json(request.organisation)])


def organisation_json(organisation: Organisation) -> dict[str, Any]:
    """Return an organisation as the wire carries it; a lock date that is not set is absent."""
    locks = {"PeriodLockDate": organisation.period_lock_date, "EndOfYearLockDate": organisation.year_lock_date}
    return {
        "Name": organisation.name,
        "LegalName": organisation.name,
        "PaysTax": True,
        "Version": organisation.country,
        "OrganisationType": "COMPANY",
        "BaseCurrency": organisation.base_currency,
        "CountryCode": organisation.country,
        "IsDemoCompany": organisation.is_demo,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": organisation.tax_number,
        "FinancialYearEndDay": 30 if organisation.country == "AU" else 31,
        "FinancialYearEndMonth": 6 if organisation.country == "AU" else 3,
        "SalesTaxBasis": "ACCRUALS" if organisation.country == "AU" else "INVOICE",
        "SalesTaxPeriod": "QUARTERLY1" if organisation.country == "AU" else "TWOMONTHS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Inclusive",
        **{name: wire.ms_date(lock) for name, lock in locks.items() if lock},
        "CreatedDateUTC": wire.ms_date(organisation.created_at),
        "OrganisationEntityType": "COMPANY",
        "Timezone": organisation.time_zone,
        "ShortCode": organisation.short_code,
        "OrganisationID": str(organisation.tenant_id),
        "Edition": "BUSINESS",
        "Class": _plan(organisation),
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }


def _plan(organisation: Organisation) -> str:
    if organisation.is_demo:
        return "DEMO"
    return "TRIAL" if organisation.mails_a_day <= MAILS_ON_TRIAL else "PREMIUM"


def show_accounts(request: ApiRequest) -> Answer:
    """GET /Accounts, archived ones too, filtered by `where`."""
    found = request.organisation.accounts.all()
    if where := request.query.get("where"):
        found = found.filter(where_filter(where, ACCOUNT_COLUMNS))
    return request.envelope("Accounts", [_account(row) for row in found])


def _account(row: Account) -> dict[str, Any]:
    return {
        "AccountID": str(row.account_id),
        "Code": row.code,
        "Name": row.name,
        "Status": row.status,
        "Type": row.type,
        "TaxType": row.tax_type,
        **({"Description": row.description} if row.description else {}),
        "Class": row.klass,
        **({"SystemAccount": row.system_account} if row.system_account else {}),
        **({"BankAccountNumber": "", "BankAccountType": "BANK"} if row.type == "BANK" else {}),
        "EnablePaymentsToAccount": row.type == "BANK",
        "ShowInExpenseClaims": row.klass == "EXPENSE",
        "ReportingCode": row.klass,
        "HasAttachments": False,
        "UpdatedDateUTC": wire.ms_date(row.updated_at),
        "AddToWatchlist": False,
    }


def show_themes(request: ApiRequest) -> Answer:
    """GET /BrandingThemes."""
    return request.envelope("BrandingThemes", [_theme(row) for row in request.organisation.themes.all()])


def _theme(row: BrandingTheme) -> dict[str, Any]:
    return {
        "BrandingThemeID": str(row.theme_id),
        "Name": row.name,
        "SortOrder": row.sort_order,
        "CreatedDateUTC": wire.ms_date(row.created_at),
        "Type": "INVOICE",
    }


def show_tax_rates(request: ApiRequest) -> Answer:
    """GET /TaxRates."""
    return request.envelope("TaxRates", [_tax_rate(row) for row in request.organisation.tax_rates.all()])


def _tax_rate(row: TaxRate) -> dict[str, Any]:
    return {
        "Name": row.name,
        "TaxType": row.tax_type,
        "ReportTaxType": row.report_tax_type,
        **{name: klass in row.applies_to for name, klass in TAX_CLASSES.items()},
        "DisplayTaxRate": row.rate,
        "EffectiveRate": row.rate,
        "Status": row.status,
        "TaxComponents": [
            {"Name": row.component, "Rate": row.rate, "IsCompound": False, "IsNonRecoverable": False},
        ],
    }


def show_currencies(request: ApiRequest) -> Answer:
    """GET /Currencies: those the organisation has subscribed to."""
    rows = request.organisation.currencies.all()
    return request.envelope("Currencies", [{"Code": row.code, "Description": row.description} for row in rows])


def show_tracking(request: ApiRequest) -> Answer:
    """GET /TrackingCategories."""
    return request.envelope(
        "TrackingCategories", [_tracking(row) for row in request.organisation.tracking_categories.all()]
    )


def _tracking(row: TrackingCategory) -> dict[str, Any]:
    return {
        "Name": row.name,
        "Status": "ACTIVE",
        "TrackingCategoryID": str(row.category_id),
        "Options": [
            {"TrackingOptionID": option_id, "Name": name, "Status": "ACTIVE"} for name, option_id in row.options.items()
        ],
    }
