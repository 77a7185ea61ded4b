"""A file's encoding is certain by its bytes, or a guess that a person confirms; never a silent one."""

from __future__ import annotations

import io

import pytest

from invoices.reading.errors import FileRefused
from invoices.reading.tests.reading import cells_of, opened, refusal_of

TEXT = "Number,Customer,Net\nI-1,Müller & Söhne,5.00\nI-2,Société Générale,6.00\n"
CELLS = [["I-1", "Müller & Söhne", "5.00"], ["I-2", "Société Générale", "6.00"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("repeat", [1, 2000])
def test_unicode_is_certain_with_and_without_a_mark(encoding: str, repeat: int) -> None:
    table = opened((TEXT + TEXT.partition("\n")[2] * (repeat - 1)).encode(encoding))
    assert table.header == ("Number", "Customer", "Net")
    assert cells_of(table) == CELLS * repeat
    assert not table.encoding_is_guessed


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1252", "Größe & Söhne GmbH, Düsseldorf"),
        ("cp1252", "Compañía Española"),
        ("cp1252", "“Fabrikam’s” € desk"),
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1251", "ООО Ромашка, Москва"),
        ("cp1253", "Αθήνα Εταιρεία"),
        ("cp932", "株式会社東京のテスト"),
    ],
)
@pytest.mark.parametrize("plain", [0, 5000])
def test_what_is_not_unicode_is_guessed_for_a_person_to_confirm(encoding: str, name: str, plain: int) -> None:
    rows = "I-0;Plain;1.00\n" * plain
    content = f"Number;Customer;Net\n{rows}I-1;{name};5.00\n".encode(encoding)
    table = opened(content)
    assert table.encoding == encoding
    assert table.encoding_is_guessed
    assert table.encoding not in table.other_encodings
    assert cells_of(table)[-1][1] == name


def test_what_a_person_chose_is_certain() -> None:
    table = opened(TEXT.encode("cp1252"), encoding="cp1252")
    assert cells_of(table) == CELLS
    assert not table.encoding_is_guessed
    table = opened("A,B\nŁódź,1\n".encode("cp1250"), encoding="cp1250")
    assert cells_of(table) == [["Łódź", "1"]]


@pytest.mark.parametrize("name", ["no such", "hex", "rot13", "a\0b", "../utf-8"])
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    with pytest.raises(FileRefused):
        opened(b"A,B\n1,2\n", encoding=name)


def test_a_fault_in_utf_8_is_said_where_it_is_and_not_guessed_away() -> None:
    content = TEXT.encode() + b"I-3,M\xfcller,7.00\n"
    assert "not in UTF-8: it cannot be read" in refusal_of(content)
    assert "not in UTF-8: it cannot be read" in refusal_of(TEXT.encode() + "I-3,Mü".encode()[:-1])


def test_a_guess_never_reads_nothing_for_something() -> None:
    assert "nor in another encoding" in refusal_of(b"A,B\n" + b"x" * 100 + b"\xff\0\xfe\n")


def test_the_stream_is_read_from_its_start() -> None:
    stream = io.BytesIO(TEXT.encode("cp1252"))
    assert len(cells_of(opened(stream.getvalue()))) == 2
