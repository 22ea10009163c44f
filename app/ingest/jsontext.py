"""What JSON text is refused before it is decoded, for its decoding could fill memory."""

from __future__ import annotations

from typing import Final

_LARGE: Final = 1 << 20
_MOST_BRACKETS: Final = 100_000


def too_long(longest: int) -> str:
    """Return what to say of a record that is longer than so many bytes."""
    return (
        f"It is longer than {longest >> 20:,} MB, so it was passed over."
        " SYSMONSEARCH_MAX_LINE_MB sets what is the longest."
    )


def refusal(text: bytes) -> str | None:
    """Return why a record is not decoded; None where it may be.

    An empty array is three bytes of text and eighty of memory, so large records that are
    made of brackets would take many times their size.
    """
    if len(text) > _LARGE and text.count(b"[") + text.count(b"{") > _MOST_BRACKETS:
        return f"It holds more than {_MOST_BRACKETS:,} arrays and objects, as no log does: it was not read."
    return None
