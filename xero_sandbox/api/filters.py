"""Paging and the small part of Xero's `where` language that callers of this sandbox use."""

import re
from datetime import date
from typing import Any

from django.db.models import Model, Q, QuerySet

from xero_sandbox import wire
from xero_sandbox.api.answers import Refusal, bad_request
from xero_sandbox.api.request import ApiRequest

USUAL_PAGE = 100
LARGEST_PAGE = 1000
LONGEST_COUNT = 9
# As in Xero, no text holds a quotation mark.
_TEXT = r'"[^"\\]*"'
_ORDER = re.compile(r"\s*(?P<field>[A-Za-z.]+)(?:\s+(?P<way>ASC|DESC))?\s*", re.IGNORECASE)
_TOKEN = re.compile(
    rf"""\s*(?:(?P<joint>OR\b|AND\b|\|\||&&|[()])
    |(?P<field>[A-Za-z.]+?)(?:\s*(?P<sign>==|!=)\s*(?:(?P<null>null)\b|(?:Guid\(\s*)(?P<guid>{_TEXT})\s*\)|(?P<text>{_TEXT}))
    |\.Contains\(\s*(?P<part>{_TEXT})\s*\)
    |\s*(?P<bound>>=|<=)\s*DateTime\(\s*(?P<year>\d{{4}})\s*,\s*(?P<month>\d\d?)\s*,\s*(?P<day>\d\d?)\s*\)))""",
    re.VERBOSE | re.IGNORECASE,
)


def paged[M: Model](request: ApiRequest, found: QuerySet[M]) -> tuple[list[M], dict[str, Any]]:
    """Return one page with its `pagination` object, or everything and no such object when no page was asked for;
    what a page's size is does not ask for one."""
    if not request.query.get("page"):
        return list(found), {}
    page, size = _positive(request, "page", 1), min(_positive(request, "pageSize", USUAL_PAGE), LARGEST_PAGE)
    count = found.count()
    rows = list(found[(page - 1) * size : page * size])
    pages = -(-count // size)
    return rows, {"pagination": {"page": page, "pageSize": size, "pageCount": pages, "itemCount": count}}


def _positive(request: ApiRequest, name: str, usual: int) -> int:
    text = request.query.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT and int(text) >= 1):
        raise Refusal(bad_request(f"{name} must be a whole number from 1 up.", "QueryParseException", 16))
    return int(text)


def ordered[M: Model](request: ApiRequest, found: QuerySet[M], columns: dict[str, str]) -> QuerySet[M]:
    """Return `found` in the order that `order` asks for: `Field`, `Field ASC` or `Field DESC`, joined by commas. Raises
    Refusal for anything else."""
    text = request.query.get("order", "")
    if not text:
        return found
    named = {name.casefold(): column for name, column in columns.items()}
    order = []
    for part in text.split(","):
        match = _ORDER.fullmatch(part)
        column = named.get(match["field"].casefold()) if match else None
        if match is None or column is None:
            raise Refusal(bad_request(f"The sandbox cannot order by {part!r}.", "QueryParseException", 16))
        order.append(f"{'-' if (match['way'] or '').casefold() == 'desc' else ''}{column}")
    return found.order_by(*order, "pk")


def where_filter(where: str, columns: dict[str, str]) -> Q:
    """Read `Field=="value"`, `Field!=null`, `Field.Contains("value")` and `Field>=DateTime(2026, 1, 31)`, <= too,
    joined by AND, OR and parentheses (AND binds tighter). Raises Refusal for anything else."""
    tokens = _tokens(where)
    found = _any_of(tokens, columns)
    if tokens:
        raise _unreadable(where)
    return found


def _tokens(where: str) -> list[re.Match[str]]:
    tokens, at = [], 0
    while at < len(where.rstrip()):
        match = _TOKEN.match(where, at)
        if match is None:
            raise _unreadable(where[at:])
        tokens.append(match)
        at = match.end()
    return tokens


def _joint(tokens: list[re.Match[str]], *signs: str) -> bool:
    """Take the next token when it is one of these signs."""
    if tokens and (tokens[0]["joint"] or "").upper() in signs:
        tokens.pop(0)
        return True
    return False


def _any_of(tokens: list[re.Match[str]], columns: dict[str, str]) -> Q:
    found = _all_of(tokens, columns)
    while _joint(tokens, "OR", "||"):
        found |= _all_of(tokens, columns)
    return found


def _all_of(tokens: list[re.Match[str]], columns: dict[str, str]) -> Q:
    found = _term(tokens, columns)
    while _joint(tokens, "AND", "&&"):
        found &= _term(tokens, columns)
    return found


def _term(tokens: list[re.Match[str]], columns: dict[str, str]) -> Q:
    if _joint(tokens, "("):
        found = _any_of(tokens, columns)
        if not _joint(tokens, ")"):
            raise _unreadable("a parenthesis is not closed")
        return found
    if not tokens or tokens[0]["field"] not in columns:
        raise _unreadable(tokens[0][0] if tokens else "nothing")
    match = tokens.pop(0)
    column = columns[match["field"]]
    if match["part"]:
        return Q(**{f"{column}__contains": _value(match["part"])})
    if match["year"]:
        return Q(**{f"{column}__{'gte' if match['bound'] == '>=' else 'lte'}": _day(match)})
    value = "" if match["null"] else _value(match["text"] or match["guid"])
    if column.endswith("_id"):
        value = str(wire.parse_id(value) or wire.ZERO_ID)
    return ~Q(**{column: value}) if match["sign"] == "!=" else Q(**{column: value})


def _day(match: re.Match[str]) -> date:
    try:
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError as error:
        raise _unreadable(match[0]) from error


def _value(text: str) -> str:
    return text[1:-1]


def _unreadable(what: str) -> Refusal:
    return Refusal(bad_request(f"The sandbox cannot read this filter: {what}", "QueryParseException", 16))


def sought(where: str, field: str) -> list[str]:
    """Return the values that a filter seeks in one field."""
    terms = [match for match in _TOKEN.finditer(where) if match["field"] == field and match["sign"] == "=="]
    return [_value(match["text"] or match["guid"]) for match in terms if not match["null"]]
