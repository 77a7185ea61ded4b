"""In which encoding a text file is written: certain by its bytes, or a guess that a person must confirm."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

from invoices.reading.errors import WANTED, FileRefused

UTF_8, UTF_16, WESTERN = "utf-8-sig", "utf-16", "cp1252"
WORDS = {UTF_8: "UTF-8", UTF_16: "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
# What Windows programs write where it is not Unicode, by language.
GUESSES = (
    WESTERN,
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp932",
    "gb18030",
    "big5",
    "cp949",
)
BLOCK = 262_144
# A guess looks at so many lines that are not plain ASCII.
LINES_FOR_GUESS = 200
# Names are short: the library's own bound takes Polish ones for noise.
MOST_CHAOS = 0.4
# Two guesses whose figures differ by less are as good as each other.
CLOSE = 0.01

_NOT_ASCII = re.compile(rb"[^\r\n]{0,500}[\x80-\xff][^\r\n]{0,500}")


@dataclass(frozen=True, slots=True)
class Encoding:
    """`name` is Python's; `others` are further ones in which the file makes sense, the likeliest first."""

    name: str
    is_guessed: bool = False
    others: tuple[str, ...] = ()


def encoding_of(stream: BinaryIO, head: bytes, chosen: str = "") -> Encoding:
    """Return the encoding of `stream`, which begins with `head`; leave it at its start. Raises FileRefused."""
    if chosen:
        return Encoding(known_name(chosen))
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding(UTF_16)
    if utf_16 := _utf_16_without_mark(head):
        return Encoding(utf_16)
    if b"\0" in head[:64]:
        raise FileRefused(f"This is not a text file, or one in an encoding other than UTF-8. {WANTED}")
    try:
        return _by_all_bytes(stream)
    finally:
        stream.seek(0)


def known_name(name: str) -> str:
    """Return Python's name of an encoding that a person names. Raises FileRefused."""
    try:
        "".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise FileRefused(f"“{name[:40]}” is not the name of an encoding of text.") from error
    return UTF_8 if found == "utf-8" else found


def _utf_16_without_mark(head: bytes) -> str:
    """Return the byte order when every second byte is nothing: only UTF-16 writes text so."""
    for name, empty in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if all(part.count(0) * 2 > len(part) for part in (empty, empty[:32])):
            # The end of what was read may be half of a character.
            text = codecs.getincrementaldecoder(name)("replace").decode(head)
            return "" if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text else name
    return ""


def _by_all_bytes(stream: BinaryIO) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    block = last = b""
    try:
        while block := stream.read(BLOCK):
            if not block.isascii() or decoder.getstate()[0]:
                is_ascii = decoder.decode(block).isascii() and is_ascii
            last = block
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        sample = block or last
        return Encoding(UTF_8) if not is_ascii or _is_faulty_utf_8(sample) else _guess(sample)
    return Encoding(UTF_8)


def _is_faulty_utf_8(block: bytes) -> bool:
    """Whether more of `block` is UTF-8 than is not: then the reading says where the fault is."""
    text = block.decode("utf-8", "replace")
    wrong = text.count("\N{REPLACEMENT CHARACTER}")
    # In another encoding hardly any two letters look like one of UTF-8.
    return sum(not character.isascii() for character in text) - wrong >= wrong


def _guess(block: bytes) -> Encoding:
    """Raises FileRefused when `block` makes sense in no encoding."""
    lines = list(dict.fromkeys(_NOT_ASCII.findall(block)))[:LINES_FOR_GUESS]
    matches = list(from_bytes(b"\n".join(lines), cp_isolation=list(GUESSES), threshold=MOST_CHAOS))
    if b"\0" in block or not matches:
        raise FileRefused(
            "The file is not in UTF-8, nor in another encoding that is known. Save it again as UTF-8 "
            "(in Excel: “CSV UTF-8”)."
        )
    best = matches[0]
    # The library gives equals in the alphabet's order, and texts that are the same under the first one's name.
    equals = [each for each in matches if best.chaos + CLOSE > each.chaos and best.coherence - CLOSE < each.coherence]
    names = [name for group in (equals, matches) for match in group for name in match.could_be_from_charset]
    if WESTERN in (name for match in equals for name in match.could_be_from_charset):
        names.insert(0, WESTERN)
    first, *others = dict.fromkeys(names)
    return Encoding(first, is_guessed=True, others=tuple(others))
