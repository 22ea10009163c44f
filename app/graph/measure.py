"""How wide a text will be, and what of it fits: names are shortened before they are drawn.

The reader's font is not known here, so widths are a little too large rather than too small.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from app.sysmon.text import visible

_NARROW: Final = frozenset("iljI|'.,:;!`")
_SLIM: Final = frozenset('ftr()[]{}-/\\ "')
_BROAD: Final = frozenset("mwMW@%")
_MONO: Final = 0.605
_BREAKS: Final = {0x09: "\u2409", 0x0A: "\u240a"}
LONGEST: Final = 400
"""So many characters of a text are looked at, from its start and its end together."""


def text_width(text: str, size: float, *, mono: bool = False, bold: bool = False) -> float:
    """Return the width of a text in pixels, for a font of so many pixels."""
    ems = sum(_MONO if mono and character.isascii() else _em(character) for character in text)
    return size * ems * (1.06 if bold and not mono else 1)


@lru_cache(maxsize=4096)
def _em(character: str) -> float:
    if character in _NARROW:
        return 0.28
    if character in _SLIM:
        return 0.37
    if character in _BROAD:
        return 0.86
    if unicodedata.combining(character):
        return 0.0
    if character == "…" or unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character.isascii():
        return 0.66 if character.isupper() else 0.565
    return 0.75


def fit(text: str, width: float, size: float, *, mono: bool = False, bold: bool = False) -> str:
    """Return the text as it is drawn within a width: made visible, and cut in the middle.

    The end says more than the beginning, so more of it is kept.
    """
    shown = in_one_line(shorten(text, LONGEST))
    if text_width(shown, size, mono=mono, bold=bold) <= width:
        return shown
    # The longest cut that fits, found by halving.
    low, high = 0, len(shown) - 1
    while low < high:
        room = (low + high + 1) // 2
        if text_width(_cut(shown, room), size, mono=mono, bold=bold) <= width:
            low = room
        else:
            high = room - 1
    return _cut(shown, low)


def in_one_line(text: str) -> str:
    """Return the text as a label shows it: what would be hidden, or break the line, is a symbol."""
    return visible(text).translate(_BREAKS)


def shorten(text: str, longest: int) -> str:
    """Return the text, or its beginning and end with ``…`` between, where it is longer."""
    return text if len(text) <= longest else _cut(text, longest - 1)


def _cut(text: str, room: int) -> str:
    tail = max(room * 3 // 5, room - 8)
    return f"{text[: room - tail]}…{text[len(text) - tail :] if tail else ''}"
