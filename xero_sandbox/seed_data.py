"""The reference data that a fresh sandbox starts with: one Australian and one New Zealand organisation."""

from dataclasses import dataclass, field

REVENUE_SIDE = ["ASSET", "EQUITY", "LIABILITY", "REVENUE"]
EXPENSE_SIDE = ["ASSET", "EQUITY", "EXPENSE", "LIABILITY"]
EVERYWHERE = ["ASSET", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE"]

CLASS_OF_TYPE = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "PREPAYMENT": "ASSET",
    "CURRLIAB": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "EQUITY": "EQUITY",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "OTHERINCOME": "REVENUE",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
}


@dataclass(frozen=True)
class SeedAccount:
    """An account; `income`, `cost` or `none` says which of the country's default taxes it takes."""

    code: str
    name: str
    type: str
    tax: str = "none"
    system: str = ""
    status: str = "ACTIVE"


@dataclass(frozen=True)
class SeedTax:
    """A tax rate of a country. `rate` is a percentage in text."""

    tax_type: str
    name: str
    rate: str
    report: str
    applies_to: list[str]


@dataclass(frozen=True)
class SeedContact:
    """A contact; those of a real organisation carry an e-mail address and often no number."""

    name: str
    email: str = ""
    number: str = ""
    status: str = "ACTIVE"


@dataclass(frozen=True)
class SeedOrganisation:
    """Everything that makes one organisation."""

    name: str
    short_code: str
    country: str
    base_currency: str
    time_zone: str
    tax_number: str
    default_taxes: dict[str, str]
    taxes: list[SeedTax]
    currencies: dict[str, str]
    themes: list[str]
    contacts: list[SeedContact]
    tracking: dict[str, list[str]] = field(default_factory=dict)


CHART = [
    SeedAccount("090", "Business Bank Account", "BANK", "none"),
    SeedAccount("091", "Business Savings Account", "BANK", "none"),
    SeedAccount("200", "Sales", "SALES", "income"),
    SeedAccount("260", "Other Revenue", "REVENUE", "income"),
    SeedAccount("270", "Interest Income", "OTHERINCOME", "none"),
    SeedAccount("310", "Cost of Goods Sold", "DIRECTCOSTS", "cost"),
    SeedAccount("400", "Advertising", "EXPENSE", "cost"),
    SeedAccount("4010", "Licence revenue", "REVENUE", "income"),
    SeedAccount("4020", "Azure consumption revenue", "REVENUE", "income"),
    SeedAccount("4030", "Managed services revenue", "REVENUE", "income"),
    SeedAccount("404", "Bank Fees", "EXPENSE", "none"),
    SeedAccount("4090", "Hosting revenue (closed)", "REVENUE", "income", status="ARCHIVED"),
    SeedAccount("412", "Consulting & Accounting", "EXPENSE", "cost"),
    SeedAccount("429", "General Expenses", "EXPENSE", "cost"),
    SeedAccount("433", "Insurance", "EXPENSE", "cost"),
    SeedAccount("445", "Light, Power, Heating", "EXPENSE", "cost"),
    SeedAccount("461", "Printing & Stationery", "EXPENSE", "cost"),
    SeedAccount("469", "Rent", "EXPENSE", "cost"),
    SeedAccount("477", "Wages and Salaries", "EXPENSE", "none"),
    SeedAccount("485", "Subscriptions", "EXPENSE", "cost"),
    SeedAccount("493", "Travel - National", "EXPENSE", "cost"),
    SeedAccount("497", "Bank Revaluations", "EXPENSE", "none", system="BANKCURRENCYGAIN"),
    SeedAccount("498", "Unrealised Currency Gains", "EXPENSE", "none", system="UNREALISEDCURRENCYGAIN"),
    SeedAccount("499", "Realised Currency Gains", "EXPENSE", "none", system="REALISEDCURRENCYGAIN"),
    SeedAccount("610", "Accounts Receivable", "CURRENT", "none", system="DEBTORS"),
    SeedAccount("620", "Prepayments", "PREPAYMENT", "none"),
    SeedAccount("710", "Office Equipment", "FIXED", "cost"),
    SeedAccount("800", "Accounts Payable", "CURRLIAB", "none", system="CREDITORS"),
    SeedAccount("820", "GST", "CURRLIAB", "none", system="GST"),
    SeedAccount("840", "Historical Adjustment", "CURRLIAB", "none", system="HISTORICAL"),
    SeedAccount("850", "Suspense", "CURRLIAB", "none"),
    SeedAccount("860", "Rounding", "CURRLIAB", "none", system="ROUNDING"),
    SeedAccount("900", "Loan", "TERMLIAB", "none"),
    SeedAccount("960", "Retained Earnings", "EQUITY", "none", system="RETAINEDEARNINGS"),
    SeedAccount("970", "Owner A Share Capital", "EQUITY", "none"),
]

AUSTRALIA = SeedOrganisation(
    name="Contoso Cloud (AU)",
    short_code="!sbAU1",
    country="AU",
    base_currency="AUD",
    time_zone="AUSEASTERNSTANDARDTIME",
    tax_number="53004085616",
    default_taxes={"income": "OUTPUT", "cost": "INPUT", "none": "BASEXCLUDED"},
    taxes=[
        SeedTax("BASEXCLUDED", "BAS Excluded", "0.0000", "BASEXCLUDED", EVERYWHERE),
        SeedTax("EXEMPTEXPENSES", "GST Free Expenses", "0.0000", "EXEMPTEXPENSES", EXPENSE_SIDE),
        SeedTax("EXEMPTEXPORT", "GST Free Exports", "0.0000", "EXEMPTEXPORT", REVENUE_SIDE),
        SeedTax("EXEMPTOUTPUT", "GST Free Income", "0.0000", "EXEMPTOUTPUT", REVENUE_SIDE),
        SeedTax("CAPEXINPUT", "GST on Capital", "10.0000", "CAPITALEXPENSESINPUT", EXPENSE_SIDE),
        SeedTax("INPUT", "GST on Expenses", "10.0000", "INPUT", EXPENSE_SIDE),
        SeedTax("GSTONIMPORTS", "GST on Imports", "0.0000", "GSTONIMPORTS", EXPENSE_SIDE),
        SeedTax("OUTPUT", "GST on Income", "10.0000", "OUTPUT", REVENUE_SIDE),
        SeedTax("INPUTTAXED", "Input Taxed", "0.0000", "INPUTTAXED", REVENUE_SIDE),
    ],
    currencies={"AUD": "Australian Dollar", "NZD": "New Zealand Dollar", "USD": "United States Dollar"},
    themes=["Standard", "Cloud services", "Azure usage"],
    contacts=[
        SeedContact("Adventure Works", "accounts@adventure-works.example"),
        SeedContact("Fabrikam Pty Ltd", "ap@fabrikam.example"),
        SeedContact("Northwind Traders", "accounts@northwind.example"),
        SeedContact("Tailspin Toys", "billing@tailspin.example"),
        SeedContact("Wide World Importers", "finance@wideworld.example"),
        SeedContact("Woodgrove Holdings (closed)", status="ARCHIVED"),
    ],
    tracking={"Region": ["Eastside", "North", "South", "West Coast"]},
)

NEW_ZEALAND = SeedOrganisation(
    name="Contoso Cloud (NZ)",
    short_code="!sbNZ2",
    country="NZ",
    base_currency="NZD",
    time_zone="NEWZEALANDSTANDARDTIME",
    tax_number="101-2-303",
    default_taxes={"income": "OUTPUT2", "cost": "INPUT2", "none": "NONE"},
    taxes=[
        SeedTax("INPUT2", "15% GST on Expenses", "15.0000", "INPUT", EXPENSE_SIDE),
        SeedTax("OUTPUT2", "15% GST on Income", "15.0000", "OUTPUT", REVENUE_SIDE),
        SeedTax("GSTONIMPORTS", "GST on Imports", "0.0000", "GSTONIMPORTS", ["LIABILITY"]),
        SeedTax("NONE", "No GST", "0.0000", "NONE", EVERYWHERE),
        SeedTax("ZERORATED", "Zero Rated", "0.0000", "OUTPUT", REVENUE_SIDE),
    ],
    currencies={"AUD": "Australian Dollar", "NZD": "New Zealand Dollar"},
    themes=["Standard", "Cloud services"],
    contacts=[
        SeedContact("Alpine Ski House", "accounts@alpine.example"),
        SeedContact("Kiwi Freight Ltd", "ap@kiwifreight.example"),
        SeedContact("Southridge Video (closed)", status="ARCHIVED"),
    ],
)

SEEDS = [AUSTRALIA, NEW_ZEALAND]
