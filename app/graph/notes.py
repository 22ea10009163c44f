"""What a reader of a graph has to know beside it, as plain sentences."""

from __future__ import annotations

from collections import Counter
from typing import Final

EACH: Final = 10
"""So many notes of one kind are written out; the rest is counted."""


class Notes:
    """Sentences, in the order they came; many of one kind end in a count."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._kinds: Counter[str] = Counter()

    def add(self, kind: str, sentence: str) -> None:
        """Add a sentence; ``kind`` says in the plural what there may be many of."""
        self._kinds[kind] += 1
        if self._kinds[kind] <= EACH:
            self._sentences.append(sentence)

    def sentences(self) -> tuple[str, ...]:
        """Return what there is to say."""
        rest = (f"And {count - EACH:,} more {kind}." for kind, count in self._kinds.items() if count > EACH)
        return (*self._sentences, *rest)
