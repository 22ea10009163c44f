"""Ranges of integers -> expressions of their digits."""

from __future__ import annotations

from collections.abc import Iterator

from app.store.elastic.expressions import Node, Repeat, chars, choice, sequence

_DIGITS = "0123456789"


def decimals_between(low: int, high: int) -> Node | None:
    """Return the texts of the integers from ``low`` (0 at least) to ``high``; None: there are none."""
    parts = [
        part
        for length in range(len(str(low)), len(str(high)) + 1)
        for part in _of_length(max(low, 10 ** (length - 1) if length > 1 else 0), min(high, 10**length - 1))
    ]
    return choice(parts) if high >= low else None


def _of_length(low: int, high: int) -> Iterator[Node]:
    """Yield the integers of one number of digits: those that share their first digits together."""
    if low > high:
        return
    first, last = str(low), str(high)
    shared = next((place for place in range(len(first)) if first[place] != last[place]), len(first))
    head = [chars(digit) for digit in first[:shared]]
    if shared == len(first):
        yield sequence(head)
        return
    rest = len(first) - shared - 1
    begin, end = int(first[shared]), int(last[shared])
    if first[shared + 1 :] != "0" * rest:
        yield sequence([*head, chars(first[shared]), _from(first[shared + 1 :])])
        begin += 1
    if last[shared + 1 :] != "9" * rest:
        end -= 1
    if begin <= end:
        yield sequence([*head, chars(_DIGITS[begin : end + 1]), *_any(rest)])
    if last[shared + 1 :] != "9" * rest:
        yield sequence([*head, chars(last[shared]), _to(last[shared + 1 :])])


def _any(count: int) -> list[Node]:
    return [Repeat(chars(_DIGITS), count, count)] if count else []


def _from(digits: str) -> Node:
    """Return all texts of so many digits that are not before this one."""
    parts = [
        sequence(
            [*map(chars, digits[:place]), chars(_DIGITS[int(digit) + 1 :]), *_any(len(digits) - place - 1)]
        )
        for place, digit in enumerate(digits)
        if digit != "9"
    ]
    return choice([*parts, sequence(map(chars, digits))])


def _to(digits: str) -> Node:
    """Return all texts of so many digits that are not behind this one."""
    parts = [
        sequence([*map(chars, digits[:place]), chars(_DIGITS[: int(digit)]), *_any(len(digits) - place - 1)])
        for place, digit in enumerate(digits)
        if digit != "0"
    ]
    return choice([*parts, sequence(map(chars, digits))])
