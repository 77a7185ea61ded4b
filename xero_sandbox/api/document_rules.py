"""The rules for a document as it is sent. Pure: a Ledger goes in, a Draft with Xero's words comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from xero_sandbox.api.document_types import INVOICE, Kind
from xero_sandbox.api.ledger import Ledger
from xero_sandbox.api.line_rules import LARGEST_AMOUNT, Line, LineRules, read_line
from xero_sandbox.api.rates import RATE_STEP, rate_on
from xero_sandbox.wire import parse_address, parse_date, parse_id, parse_number

AMOUNT_TYPES = ("Exclusive", "Inclusive", "NoTax")
STATUSES_TO_CREATE = ("DRAFT", "SUBMITTED", "AUTHORISED")
LONGEST_TEXT = 255


@dataclass
class Draft:
    """A checked document. When `errors` is empty, the rest can be kept as it stands."""

    number: str = ""
    status: str = "DRAFT"
    issued: date = date.min
    due_date: date | None = None
    currency: str = ""
    amount_types: str = "Exclusive"
    reference: str = ""
    url: str = ""
    theme_id: UUID | None = None
    rate: Decimal = Decimal(1)
    sent_to_contact: bool = False
    lines: list[Line] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def tax(self) -> Decimal:
        """Tax is rounded on each line and then summed."""
        return sum((line.tax for line in self.lines), Decimal("0.00"))

    @property
    def sub_total(self) -> Decimal:
        """The total without tax."""
        amounts = sum((line.amount for line in self.lines), Decimal("0.00"))
        return amounts - self.tax if self.amount_types == "Inclusive" else amounts

    @property
    def total(self) -> Decimal:
        """The total with tax."""
        return self.sub_total + self.tax


def draft(kind: Kind, sent: Mapping[str, Any], ledger: Ledger, today: date, unit_step: Decimal) -> Draft:
    """Check everything about a document that does not depend on other documents or on contacts."""
    made = Draft()
    _read_type_and_status(kind, sent, made)
    _read_dates(kind, sent, ledger, today, made)
    _read_texts(kind, sent, made)
    _read_references(sent, ledger, made)
    _read_lines(kind, sent, ledger, unit_step, made)
    _read_rate(sent, ledger, made)
    if abs(made.total) > LARGEST_AMOUNT:
        made.errors.append(f"The document total cannot be more than {LARGEST_AMOUNT}.")
    if made.total < 0:
        made.errors.append("The document total cannot be less than zero. Use a credit note instead.")
    return made


def _read_type_and_status(kind: Kind, sent: Mapping[str, Any], made: Draft) -> None:
    if sent.get("Type") != kind.type:
        made.errors.append(f"Type must be specified as {kind.type}.")
    made.status = str(sent.get("Status") or "DRAFT")
    if made.status not in STATUSES_TO_CREATE:
        made.errors.append("Invoice not of valid status for creation")
    made.sent_to_contact = sent.get("SentToContact") is True
    if made.sent_to_contact and made.status != "AUTHORISED":
        made.errors.append("SentToContact can be set only on approved documents.")


def _read_dates(kind: Kind, sent: Mapping[str, Any], ledger: Ledger, today: date, made: Draft) -> None:
    made.issued = _date(sent, "Date", made) or today
    made.due_date = _date(sent, "DueDate", made)
    if made.status == "DRAFT":
        return
    if kind.needs_due_date and made.due_date is None:
        made.errors.append("Due Date cannot be empty.")
    if made.status == "AUTHORISED":
        made.errors += lock_errors(ledger, made.issued)


def _date(sent: Mapping[str, Any], name: str, made: Draft) -> date | None:
    value = sent.get(name)
    found = parse_date(value)
    if value and found is None:
        made.errors.append(f"{name} is not a valid date.")
    return found


def lock_errors(ledger: Ledger, issued: date) -> list[str]:
    """Return why an approved document of this date can be neither made, changed nor voided; empty where it can."""
    locks = (("period", ledger.period_lock_date), ("end of year", ledger.year_lock_date))
    return [
        f"The document date cannot be before the {words} lock date, currently set at {lock:%d/%m/%Y}."
        for words, lock in locks
        if lock and issued <= lock
    ]


def _read_texts(kind: Kind, sent: Mapping[str, Any], made: Draft) -> None:
    made.number = _text(sent, kind.number_field, made)
    if made.number and not (made.number.isascii() and made.number.isprintable()):
        made.errors.append(f"{kind.number_field} can hold printable ASCII characters only.")
    made.reference = _text(sent, "Reference", made)
    made.url = _text(sent, "Url", made, longest=2000)
    if made.url and parse_address(made.url) is None:
        made.errors.append("Url must be an absolute URL.")
    if "xero" in made.url.lower():
        made.errors.append("Url cannot contain the word 'xero'.")


def _text(sent: Mapping[str, Any], name: str, made: Draft, longest: int = LONGEST_TEXT) -> str:
    value = sent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        made.errors.append(f"{name} must be text.")
        return ""
    if len(value) > longest:
        made.errors.append(f"The field {name} must be a string with a maximum length of {longest}.")
    return value


def _read_references(sent: Mapping[str, Any], ledger: Ledger, made: Draft) -> None:
    made.currency = str(sent.get("CurrencyCode") or ledger.base_currency)
    if made.currency not in ledger.currencies:
        made.errors.append(f"Organisation is not subscribed to currency {made.currency}")
    theme = sent.get("BrandingThemeID")
    made.theme_id = parse_id(theme) if theme else ledger.default_theme
    if theme and made.theme_id not in ledger.themes:
        made.errors.append(f"The BrandingThemeID {theme} could not be found.")
        made.theme_id = None


def _read_rate(sent: Mapping[str, Any], ledger: Ledger, made: Draft) -> None:
    """Without a rate of its own, a document has that of its date."""
    made.rate = rate_on(ledger.base_currency, made.currency, made.issued)
    if sent.get("CurrencyRate") is None:
        return
    given = parse_number(sent["CurrencyRate"])
    if given is None or given <= 0:
        made.errors.append("CurrencyRate must be a number above zero.")
    elif made.currency != ledger.base_currency:
        made.rate = given.quantize(RATE_STEP)


def _read_lines(kind: Kind, sent: Mapping[str, Any], ledger: Ledger, unit_step: Decimal, made: Draft) -> None:
    made.amount_types = str(sent.get("LineAmountTypes") or "Exclusive")
    if made.amount_types not in AMOUNT_TYPES:
        made.errors.append(f"LineAmountTypes must be one of {', '.join(AMOUNT_TYPES)}.")
    given = sent.get("LineItems") or []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        made.errors.append("LineItems must be a list of line items.")
        given = []
    if not given and made.status != "DRAFT":
        made.errors.append("One or more line items must be specified")
    rules = LineRules(ledger, made.amount_types, made.status == "AUTHORISED", unit_step, kind is INVOICE)
    made.lines = [read_line(item, rules) for item in given]
    for line in made.lines:
        made.errors += line.errors
        made.warnings += line.warnings
