"""To judge a file by its first rows without losing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def look_ahead[T](items: Iterator[T], size: Callable[[T], int], enough: int) -> tuple[list[T], Iterator[T]]:
    """Return the first of `items`, until their sizes come to `enough`, and an iterator over all of them.

    What fails among them fails when its turn comes, so that words can say where; at the very first, at once.
    """
    first: list[T] = []
    left, failure = enough, None
    try:
        for item in items:
            first.append(item)
            left -= size(item)
            if left <= 0:
                break
    except Exception as error:
        if not first:
            raise
        failure = error
    return list(first), _again(first, items, failure)


def _again[T](first: list[T], items: Iterator[T], failure: Exception | None) -> Iterator[T]:
    yield from first
    first.clear()
    if failure:
        raise failure
    yield from items
