"""Texts that a log may hold to harm who reads it, for every page's tests."""

from __future__ import annotations

from typing import Final

MARKUP: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% raw %}"
TURNED: Final = "cod\u202excod.exe\u200b\u2066"
CONTROLS: Final = "a\x00b\x1b[31mc\x07\x7f\x9bd"
FORMULA: Final = '=HYPERLINK("http://evil.example")\r\n@SUM(A1)'
LONG: Final = "n" * 30_000
HUGE: Final = "v" * 1_000_000
PLACEHOLDERS: Final = "%(name)s %s %d {0} {name} 100%"

TEXTS: Final = (MARKUP, TURNED, CONTROLS, FORMULA, LONG, PLACEHOLDERS)
"""One of each kind, short enough to stand in every field of many events."""

MOST_BYTES: Final = 300_000
"""No page is larger."""
