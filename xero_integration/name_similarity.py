"""Names that may mean the same: suggestions for a person to judge, never a match. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

# Compared by the letters that names share three by three (Dice's coefficient of trigrams). It forgives a typing error
# and the order of words, and an index finds the few names worth comparing, where difflib would have to run through
# every pair: 2,000 customers by 3,000 contacts are six million pairs, minutes instead of a second.
LEAST = 0.6
# Letters that more names share than this tell none of them apart; they still count in the comparison.
TOO_COMMON = 150
COMPARED = 12
# Letters wrong, missing, too many or the wrong way round, and the letters that a word must have for one of them.
MOST_MISTAKES = 1
LETTERS_A_MISTAKE = 5
_JOINING = frozenset({"and", "et", "och", "og", "und", "y"})
LEGAL_FORMS = (
    "ab ag aps as bv co company corp corporation doo gmbh inc incorporated kft kg limited llc llp ltd lp nv oy oyj plc "
    "proprietary pte pty sa sarl sas sia sl spa srl uab zoo"
)
_LEGAL_FORMS = frozenset(LEGAL_FORMS.split())
_WORDS = re.compile(r"[^\W_]+")
_DROPPED = dict.fromkeys(map(ord, ".'’"))
_DIGITS = re.compile(r"\d+")


def words(name: str) -> tuple[str, ...]:
    """Return a name's words without case, accents, punctuation and legal form."""
    plain = unicodedata.normalize("NFKD", name.casefold()).translate(_DROPPED)
    found = _WORDS.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))
    return tuple(word for word in found if word not in _LEGAL_FORMS) or tuple(found)


class Names:
    """An index of names by key."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._words: dict[str, tuple[str, ...]] = {}
        self._of_words: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._grams: dict[str, frozenset[str]] = {}
        self._digits: dict[str, tuple[str, ...]] = {}
        self._having: dict[str, list[str]] = defaultdict(list)
        for key, name in names.items():
            parts = words(name)
            self._words[key] = parts
            self._of_words[tuple(sorted(parts))].append(key)
            self._grams[key], self._digits[key] = _grams(parts), _digits(parts)
            for gram in self._grams[key]:
                self._having[gram].append(key)

    def similar(self, name: str, *, most: int = 5) -> list[tuple[str, float]]:
        """Return up to `most` keys with their names' similarity (LEAST to 1), the most similar first."""
        parts = words(name)
        grams, digits = _grams(parts), _digits(parts)
        shared = Counter(key for gram in grams for key in self._rare(gram))
        # Names whose figures differ ("Plant 2", "Plant 3") are not similar, however many letters they share.
        scores = [(key, _dice(grams, self._grams[key])) for key in _best(shared) if self._digits[key] == digits]
        return sorted((each for each in scores if each[1] >= LEAST), key=lambda each: (-each[1], each[0]))[:most]

    def alike(self, name: str) -> list[str]:
        """Return the keys of names that are `name` but for legal form, accents, the order or division of
        words, or a typing error, the most alike first."""
        parts = words(name)
        grams, digits = _grams(parts), _digits(parts)
        shared = Counter(key for gram in grams for key in self._rare(gram))
        # Those of the same words even where too many names share their letters to be compared.
        found = dict.fromkeys([*self._of_words.get(tuple(sorted(parts)), [])[:COMPARED], *_best(shared)])
        rows = [(_mistakes(parts, self._words[key]), key) for key in found if self._digits[key] == digits]
        return [key for mistakes, key in sorted(rows) if mistakes <= MOST_MISTAKES]

    def _rare(self, gram: str) -> list[str]:
        having = self._having.get(gram, [])
        return having if len(having) <= TOO_COMMON else []


def _best(shared: Counter[str]) -> list[str]:
    return [key for key, _ in sorted(shared.items(), key=lambda each: (-each[1], each[0]))[:COMPARED]]


def _grams(parts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(padded[at : at + 3] for part in parts for padded in [f" {part} "] for at in range(len(part)))


def _digits(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(digits for part in parts for digits in _DIGITS.findall(part)))


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _mistakes(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many typing errors lie between two names, MOST_MISTAKES + 1 for more."""
    one, other = ([word for word in each if word not in _JOINING] for each in (one, other))
    joined, other_joined = "".join(one), "".join(other)
    if sorted(one) == sorted(other) or joined == other_joined:
        return 0
    left, right = sorted({*one} - {*other}), sorted({*other} - {*one})
    if len(one) == len(other) and len(left) == len(right) == 1:
        joined, other_joined = left[0], right[0]
    return 1 if _is_one_mistake(joined, other_joined) else MOST_MISTAKES + 1


def _is_one_mistake(one: str, other: str) -> bool:
    if len(one) < len(other):
        one, other = other, one
    if len(one) < LETTERS_A_MISTAKE or len(one) - len(other) > 1:
        return False
    at = next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(other))
    if len(one) > len(other):
        return one[at + 1 :] == other[at:]
    swapped = one[at + 1 : at + 2] + one[at : at + 1]
    return one[at + 1 :] == other[at + 1 :] or (other[at : at + 2] == swapped and one[at + 2 :] == other[at + 2 :])
