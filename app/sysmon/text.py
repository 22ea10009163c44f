"""Texts as all engines compare them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def fold(text: str) -> str:
    """Return ``text`` in lower case, code point by code point.

    Python's own ``str.lower`` knows words (final sigma) and may lengthen a text
    (``İ``); Arrow and DuckDB do not, and what one engine finds the other must find.
    """
    if text.isascii():
        return text.lower()
    return str(pc.utf8_lower(pa.scalar(text)).as_py())
