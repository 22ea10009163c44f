"""Rison: the way in which Kibana writes its state into addresses, JSON with fewer quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

Value = str | int | bool | None | Mapping[str, "Value"] | Sequence["Value"]

#: A text that needs no quotes: no sign of Rison's in it, and not begun like a number.
_PLAIN: Final = re.compile(r"[A-Za-z_./~][A-Za-z0-9_./~-]*")
_NAMED: Final = {None: "!n", True: "!t", False: "!f"}


def rison(value: Value) -> str:
    """Return a value as Rison; it must still be percent-encoded to stand in an address."""
    match value:
        case None | bool():
            return _NAMED[value]
        case int():
            return str(value)
        case str():
            return _text(value)
        case Mapping():
            return "(" + ",".join(f"{_text(key)}:{rison(item)}" for key, item in value.items()) + ")"
        case _:
            return "!(" + ",".join(map(rison, value)) + ")"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return "'" + re.sub("[!']", r"!\g<0>", text) + "'"
