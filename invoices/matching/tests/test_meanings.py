from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from django.conf import settings

from invoices.importing.aggregation import Gathering
from invoices.importing.parser import Line, parse
from invoices.matching.meanings import FIELDS, FIRST_FIELDS, LATER_FIELDS, MEANINGS, REQUIRED
from invoices.tests.c3_files import a_row, csv_bytes

SAMPLES = settings.BASE_DIR / "sample_data"


def hashes(content: bytes) -> dict[str, str]:
    gathering = Gathering()
    for line in parse(io.BytesIO(content)):
        assert isinstance(line, Line)
        gathering.add(line)
    found = ((number, gathering.invoices.get(number)) for number in gathering.invoices)
    return {number: facts.source_hash for number, facts in found if facts}


@pytest.mark.parametrize(
    ("name", "number", "of_one", "of_all"),
    [
        (
            "c3-invoice-lines-20260818.csv",
            "Invoice_HumongousSkiHouse_ERP1000_20260818_AUD",
            "8781c06f66051e45425940afce137d03a1fd99df0278f5f03947508af88a297e",
            "0306f85d56058e11fe19ecb406287c9cbea447207f794338a7f82d772a3345d8",
        ),
        (
            "c3-invoice-lines-20260918.csv",
            "Invoice_HumongousSkiHouse_ERP1000_20260918_AUD",
            "6c195959b9ae037ff5d2af7d46872afdfa1b5e1fd6bb16664e9fb426d681e4fc",
            "fe61fa429fc0b664d6e1719a8f86e237587c1490cdb1dde3128f3df42ec50055",
        ),
        (
            "c3-invoice-lines-20261018.csv",
            "Invoice_HumongousSkiHouse_ERP1000_20261018_AUD",
            "d13ffd3d279ee322062f46962fba698e3f257f095c80b189cf94715a47a753d8",
            "4dcbb7b0c083454159cb76fd974df480d78c579d1ade0beef1758d5eea8d51cb",
        ),
    ],
)
def test_what_the_first_release_imported_compares_as_unchanged(
    name: str, number: str, of_one: str, of_all: str
) -> None:
    found = hashes(Path(SAMPLES / name).read_bytes())

    assert found[number] == of_one
    # Of all 120 as that release computed them.
    assert hashlib.sha256("".join(sorted(found.values())).encode()).hexdigest() == of_all


@pytest.mark.parametrize("field", LATER_FIELDS)
def test_a_later_field_counts_once_it_is_filled(field: str) -> None:
    empty, filled = hashes(csv_bytes(a_row())), hashes(csv_bytes(a_row(**{field: "4711"})))

    assert empty != filled
    assert hashes(csv_bytes(a_row(**{field: ""}))) == empty


def test_the_fields_of_the_first_release_stay_in_their_order() -> None:
    assert FIELDS[: len(FIRST_FIELDS)] == FIRST_FIELDS
    assert (len(FIRST_FIELDS), FIRST_FIELDS[0], FIRST_FIELDS[-1]) == (39, "CustomerBillingType", "BillingId")


def test_every_meaning_is_a_field_and_every_required_field_can_be_matched() -> None:
    fields = [meaning.field for meaning in MEANINGS]

    assert len(set(fields)) == len(fields)
    assert set(fields) <= set(FIELDS)
    assert set(REQUIRED) <= set(fields)
