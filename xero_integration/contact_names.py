"""Names, numbers and addresses of contacts: which are the same, and which Xero takes. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

# https://developer.xero.com/documentation/api/accounting/contacts
MAX_NAME = 255
MAX_NUMBER = 50
MAX_EMAIL = 255

# Keyboards, word processors and web forms write these for one another.
_APOSTROPHES = "’‘‚‛ʻʼʽˈ´`′ʹ＇`"
_QUOTATION_MARKS = "“”„‟«»″ʺ＂"
_DASHES = "‐‑‒–—―−﹘﹣－⁃"
_ALIKE = {
    **dict.fromkeys(map(ord, _APOSTROPHES), "'"),
    **dict.fromkeys(map(ord, _QUOTATION_MARKS), '"'),
    **dict.fromkeys(map(ord, _DASHES), "-"),
}
# Fillers, joiners and variation selectors show nothing, though Unicode does not call them format characters.
_SHOWS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u3164\uffa0")
_VARIATIONS = range(0xFE00, 0xFE10)
_HIDDEN = frozenset({"Cf", "Cc"})
_UNTAKEN = re.compile("[<>]")
# Pages look at the names of all customers and contacts, which hardly change from one to the next.
_REMEMBERED = 20_000


def visible(text: str) -> str:
    """Return a text without the characters that show nothing, with any run of blanks as one."""
    return " ".join("".join(letter for letter in text if not _is_hidden(letter)).split())


def _is_hidden(letter: str) -> bool:
    if letter in _SHOWS_NOTHING or ord(letter) in _VARIATIONS:
        return True
    return unicodedata.category(letter) in _HIDDEN and not letter.isspace()


@lru_cache(_REMEMBERED)
def name_key(name: str) -> str:
    """Return the form in which names are compared: what looks the same is the same, and capitals do not count."""
    plain = unicodedata.normalize("NFKC", visible(name).translate(_ALIKE))
    return visible(unicodedata.normalize("NFKC", plain.casefold()))[:MAX_NAME]


@lru_cache(_REMEMBERED)
def number_key(number: str) -> str:
    """Return the form in which contact numbers are compared: without case, and a GUID without its braces."""
    return visible(number).strip("{}").casefold()


def sendable_name(name: str) -> str:
    """Return a contact's name as Xero stores it: it drops emoji, and takes a run of blanks for one."""
    shown = unicodedata.normalize("NFC", visible(name))
    return visible("".join(letter for letter in shown if not _is_emoji(letter)))


@lru_cache(_REMEMBERED)
def spelling(name: str) -> str:
    """Return the form in which new names must differ, so that no order of accents or emoji makes Xero see one twice."""
    letters = unicodedata.normalize("NFKD", name_key(sendable_name(name)))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _is_emoji(letter: str) -> bool:
    return unicodedata.category(letter) == "So" and ord(letter) > 0x2190


def why_untaken(name: str) -> str:
    """Return why Xero takes no contact of this name, "" when it does."""
    if _UNTAKEN.search(name):
        return f"Xero takes no < or > in a contact's name, and this customer is called “{name}”."
    if not sendable_name(name):
        return "The customer's name has no letter that Xero keeps."
    return ""


def plain_email(email: str) -> str:
    """Return an e-mail address when Xero takes it for a contact (one, valid, ASCII), else ""."""
    if not email.isascii() or len(email) > MAX_EMAIL:
        return ""
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email
