from __future__ import annotations

import pytest

from invoices.matching.written_dates import Ambiguous, Order, OtherOrder, decides, is_ambiguous, iso_date


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("2026-05-18", "", "2026-05-18"),
        ("2026-05-18T00:00:00", "iso", "2026-05-18T00:00:00"),
        ("2026-05-18T14:00:00Z", "iso", "2026-05-18T14:00:00Z"),
        ("2026/5/8", "", "2026-05-08"),
        ("20260518", "", "2026-05-18"),
        ("18.05.2026", "", "2026-05-18"),
        ("05.06.2026", "", "2026-06-05"),
        ("18/05/2026", "dmy", "2026-05-18"),
        ("05/06/2026", "dmy", "2026-06-05"),
        ("05/06/2026", "mdy", "2026-05-06"),
        ("5-6-2026", "dmy", "2026-06-05"),
        ("05/18/2026", "", "2026-05-18"),
        ("07/07/2026", "", "2026-07-07"),
        ("18/05/26", "dmy", "2026-05-18"),
        ("18/05/2026 14:30", "dmy", "2026-05-18"),
        ("05/18/2026 2:30 PM", "mdy", "2026-05-18"),
        ("05/18/2026 2:30 PM +02:00", "mdy", "2026-05-18T14:30:00+02:00"),
        ("12/31/2026 12:05 AM Z", "mdy", "2026-12-31T00:05:00Z"),
        ("18 May 2026", "", "2026-05-18"),
        ("18-May-26", "", "2026-05-18"),
        ("May 18, 2026", "", "2026-05-18"),
        ("18. Mai 2026", "", "2026-05-18"),
        ("3. März 2026", "", "2026-03-03"),
        ("1er août 2026", "", "2026-08-01"),
        ("18 de mayo de 2026", "", "2026-05-18"),
        ("18 mei 2026", "", "2026-05-18"),
        ("18 maggio 2026", "", "2026-05-18"),
        ("18 de fevereiro de 2026", "", "2026-02-18"),
        ("18 października 2026", "", "2026-10-18"),
        ("46160", "serial", "2026-05-18"),
        ("46160.5", "serial", "2026-05-18"),
    ],
)
def test_it_reads_a_date_by_the_order_of_its_column(text: str, order: str, iso: str) -> None:
    assert iso_date(text, Order(order)) == iso


@pytest.mark.parametrize("text", ["05/06/2026", "5-6-2026", "05/06/26", "1/2/2026 10:00"])
def test_what_could_be_two_days_is_not_guessed(text: str) -> None:
    assert is_ambiguous(text)
    assert decides(text) is None
    with pytest.raises(Ambiguous):
        iso_date(text, Order.UNKNOWN)


@pytest.mark.parametrize(("text", "order"), [("05/18/2026", "dmy"), ("18/05/2026", "mdy")])
def test_what_is_written_in_the_other_order_is_told_apart_from_what_is_no_date(text: str, order: str) -> None:
    with pytest.raises(OtherOrder):
        iso_date(text, Order(order))


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("text", ["", "soon", "31/02/2026", "32.01.2026", "2026-02", "18 Foo 2026", "99999", "5"])
def test_what_is_no_date_is_refused(text: str, order: Order) -> None:
    with pytest.raises(ValueError):
        iso_date(text, order)
    assert decides(text) is None
