"""Xero's words are spelt in one place, and as Xero's own library spells them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Any

import pytest
from xero_python import accounting

from c3portal.tests.imports import ALL
from xero_integration.client import vocabulary
from xero_integration.models import InvoiceStatus

CLASSES = [each for each in vars(vocabulary).values() if isinstance(each, type)]
WORDS = [each for each in CLASSES if list(getattr(each, "__members__", []))]
# What takes each of the words that Xero's library has no enumeration of, and refuses any other.
TAKES: list[tuple[type[StrEnum], Callable[[Any], Any]]] = [
    (vocabulary.SalesType, lambda word: accounting.Invoice(type=word)),
    (vocabulary.DocumentStatus, lambda word: accounting.Invoice(status=word)),
    (vocabulary.OrganisationClass, lambda word: accounting.Organisation(_class=word)),
    (vocabulary.DocumentStatus, lambda word: accounting.CreditNote(status=word)),
    (vocabulary.PaymentStatus, lambda word: accounting.Payment(status=word)),
    (vocabulary.RecordStatus, lambda word: accounting.Account(status=word)),
    (vocabulary.RecordStatus, lambda word: accounting.TaxRate(status=word)),
    (vocabulary.RecordStatus, lambda word: accounting.Contact(contact_status=word)),
    (vocabulary.RecordStatus, lambda word: accounting.TrackingOption(status=word)),
]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(vocabulary.AccountType, accounting.AccountType), (vocabulary.TaxType, accounting.TaxType)],
)
def test_each_word_is_one_of_xeros_enumeration(ours: type[StrEnum], theirs: type[Enum]) -> None:
    assert {each.value for each in ours} <= {each.value for each in theirs}


@pytest.mark.parametrize(("ours", "take"), TAKES)
def test_each_word_is_one_that_xeros_model_takes(ours: type[StrEnum], take: Callable[[Any], Any]) -> None:
    for word in ours:
        take(word)
    with pytest.raises(ValueError, match="no word"):
        take("no word")


def test_every_word_is_held_against_xeros_library() -> None:
    held = {ours for ours, _ in TAKES} | {vocabulary.AccountType, vocabulary.TaxType}
    assert held == set(WORDS)


def test_the_statuses_that_an_upload_can_choose_are_xeros() -> None:
    assert set(InvoiceStatus.values) <= set(vocabulary.DocumentStatus)


def test_no_other_module_spells_them() -> None:
    words = {str(word) for each in WORDS for word in each}
    spelt = {
        (name, node.value)
        for name, path in ALL.items()
        if not name.endswith(".vocabulary")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in words
    }
    assert spelt == set()
