"""Chance that falls the same way on every machine and with every Python."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws from a seed of any parts.

    Only ``Random.random`` is used: its sequence is promised to stay, those of the other
    methods are not.
    """

    def __init__(self, *seed: object) -> None:
        self._random = Random("/".join(map(str, seed))).random  # noqa: S311 - made-up events

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._random() < probability

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self._random() * len(items))]

    def some(self, items: Sequence[T], share: float) -> list[T]:
        """Return about this share of the items, in their order."""
        return [item for item in items if self._random() < share]

    def hexadecimal(self, digits: int) -> str:
        """Return so many hexadecimal digits, in capitals."""
        return "".join("0123456789ABCDEF"[int(self._random() * 16)] for _ in range(digits))

    def letters(self, count: int) -> str:
        """Return so many small letters."""
        return "".join("abcdefghijklmnopqrstuvwxyz"[int(self._random() * 26)] for _ in range(count))
