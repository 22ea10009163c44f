"""Texts as all engines compare them."""

from __future__ import annotations


def fold(text: str) -> str:
    """Return ``text`` in lower case, code point by code point.

    Python's own ``str.lower`` knows words (final sigma) and may lengthen a text
    (``İ``); Arrow and DuckDB do not, and what one engine finds the other must find.
    Letters that came with Unicode 15 and later may keep their case in an engine.
    """
    if text.isascii():
        return text.lower()
    return "".join(character.lower()[0] for character in text)
