"""What a file is by its first bytes, and words for what is none of ours."""

from __future__ import annotations

from invoices.reading.errors import WANTED, FileRefused

_SIGNATURES = (
    (b"%PDF", "a PDF file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file, or one with a password; save it as .xlsx without one"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<?xml", "an XML file"),
    (b"<!doctype html", "a web page, perhaps a sign-in page that was saved in place of the download"),
    (b"<html", "a web page, perhaps a sign-in page that was saved in place of the download"),
)


def is_archive(head: bytes) -> bool:
    """Whether a file that begins with `head` is a zip archive, as workbooks are."""
    return head.startswith(b"PK\x03\x04")


def refuse_other_kinds(head: bytes) -> None:
    """Raises FileRefused for a file that begins with `head` and is neither text nor one of ours."""
    if not head.strip():
        raise FileRefused(f"The file is empty. {WANTED}")
    start = head.lstrip().lower()
    for signature, what in _SIGNATURES:
        if start.startswith(signature.lower()):
            raise FileRefused(f"This is {what}. {WANTED}")
