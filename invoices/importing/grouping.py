"""Whether a file keeps the rows of each invoice together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Grouping:
    """What the order of the readable invoice numbers shows. `last` is the one before."""

    last: str = ""
    _comes_again: bool = False
    _has_several: bool = False
    _rises: bool = True
    _falls: bool = True

    def follow(self, number: str, *, is_known: bool) -> None:
        """Take the number of the next row; `is_known` when an earlier row has it."""
        if number == self.last:
            self._has_several = True
            return
        self._comes_again |= is_known
        if self.last:
            is_higher = _place(number) > _place(self.last)
            self._rises &= is_higher
            self._falls &= not is_higher
        self.last = number

    @property
    def keeps_together(self) -> bool:
        """Whether a row without a number can only be of the invoices before and after it, or of one of its own."""
        # Where no number comes again and the file has more than a row of one invoice, or is in the order of the
        # numbers, it was written invoice by invoice: a row far from its invoice would be the only one of its kind.
        # Single rows in any order show nothing of the sort.
        return not self._comes_again and (self._has_several or self._rises or self._falls)


def _place(number: str) -> tuple[int, str]:
    # 9 before 10, as numbers without leading zeros are counted.
    return len(number), number
