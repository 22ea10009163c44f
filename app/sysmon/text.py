"""Texts as all engines compare them."""

from __future__ import annotations

import re
from typing import Final


def fold(text: str) -> str:
    """Return ``text`` in lower case, code point by code point.

    Python's own ``str.lower`` knows words (final sigma) and may lengthen a text
    (``İ``); Arrow and DuckDB do not, and what one engine finds the other must find.
    Letters that came with Unicode 15 and later may keep their case in an engine.
    """
    if text.isascii():
        return text.lower()
    return "".join(character.lower()[0] for character in text)


def visible(text: str) -> str:
    """Return log data for pages and pictures: what would be hidden, or turn text round, is shown.

    Control characters become their pictures (``␀``, ``␛``); line feeds and tabs stay. Marks
    of direction and characters without width become their code point, ``‹202E›``: a file
    named ``cod‹202E›cod.exe`` must not read as ``codexe.doc``.
    """
    return _HIDDEN.sub(_shown, text)


_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u2039{code:04X}\u203a"
