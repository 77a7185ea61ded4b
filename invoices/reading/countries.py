"""A country by its code or by its name, in English or in one of its own languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages

# Left to users by ISO 3166, and what is no country; Kosovo alone is written by everybody.
_NO_COUNTRY = re.compile("AA|Q[M-Z]|X[A-JL-Z]|ZZ|EU")
# What people write beside the names that Unicode has: https://cldr.unicode.org/translation/displaynames
_ALSO = {
    "unitedstatesofamerica": "US",
    "america": "US",
    "greatbritain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northernireland": "GB",
    "unitedkingdomofgreatbritainandnorthernireland": "GB",
    "republicofireland": "IE",
    "holland": "NL",
    "uae": "AE",
    "hongkongsar": "HK",
    "macausar": "MO",
    "republicofkorea": "KR",
    "russianfederation": "RU",
    "peoplesrepublicofchina": "CN",
    "slovakrepublic": "SK",
    "macedonia": "MK",
    "macau": "MO",
    "uk": "GB",
    "xkx": "XK",
    # Greece to the European Union's tax offices.
    "el": "GR",
}


@lru_cache(maxsize=4096)
def country_code(text: str) -> str:
    """Return the two letters of a country by its code or its name, "" when there is none, or more than one."""
    if len(text) == 2 and text in _codes().values():
        return text
    key = _key(text)
    return _codes().get(key) or _ALSO.get(key) or _english().get(key) or _own_names().get(key, "")


def _key(name: str) -> str:
    """Return what two spellings of a name have in common: letters without case and accents."""
    letters = unicodedata.normalize("NFKD", name.casefold().removeprefix("the "))
    return "".join(letter for letter in letters if letter.isalnum())


@cache
def _codes() -> dict[str, str]:
    """Codes of two and three letters, without case, to those of two."""
    aliases = get_global("territory_aliases").items()
    three = {name: codes[0] for name, codes in aliases if len(name) == 3 and name.isalpha() and len(codes) == 1}
    known = {name: code for name, code in three.items() if not _NO_COUNTRY.fullmatch(code)}
    return {name.casefold(): code for name, code in (known | {code: code for code in known.values()}).items()}


@cache
def _english() -> dict[str, str]:
    return _names(["en"])


@cache
def _own_names() -> dict[str, str]:
    """The names of all countries in all countries' languages: takes a second, and only for what is not English."""
    countries = set(_codes().values())
    return _names(sorted({each for code in countries for each in get_official_languages(code, de_facto=True)}))


def _names(languages: Iterable[str]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    countries = set(_codes().values())
    for language in languages:
        try:
            territories = Locale.parse(language).territories
        except UnknownLocaleError:
            continue
        for code in countries & territories.keys():
            found.setdefault(_key(territories[code]), set()).add(code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}
