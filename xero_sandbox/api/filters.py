"""Paging and the small part of Xero's `where` language that callers of this sandbox use."""

import re
from typing import Any

from django.db.models import Model, Q, QuerySet

from xero_sandbox import wire
from xero_sandbox.api.answers import Refusal, bad_request
from xero_sandbox.api.ask import Ask

USUAL_PAGE = 100
LARGEST_PAGE = 1000
LONGEST_COUNT = 9
_TERM = re.compile(r'^\(?\s*([A-Za-z.]+)\s*(==|!=)\s*(?:Guid\(\s*)?"((?:[^"\\]|\\.)*)"\s*\)?\s*\)?$')
_OR = re.compile(r'\s+(?:OR|\|\|)\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', re.IGNORECASE)
_AND = re.compile(r'\s+(?:AND|&&)\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', re.IGNORECASE)


def paged[M: Model](ask: Ask, found: QuerySet[M]) -> tuple[list[M], dict[str, Any]]:
    """Return one page with its `pagination` object, or everything and no such object when no page was asked for."""
    if not ask.query.get("page") and not ask.query.get("pageSize"):
        return list(found), {}
    page, size = _positive(ask, "page", 1), min(_positive(ask, "pageSize", USUAL_PAGE), LARGEST_PAGE)
    count = found.count()
    rows = list(found[(page - 1) * size : page * size])
    pages = -(-count // size)
    return rows, {"pagination": {"page": page, "pageSize": size, "pageCount": pages, "itemCount": count}}


def _positive(ask: Ask, name: str, usual: int) -> int:
    text = ask.query.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT and int(text) >= 1):
        raise Refusal(bad_request(f"{name} must be a whole number from 1 up.", "QueryParseException", 16))
    return int(text)


def where_filter(where: str, columns: dict[str, str]) -> Q:
    """Read `Field=="value"` terms joined by AND and OR (AND binds tighter). Raises Refusal for anything else."""
    total = Q(pk__in=[])
    for alternative in _OR.split(where.strip()):
        every = Q()
        for term in _AND.split(alternative):
            every &= _term(term, columns)
        total |= every
    return total


def _term(term: str, columns: dict[str, str]) -> Q:
    match = _TERM.match(term.strip())
    if match is None or match[1] not in columns:
        raise Refusal(bad_request(f"The sandbox cannot read this filter: {term}", "QueryParseException", 16))
    column, value = columns[match[1]], re.sub(r"\\(.)", r"\1", match[3])
    if column.endswith("_id"):
        value = str(wire.parse_id(value) or wire.ZERO_ID)
    return ~Q(**{column: value}) if match[2] == "!=" else Q(**{column: value})


def sought(where: str, field: str) -> list[str]:
    """Return the values that a filter seeks in one field."""
    return [
        re.sub(r"\\(.)", r"\1", match[3])
        for alternative in _OR.split(where.strip())
        for term in _AND.split(alternative)
        if (match := _TERM.match(term.strip())) and match[1] == field and match[2] == "=="
    ]
