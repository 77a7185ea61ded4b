"""The rules for one line of a document, and its arithmetic."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from xero_sandbox.api.ledger import Ledger, LedgerAccount
from xero_sandbox.wire import parse_number

CENT = Decimal("0.01")
QUANTITY_STEP = Decimal("0.0001")
LONGEST_DESCRIPTION = 4000
LONGEST_CODE = 10
MOST_TRACKING = 2
LARGEST_AMOUNT = Decimal("9999999999.99")
# How far a tax amount that was sent may lie from the computed one and still be taken as an adjustment.
TAX_TOLERANCE = Decimal("0.05")
HUNDRED = Decimal(100)


@dataclass
class Line:
    """A line as it will be kept: `wire` is its JSON, the amounts are what it adds to the totals."""

    wire: dict[str, Any] = field(default_factory=dict)
    amount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LineRules:
    """What holds for every line of a document. `complete`: the document is more than a draft."""

    ledger: Ledger
    amount_types: str
    complete: bool
    unit_step: Decimal
    takes_discounts: bool = True


def read_line(sent: Mapping[str, Any], rules: LineRules) -> Line:
    """Check a line and compute its amount (quantity x unit amount less discount) and its tax."""
    line = Line()
    _read_words(sent, rules, line)
    _read_amounts(sent, rules, line)
    account = _read_account(sent, rules, line)
    _read_tax(sent, rules, account, line)
    _read_tracking(sent, rules, line)
    _read_item(sent, line)
    line.wire["LineItemID"] = str(sent.get("LineItemID") or uuid.uuid4())
    return line


def _read_words(sent: Mapping[str, Any], rules: LineRules, line: Line) -> None:
    words = sent.get("Description")
    if words is not None and not isinstance(words, str):
        line.errors.append("Description must be text.")
        words = None
    if words and len(words) > LONGEST_DESCRIPTION:
        line.errors.append(f"The field Description must be a string with a maximum length of {LONGEST_DESCRIPTION}.")
    if not words and rules.complete:
        line.errors.append("Description is mandatory.")
    line.wire["Description"] = words or ""


def _read_amounts(sent: Mapping[str, Any], rules: LineRules, line: Line) -> None:
    quantity, unit, stated = (_number(sent, name, line) for name in ("Quantity", "UnitAmount", "LineAmount"))
    if rules.complete and quantity is None:
        line.errors.append("Quantity is mandatory.")
    if rules.complete and unit is None:
        line.errors.append("UnitAmount is mandatory.")
    if not rules.takes_discounts and any(sent.get(name) for name in ("DiscountRate", "DiscountAmount")):
        line.errors.append("Discounts can be applied to sales invoices only.")
    quantity = _round(quantity if quantity is not None else Decimal(1 if unit is not None else 0), QUANTITY_STEP)
    unit = _round(unit if unit is not None else Decimal(0), rules.unit_step)
    expected = _round(_discounted(sent, quantity * unit, line), CENT)
    if stated is not None and _round(stated, CENT) != expected:
        line.errors.append(f"The line total {stated} does not match the expected line total {expected}")
    if max(abs(unit), abs(expected)) > LARGEST_AMOUNT:
        line.errors.append(f"A line amount must lie between -{LARGEST_AMOUNT} and {LARGEST_AMOUNT}.")
    line.amount = expected
    line.wire |= {"Quantity": quantity, "UnitAmount": unit, "LineAmount": expected}


def _discounted(sent: Mapping[str, Any], gross: Decimal, line: Line) -> Decimal:
    rate, amount = _number(sent, "DiscountRate", line), _number(sent, "DiscountAmount", line)
    if rate:
        line.wire["DiscountRate"] = rate
        return gross * (HUNDRED - rate) / HUNDRED
    if amount:
        line.wire["DiscountAmount"] = amount
        return gross - amount
    return gross


def _number(sent: Mapping[str, Any], name: str, line: Line) -> Decimal | None:
    value = sent.get(name)
    number = parse_number(value)
    if value is not None and number is None:
        line.errors.append(f"{name} must be a number.")
    return number


def _read_account(sent: Mapping[str, Any], rules: LineRules, line: Line) -> LedgerAccount | None:
    code = sent.get("AccountCode")
    if not code:
        if rules.complete:
            line.errors.append("Account code must be specified")
        return None
    account = rules.ledger.accounts.get(str(code))
    if len(str(code)) > LONGEST_CODE:
        line.errors.append(f"The field AccountCode must be a string with a maximum length of {LONGEST_CODE}.")
    elif account is None or not account.usable:
        line.errors.append(f"Account code '{code}' is not a valid code for this document.")
        return None
    line.wire["AccountCode"] = str(code)
    if account:
        line.wire["AccountID"] = str(account.account_id)
    return account


def _read_tax(sent: Mapping[str, Any], rules: LineRules, account: LedgerAccount | None, line: Line) -> None:
    if rules.amount_types == "NoTax":
        line.wire |= {"TaxType": "NONE", "TaxAmount": Decimal("0.00")}
        return
    tax_type = sent.get("TaxType") or (account.tax_type if account else "")
    rate = _tax_rate(str(tax_type), rules, account, line) if tax_type else Decimal(0)
    line.tax = _tax_of(line.amount, rate, rules.amount_types)
    _adjust_tax(sent, line)
    line.wire |= {"TaxType": str(tax_type or "NONE"), "TaxAmount": line.tax}


def _tax_rate(tax_type: str, rules: LineRules, account: LedgerAccount | None, line: Line) -> Decimal:
    """Sales documents take only taxes that suit revenue, and each must suit the account's class as well."""
    tax = rules.ledger.taxes.get(tax_type)
    if tax is None:
        line.errors.append(
            f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction."
        )
        return Decimal(0)
    if account and not {"REVENUE", account.klass} <= tax.applies_to:
        line.errors.append(f"The TaxType code '{tax_type}' cannot be used with account code '{account.code}'.")
    return tax.rate


def _tax_of(amount: Decimal, rate: Decimal, amount_types: str) -> Decimal:
    share = rate / (HUNDRED + rate) if amount_types == "Inclusive" else rate / HUNDRED
    return _round(amount * share, CENT)


def _adjust_tax(sent: Mapping[str, Any], line: Line) -> None:
    """A sent TaxAmount within 5 cents of the computed one is taken as it is; a wilder one is set aside
    with a warning. (Xero allows tax to be adjusted; how far, its documentation does not say.)"""
    stated = _number(sent, "TaxAmount", line)
    if stated is None or stated == line.tax:
        return
    if abs(stated - line.tax) <= TAX_TOLERANCE:
        line.tax = _round(stated, CENT)
    else:
        line.warnings.append(f"The tax amount {stated} was replaced by the calculated tax amount {line.tax}.")


def _read_tracking(sent: Mapping[str, Any], rules: LineRules, line: Line) -> None:
    tracking = sent.get("Tracking") or []
    if not isinstance(tracking, list) or len(tracking) > MOST_TRACKING:
        line.errors.append(f"A line item can have at most {MOST_TRACKING} tracking categories.")
        tracking = []
    for chosen in tracking:
        if not (isinstance(chosen, Mapping) and _is_option(chosen, rules.ledger)):
            line.errors.append("The tracking category or its option could not be found.")
    line.wire["Tracking"] = tracking


def _is_option(chosen: Mapping[str, Any], ledger: Ledger) -> bool:
    category = ledger.tracking.get(str(chosen.get("TrackingCategoryID") or chosen.get("Name")), {})
    return str(chosen.get("TrackingOptionID") or chosen.get("Option")) in category


def _read_item(sent: Mapping[str, Any], line: Line) -> None:
    """There are no items in these books, so no code is known."""
    if code := sent.get("ItemCode"):
        line.errors.append(f"Item code '{code}' is not valid.")


def _round(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, rounding=ROUND_HALF_UP)
